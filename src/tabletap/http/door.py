"""What a route asks of its callers, said beside its path. A route that says nothing lets signed-in people in."""

from typing import Any

import msgspec
from litestar.handlers import BaseRouteHandler

from tabletap.kernel.people import Role

_KEY = "door"


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """Who may come in, and with what."""

    public: bool = False
    """Nobody is asked for a token."""
    roles: tuple[Role, ...] = ()
    """At least one of them, itself or through a higher one; none named: any signed-in person. Services look closer."""
    query: type[msgspec.Struct] | None = None
    """The query parameters it takes; others are refused, not ignored."""
    refuses_cards: bool = False
    """A body with a card number in it is turned away before anything else."""
    needs_key: bool = False
    """It moves money: an Idempotency-Key is required."""


_ORDINARY = Door()


def door(
    *roles: Role, public: bool = False, query: type[msgspec.Struct] | None = None, money: bool = False
) -> dict[str, Any]:
    """The `opt` of a route. `money` routes need a key and take no card numbers."""
    return {_KEY: Door(public=public, roles=roles, query=query, refuses_cards=money, needs_key=money)}


def without_cards(*roles: Role) -> dict[str, Any]:
    """The `opt` of a route near money that needs no key of its own: an order, a split."""
    return {_KEY: Door(roles=roles, refuses_cards=True)}


def door_of(handler: BaseRouteHandler) -> Door:
    """What a route asks of its callers."""
    found: Door = handler.opt.get(_KEY, _ORDINARY)
    return found
