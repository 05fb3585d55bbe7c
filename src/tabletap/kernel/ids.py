"""Identifiers: UUIDv7 as lowercase strings, ordered by the time they were made (RFC 9562, section 5.7)."""

import re
import time
from datetime import datetime
from os import urandom
from typing import Annotated, TypeAlias

import msgspec

from tabletap.kernel.clock import milliseconds

ID_PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$(?!\n)"
Id: TypeAlias = str
"""An id inside the program."""
GivenId: TypeAlias = Annotated[str, msgspec.Meta(pattern=ID_PATTERN)]
"""An id as a caller writes it in a request body: checked for its shape."""

_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
"""The digit that carries the two variant bits beside two random ones."""
_shape = re.compile(ID_PATTERN)


def new_id() -> Id:
    """A fresh UUIDv7: 48 bits of Unix milliseconds, then 74 random bits."""
    stamp = f"{time.time_ns() // 1_000_000:012x}"
    random = urandom(10).hex()
    variant = _VARIANT[random[3]]
    return f"{stamp[:8]}-{stamp[8:]}-7{random[:3]}-{variant}{random[4:7]}-{random[8:]}"


def first_id_at(moment: datetime) -> Id:
    """The lowest id of a moment: ids made before it are below, those made since are not."""
    stamp = f"{milliseconds(moment):012x}"
    return f"{stamp[:8]}-{stamp[8:]}-7000-8000-000000000000"


def is_id(text: str) -> bool:
    """Whether the text has the shape of an id. Anything else is simply not there: look-ups answer "not found"."""
    return _shape.match(text) is not None
