"""WebSocket frames as a server writes them (RFC 6455, 5.2): unmasked, whole, never compressed."""

from struct import Struct

TEXT, BINARY, CLOSE = 0x81, 0x82, 0x88
_TWO_BYTES, _EIGHT_BYTES = 126, 127
_SHORT, _LONG, _LONGEST = Struct("!BB").pack, Struct("!BBH").pack, Struct("!BBQ").pack
NORMAL, NOT_TEXT, RESTARTING = 1000, 1007, 1012
"""The close codes that we say (RFC 6455, 7.4.1, and the registry it founded)."""


def frame(payload: bytes, kind: int = TEXT) -> bytes:
    """A frame that holds a whole message."""
    size = len(payload)
    if size < _TWO_BYTES:
        return _SHORT(kind, size) + payload
    if size < 1 << 16:
        return _LONG(kind, _TWO_BYTES, size) + payload
    return _LONGEST(kind, _EIGHT_BYTES, size) + payload


def close_frame(code: int) -> bytes:
    """The last frame of a connection."""
    return frame(code.to_bytes(2, "big"), CLOSE)


def frame_of(packet: str | bytes) -> bytes:
    """The frame of a packet: text as text, bytes as bytes."""
    return frame(packet.encode()) if isinstance(packet, str) else frame(packet, BINARY)
