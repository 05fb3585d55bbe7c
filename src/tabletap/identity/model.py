"""Who people are to a cafe, and what they see of an account (contract section 2). Pure."""

import re
import unicodedata
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from tabletap.kernel.errors import FieldError, InvalidRequest
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Role

PersonKind = Literal["staff", "customer", "guest"]
Tier = Literal["standard", "premium"]

STAFF_ROLES = frozenset({Role.ADMIN, Role.MANAGER, Role.COUNTER, Role.STAFF, Role.KITCHEN})
"""What a person who works here can be."""
MAX_NAME_CHARACTERS = 120
MAX_EMAIL_CHARACTERS = 254
"""RFC 5321, section 4.5.3.1.3: a path has 256 octets with its brackets."""
_RANK = tuple(Role)
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")

GivenName = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME_CHARACTERS)]
GivenEmail = Annotated[str, msgspec.Meta(min_length=3, max_length=MAX_EMAIL_CHARACTERS)]


class Person(msgspec.Struct, frozen=True):
    """Somebody at one cafe: a row of `person`."""

    cafe_id: Id
    id: Id
    kind: PersonKind
    name: str | None
    email: str | None
    """Lower-case, unique within the cafe."""
    password_hash: str | None
    roles: list[str]
    tier: Tier
    disabled_at: datetime | None
    created_at: datetime

    @property
    def role_set(self) -> frozenset[Role]:
        """The roles as the actor carries them."""
        return frozenset(Role(role) for role in self.roles)

    @property
    def may_sign_in(self) -> bool:
        """Has a password and was not shut out."""
        return self.password_hash is not None and self.disabled_at is None


class Addressee(msgspec.Struct, frozen=True):
    """Somebody to whom something is said."""

    id: Id
    roles: list[str]

    @property
    def role_set(self) -> frozenset[Role]:
        """The roles they were given."""
        return frozenset(Role(role) for role in self.roles)


class RefreshToken(msgspec.Struct, frozen=True):
    """A row of `refresh_token`. All tokens that came from one sign-in are a family; one of them can be used."""

    cafe_id: Id
    id: Id
    family_id: Id
    person_id: Id
    audience: Literal["access", "guest", "device"]
    hash: str
    """SHA-256 of the token: who reads the database cannot sign in with it."""
    table_id: Id | None
    session_id: Id | None
    issued_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


class SignedIn(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The answer of every sign-in."""

    access_token: str
    refresh_token: str
    expires_in: int
    """Seconds until the access token expires."""
    cafe_id: Id
    roles: list[Role]
    customer_id: Id | None = None


class PersonView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A member of staff as the manager sees them."""

    id: Id
    roles: list[Role]
    created_at: datetime
    name: str | None = None
    email: str | None = None


class CustomerView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A customer account as staff see it."""

    id: Id
    tier: Tier
    created_at: datetime
    name: str | None = None
    email: str | None = None


class CreateCustomer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`POST /customers`."""

    name: GivenName | None = None
    email: GivenEmail | None = None
    tier: Tier = "standard"


class ChangeCustomer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`PATCH /customers/{id}`: what is not named stays, `null` clears."""

    name: GivenName | None | msgspec.UnsetType = msgspec.UNSET
    email: GivenEmail | None | msgspec.UnsetType = msgspec.UNSET
    tier: Tier | msgspec.UnsetType = msgspec.UNSET


def new_person(
    cafe_id: Id,
    kind: PersonKind,
    roles: frozenset[Role],
    created_at: datetime,
    *,
    name: str | None = None,
    email: str | None = None,
    tier: Tier = "standard",
) -> Person:
    """Somebody who was not here before, without a password yet. Raises InvalidRequest for a bad name or address."""
    return Person(
        cafe_id=cafe_id,
        id=new_id(),
        kind=kind,
        name=None if name is None else checked_name(name),
        email=None if email is None else checked_email(email),
        password_hash=None,
        roles=[str(role) for role in in_order(roles)],
        tier=tier,
        disabled_at=None,
        created_at=created_at,
    )


def in_order(roles: frozenset[Role]) -> list[Role]:
    """Roles from the highest down, so that answers look the same every time."""
    return sorted(roles, key=_RANK.index)


def normal_email(given: str) -> str:
    """The address as it is kept and compared: composed (Unicode NFC) and lower-case."""
    return unicodedata.normalize("NFC", given.strip()).lower()


def checked_email(given: str) -> str:
    """A new account's address in its kept form. Raises InvalidRequest when it cannot be one."""
    email = normal_email(given)
    if len(email) > MAX_EMAIL_CHARACTERS or not email.isprintable() or not _EMAIL.fullmatch(email):
        sentence = "email must be an e-mail address, for example ada@example.org."
        raise InvalidRequest(sentence, errors=[FieldError("email", sentence)])
    return email


def checked_name(given: str) -> str:
    """A name without blanks around it. Raises InvalidRequest for an empty, too long or unprintable one."""
    name = unicodedata.normalize("NFC", given.strip())
    if not name or len(name) > MAX_NAME_CHARACTERS or not name.isprintable():
        sentence = f"name must be 1 to {MAX_NAME_CHARACTERS} printable characters."
        raise InvalidRequest(sentence, errors=[FieldError("name", sentence)])
    return name


def customer_view(person: Person) -> CustomerView:
    """The person as staff see a customer."""
    return CustomerView(
        id=person.id, tier=person.tier, created_at=person.created_at, name=person.name, email=person.email
    )


def person_view(person: Person) -> PersonView:
    """The person as a manager sees staff: never the password's hash."""
    return PersonView(
        id=person.id,
        roles=in_order(person.role_set),
        created_at=person.created_at,
        name=person.name,
        email=person.email,
    )
