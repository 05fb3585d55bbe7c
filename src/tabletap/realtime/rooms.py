"""The only place where a Socket.IO room is spelled. Rooms of one name in two namespaces are two rooms."""

from tabletap.kernel.ids import Id


def of_stream(cafe_id: Id, key: str) -> str:
    """Everybody in a namespace who is up to date with a stream. Tenants never share a room, whatever its key."""
    return f"{cafe_id}/{key}"
