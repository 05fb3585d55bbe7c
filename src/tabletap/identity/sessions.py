"""Sessions as a transaction sees them: giving out tokens, using them up, ending a family."""

import hashlib
import secrets
from datetime import timedelta

import msgspec

from tabletap.identity import store
from tabletap.identity.model import Person, RefreshToken, SignedIn, in_order
from tabletap.identity.tokens import Audience, Tokens
from tabletap.infra.db.transaction import Transaction
from tabletap.infra.revocations import revoke
from tabletap.kernel.ids import Id, new_id

REFRESH_LIFETIME: dict[Audience, timedelta] = {
    "access": timedelta(days=30),
    "guest": timedelta(hours=4),
    "device": timedelta(days=90),
}
"""How long a refresh token can be used; each use gives a new one for as long again."""


class Place(msgspec.Struct, frozen=True):
    """What a session is bound to: who, as what, and for guests where."""

    audience: Audience
    table_id: Id | None = None
    session_id: Id | None = None
    family_id: Id | None = None
    """The sign-in it goes on from; None for a new one."""


def hash_of(refresh_token: str) -> str:
    """What is kept of a refresh token. It has 256 random bits, so that a plain hash cannot be reversed."""
    return hashlib.sha256(refresh_token.encode()).hexdigest()


def give_tokens(tx: Transaction, tokens: Tokens, person: Person, place: Place) -> SignedIn:
    """An access and a refresh token for the person."""
    refresh_token, id_ = secrets.token_urlsafe(32), new_id()
    kept = RefreshToken(
        cafe_id=tx.cafe_id,
        id=id_,
        family_id=place.family_id or id_,
        person_id=person.id,
        audience=place.audience,
        hash=hash_of(refresh_token),
        table_id=place.table_id,
        session_id=place.session_id,
        issued_at=tx.now,
        expires_at=tx.now + REFRESH_LIFETIME[place.audience],
        used_at=None,
        revoked_at=None,
    )
    tx.add(store.refresh_token, kept)
    access_token = tokens.issue(
        cafe_id=tx.cafe_id,
        person_id=person.id,
        roles=person.role_set,
        audience=place.audience,
        table_id=place.table_id,
        session_id=place.session_id,
        family_id=kept.family_id,
    )
    return SignedIn(
        access_token=access_token,
        refresh_token=refresh_token,
        expires_in=tokens.expires_in_seconds,
        cafe_id=tx.cafe_id,
        roles=in_order(person.role_set),
        customer_id=None if person.kind == "staff" else person.id,
    )


def use_up(tx: Transaction, token: RefreshToken) -> None:
    """Mark a refresh token as used, unless somebody else does so at the same moment."""
    _save(tx, token, msgspec.structs.replace(token, used_at=tx.now))


async def revoke_family(tx: Transaction, of: RefreshToken) -> None:
    """End the session that a refresh token belongs to, its access tokens included. Safe to repeat."""
    _revoke(tx, await store.usable_of_family(tx, of.cafe_id, of.family_id))


async def revoke_all(tx: Transaction, person: Person) -> None:
    """End every session of a person, their access tokens included. Safe to repeat."""
    _revoke(tx, await store.usable_of_person(tx, person.cafe_id, person.id))


def _revoke(tx: Transaction, usable: list[RefreshToken]) -> None:
    """Every family that gave out an access token within the hour has a refresh token that can still be used."""
    for token in usable:
        _save(tx, token, msgspec.structs.replace(token, revoked_at=tx.now))
        revoke(tx, token.family_id)


def _save(tx: Transaction, before: RefreshToken, after: RefreshToken) -> None:
    tx.save(store.refresh_token, before, after, ("cafe_id", "id"), ("used_at", "revoked_at"))
