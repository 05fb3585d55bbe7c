"""The tables and statements of people and their refresh tokens."""

from datetime import datetime

import sqlalchemy as sa

from tabletap.identity.model import Addressee, Person, RefreshToken
from tabletap.infra.db.schema import Id, Instant, Json, Text, column, columns_of, metadata, of_cafe, param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.kernel.people import Role

MAX_SAME_EMAIL = 20
"""At most so many cafes are looked at for one address: each costs a password hash."""

person = sa.Table(
    "person",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("kind", Text),
    column("name", Text, null=True),
    column("email", Text, null=True),
    column("password_hash", Text, null=True),
    column("roles", Json),
    column("tier", Text),
    column("disabled_at", Instant, null=True),
    column("created_at", Instant),
    sa.CheckConstraint("kind IN ('staff', 'customer', 'guest')", name="kind"),
    sa.CheckConstraint("tier IN ('standard', 'premium')", name="tier"),
    sa.CheckConstraint("email = lower(email)", name="email_lower_case"),
    sa.CheckConstraint("password_hash IS NULL OR email IS NOT NULL", name="password_needs_email"),
    sa.CheckConstraint("kind <> 'guest' OR (email IS NULL AND name IS NULL)", name="guest_is_anonymous"),
    sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"]),
    sa.UniqueConstraint("cafe_id", "email"),
    sa.Index("ix_person_email", "email"),
    sa.Index("ix_person_kind", "cafe_id", "kind", "id"),
)
refresh_token = sa.Table(
    "refresh_token",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("family_id", Id),
    column("person_id", Id),
    column("audience", Text),
    column("hash", Text, unique=True),
    column("table_id", Id, null=True),
    column("session_id", Id, null=True),
    column("issued_at", Instant),
    column("expires_at", Instant),
    column("used_at", Instant, null=True),
    column("revoked_at", Instant, null=True),
    sa.CheckConstraint("audience IN ('access', 'guest', 'device')", name="audience"),
    sa.CheckConstraint("expires_at > issued_at", name="expires"),
    of_cafe("person", "person_id"),
    sa.Index("ix_refresh_token_family", "cafe_id", "family_id"),
    sa.Index("ix_refresh_token_person", "cafe_id", "person_id"),
    sa.Index("ix_refresh_token_expires_at", "expires_at"),
    # At most one token of a family can be used, whatever happens at the same time.
    sa.Index(
        "uq_refresh_token_usable",
        "cafe_id",
        "family_id",
        unique=True,
        postgresql_where=sa.text("used_at IS NULL AND revoked_at IS NULL"),
        sqlite_where=sa.text("used_at IS NULL AND revoked_at IS NULL"),
    ),
)

_PERSON = Statement(
    sa.select(*columns_of(person, Person)).where(person.c.cafe_id == param("cafe_id"), person.c.id == param("id"))
)
_BEFORE = Statement(
    sa.select(*columns_of(person, Person))
    .where(person.c.cafe_id == param("cafe_id"), person.c.kind == param("kind"), person.c.id < param("before"))
    .order_by(person.c.id.desc())
    .limit(param("limit"))
)
_USABLE_OF_FAMILY = Statement(
    sa.select(*columns_of(refresh_token, RefreshToken)).where(
        refresh_token.c.cafe_id == param("cafe_id"),
        refresh_token.c.family_id == param("family_id"),
        refresh_token.c.used_at.is_(None),
        refresh_token.c.revoked_at.is_(None),
    )
)
_USABLE_OF_PERSON = Statement(
    sa.select(*columns_of(refresh_token, RefreshToken))
    .where(
        refresh_token.c.cafe_id == param("cafe_id"),
        refresh_token.c.person_id == param("person_id"),
        refresh_token.c.used_at.is_(None),
        refresh_token.c.revoked_at.is_(None),
    )
    .order_by(refresh_token.c.id)
)
_TOKEN = Statement(
    sa.select(*columns_of(refresh_token, RefreshToken)).where(
        refresh_token.c.cafe_id == param("cafe_id"), refresh_token.c.id == param("id")
    )
)
_STAFF = Statement(
    sa.select(person.c.id, person.c.roles)
    .where(person.c.cafe_id == param("cafe_id"), person.c.kind == "staff", person.c.disabled_at.is_(None))
    .order_by(person.c.id)
    .limit(param("limit"))
)
_CUSTOMERS_SIGNED_IN = Statement(
    sa.select(person.c.id)
    .distinct()
    .join(
        refresh_token,
        sa.and_(refresh_token.c.cafe_id == person.c.cafe_id, refresh_token.c.person_id == person.c.id),
    )
    .where(
        person.c.cafe_id == param("cafe_id"),
        person.c.kind != "staff",
        person.c.disabled_at.is_(None),
        refresh_token.c.used_at.is_(None),
        refresh_token.c.revoked_at.is_(None),
        refresh_token.c.expires_at > param("now"),
    )
    .order_by(person.c.id)
    .limit(param("limit"))
)
_FORGET_EXPIRED = Statement(
    sa.delete(refresh_token).where(
        refresh_token.c.cafe_id == param("cafe_id"), refresh_token.c.expires_at < param("before")
    )
)

# --- across cafes: each is named in infra/tenancy.py ------------------------------

_WITH_EMAIL = Statement(
    sa.select(*columns_of(person, Person))
    .where(person.c.email == param("email"), person.c.password_hash.is_not(None), person.c.disabled_at.is_(None))
    .order_by(person.c.cafe_id, person.c.id)
    .limit(MAX_SAME_EMAIL)
)
_TOKEN_BY_HASH = Statement(
    sa.select(*columns_of(refresh_token, RefreshToken)).where(refresh_token.c.hash == param("hash"))
)


async def people_with_email(reader: Reader, email: str) -> list[Person]:
    """Everybody who can sign in with an address, at any cafe (infra/tenancy.py: sign-in)."""
    return await reader.all(_WITH_EMAIL, Person, email=email)


async def token_by_hash(reader: Reader, hash_: str) -> RefreshToken | None:
    """The refresh token with this hash, at any cafe (infra/tenancy.py: refresh)."""
    return await reader.one(_TOKEN_BY_HASH, RefreshToken, hash=hash_)


# --- of one cafe ------------------------------------------------------------------


async def get_person(reader: Reader, cafe_id: str, id_: str, *, lock: bool = False) -> Person | None:
    """A person of the cafe."""
    return await reader.one(_PERSON, Person, lock=lock, cafe_id=cafe_id, id=id_)


async def people_before(reader: Reader, cafe_id: str, kind: str, before: str, limit: int) -> list[Person]:
    """People of one kind who were added before an id, newest first."""
    return await reader.all(_BEFORE, Person, cafe_id=cafe_id, kind=kind, before=before, limit=limit)


async def staff(reader: Reader, cafe_id: str, limit: int) -> list[Addressee]:
    """Who works at the cafe and was not shut out."""
    return await reader.all(_STAFF, Addressee, cafe_id=cafe_id, limit=limit)


async def customers_signed_in(reader: Reader, cafe_id: str, limit: int) -> list[Addressee]:
    """Customers and guests whose sign-in still lasts."""
    params = {"cafe_id": cafe_id, "now": reader.now, "limit": limit}
    rows = await reader.rows(_CUSTOMERS_SIGNED_IN, params, False)
    return [Addressee(id_, [Role.CUSTOMER]) for (id_,) in rows]


async def get_token(tx: Transaction, cafe_id: str, id_: str) -> RefreshToken | None:
    """A refresh token, to be used up."""
    return await tx.one(_TOKEN, RefreshToken, lock=True, cafe_id=cafe_id, id=id_)


async def usable_of_family(tx: Transaction, cafe_id: str, family_id: str) -> list[RefreshToken]:
    """What could still be used of a family: one token at most."""
    return await tx.all(_USABLE_OF_FAMILY, RefreshToken, lock=True, cafe_id=cafe_id, family_id=family_id)


async def usable_of_person(tx: Transaction, cafe_id: str, person_id: str) -> list[RefreshToken]:
    """What could still be used of all that a person signed in to."""
    return await tx.all(_USABLE_OF_PERSON, RefreshToken, lock=True, cafe_id=cafe_id, person_id=person_id)


async def forget_expired(tx: Transaction, cafe_id: str, before: datetime) -> int:
    """Delete tokens that expired before a moment; needs a transaction that began with locks."""
    return await tx.run(_FORGET_EXPIRED, cafe_id=cafe_id, before=before)
