"""Lists in pages: the newest first, continued after the last one seen (contract section 2.2, "lists")."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import msgspec

from tabletap.kernel.errors import FieldError, InvalidRequest
from tabletap.kernel.ids import Id, is_id

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
_BEFORE_ALL: Id = "ffffffff-ffff-ffff-ffff-ffffffffffff"
"""Above every id: where the newest page begins."""

T = TypeVar("T")
R = TypeVar("R")


class Page(msgspec.Struct, Generic[T], frozen=True, rename="camel", omit_defaults=True):
    """One page of a list; without a cursor it is the last."""

    items: list[T]
    next_cursor: str | None = None


def encode_cursor(last_id: Id) -> str:
    """The opaque text that continues a list after this one."""
    return base64.urlsafe_b64encode(last_id.encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> Id:
    """The id a cursor continues after; no cursor: before the newest. Raises InvalidRequest for anything else."""
    if cursor is None:
        return _BEFORE_ALL
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    if not is_id(text):
        sentence = "cursor is not one that a list gave out."
        raise InvalidRequest(sentence, errors=[FieldError("cursor", sentence)])
    return text


def checked_limit(limit: int) -> int:
    """The limit itself when it is from 1 to 200. Raises InvalidRequest otherwise."""
    if not 1 <= limit <= MAX_LIMIT:
        sentence = f"limit is a number from 1 to {MAX_LIMIT}."
        raise InvalidRequest(sentence, errors=[FieldError("limit", sentence)])
    return limit


async def page_of(
    fetch: Callable[[Id, int], Awaitable[list[R]]],
    limit: int,
    cursor: str | None,
    *,
    key: Callable[[R], Id],
    view: Callable[[R], T],
) -> Page[T]:
    """One page of what `fetch(before_id, count)` gives, newest first. Raises InvalidRequest for bad ones."""
    count = checked_limit(limit)
    rows = await fetch(decode_cursor(cursor), count + 1)  # one more than asked tells whether there is another page
    shown = rows[:count]
    return Page([view(row) for row in shown], encode_cursor(key(shown[-1])) if len(rows) > count else None)
