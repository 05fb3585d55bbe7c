"""Who acts: roles and the actor that every use-case is told about."""

from datetime import datetime
from enum import StrEnum

import msgspec

from tabletap.kernel.errors import CurrencyMismatch, NotAllowed, OtherCafe
from tabletap.kernel.ids import Id


class Role(StrEnum):
    """What a person is at a cafe (contract section 2)."""

    ADMIN = "admin"
    MANAGER = "manager"
    COUNTER = "counter"
    STAFF = "staff"
    KITCHEN = "kitchen"
    CUSTOMER = "customer"
    BOARD = "board"


_INCLUDED: dict[Role, frozenset[Role]] = {
    Role.ADMIN: frozenset({Role.ADMIN, Role.MANAGER, Role.COUNTER, Role.STAFF}),
    Role.MANAGER: frozenset({Role.MANAGER, Role.COUNTER, Role.STAFF}),
    Role.COUNTER: frozenset({Role.COUNTER, Role.STAFF}),
}


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """The person (or device, or our own background work) on whose behalf something happens, taken from the token."""

    cafe_id: Id
    person_id: Id
    roles: frozenset[Role]
    audience: str = "access"
    """`access` for people with an account, `guest` for anonymous guests, `device` for paired devices."""
    table_id: Id | None = None
    session_id: Id | None = None
    """The table session a guest sits in: friends at one table read, split and pay the same order."""
    expires_at: datetime | None = None
    token_id: Id | None = None
    family_id: Id | None = None
    """The sign-in that the token comes from."""
    address: str | None = None
    user_agent: str | None = None

    def is_(self, role: Role) -> bool:
        """Whether the actor has the role, itself or through a higher one: admin > manager > counter > staff."""
        return any(role is mine or role in _INCLUDED.get(mine, ()) for mine in self.roles)

    @property
    def is_staff(self) -> bool:
        """Role staff or above: what "staff" means in the contract's *who* columns."""
        return self.is_(Role.STAFF)

    @property
    def is_guest(self) -> bool:
        """An anonymous customer: pays by every method but credit."""
        return self.audience == "guest"

    def require(self, *roles: Role) -> None:
        """Raise NotAllowed unless the actor has one of the roles."""
        if not any(self.is_(role) for role in roles):
            raise NotAllowed

    def require_cafe(self, cafe_id: Id | None) -> None:
        """A cafe named in a request is an assertion: another cafe than the token's is refused."""
        if cafe_id is not None and cafe_id != self.cafe_id:
            raise OtherCafe


SYSTEM_ID: Id = "00000000-0000-7000-8000-000000000000"
"""The person id of our own background work."""


def system(cafe_id: Id) -> Actor:
    """Our own background work, acting inside one cafe."""
    return Actor(cafe_id=cafe_id, person_id=SYSTEM_ID, roles=frozenset({Role.ADMIN}), audience="system")


def require_currency(given: str | None, of_cafe: str) -> None:
    """A currency named in a request is an assertion: another one than the cafe's is refused."""
    if given is not None and given != of_cafe:
        raise CurrencyMismatch(f"This cafe trades in {of_cafe}, not in {given[:3]}.")
