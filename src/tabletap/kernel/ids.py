"""Identifiers: UUIDv7 as lowercase strings, ordered by the time they were made (RFC 9562, section 5.7)."""

import re
import secrets
import time
from typing import Annotated, TypeAlias

import msgspec

ID_PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$(?!\n)"
Id: TypeAlias = str
"""An id inside the program."""
GivenId: TypeAlias = Annotated[str, msgspec.Meta(pattern=ID_PATTERN)]
"""An id as a caller writes it in a request body: checked for its shape."""

_shape = re.compile(ID_PATTERN)


def new_id() -> Id:
    """A fresh UUIDv7: 48 bits of Unix milliseconds, then 74 random bits."""
    random_bits = secrets.randbits(74)
    value = (time.time_ns() // 1_000_000) << 80 | 0x7 << 76 | (random_bits >> 62) << 64 | 0b10 << 62
    digits = f"{value | (random_bits & ((1 << 62) - 1)):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def is_id(text: str) -> bool:
    """Whether the text has the shape of an id. Anything else is simply not there: look-ups answer "not found"."""
    return _shape.match(text) is not None
