"""Signing in and out, and the accounts of staff and customers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from tabletap.identity import sessions, store
from tabletap.identity.errors import (
    CafeRequired,
    CredentialsInvalid,
    EmailTaken,
    PasswordNeedsEmail,
    PersonNotFound,
    RefreshTokenInvalid,
    RefreshTokenReused,
)
from tabletap.identity.model import (
    STAFF_ROLES,
    ChangeCustomer,
    CreateCustomer,
    CustomerView,
    Person,
    PersonKind,
    PersonView,
    RefreshToken,
    SignedIn,
    checked_email,
    checked_name,
    customer_view,
    in_order,
    new_person,
    normal_email,
    person_view,
)
from tabletap.identity.passwords import Passwords, require_strong
from tabletap.identity.sessions import Place
from tabletap.identity.tokens import Tokens
from tabletap.infra.db.transaction import Database, Duplicate, Reader, Transaction
from tabletap.infra.paging import DEFAULT_LIMIT, Page, page_of
from tabletap.infra.ratelimit import Limit, RateLimits
from tabletap.infra.revocations import Revocations, has_ended, revoke
from tabletap.kernel.clock import Clock
from tabletap.kernel.errors import CustomerNotFound, FieldError, InvalidRequest, NotAllowed
from tabletap.kernel.ids import Id, is_id
from tabletap.kernel.people import Actor, Role

View = TypeVar("View", PersonView, CustomerView)

TRIES = Limit("sign-in", 10, 300)
"""For one e-mail address from one network address, until it succeeds."""
FAILURES = Limit("sign-in-failed", 200, 300)
"""For one network address, which a whole cafe may share."""


class IdentityService:
    """Who people are: sign-in, refresh, sign-out, staff and customer accounts."""

    def __init__(
        self,
        db: Database,
        tokens: Tokens,
        clock: Clock,
        passwords: Passwords | None = None,
        limits: RateLimits | None = None,
        revocations: Revocations | None = None,
    ) -> None:
        self.db, self.tokens, self.clock = db, tokens, clock
        self.revocations = revocations or Revocations(db, clock)
        self.passwords, self.limits = passwords or Passwords(), limits or RateLimits()

    # --- signing in -----------------------------------------------------------------

    async def sign_in(
        self, email: str, password: str, cafe_id: Id | None = None, address: str | None = None
    ) -> SignedIn:
        """Sign a person in with e-mail and password; a person of several cafes names one.

        Safe to repeat: each time is a session of its own. Raises CredentialsInvalid, CafeRequired and TooMany.
        """
        given, address = normal_email(email)[:254], address or "-"
        await self.limits.require(FAILURES, address)
        await self.limits.hit(TRIES, address, given)
        people = await self._people(given, password, cafe_id)
        if not people:
            await self.limits.count(FAILURES, address)
            raise CredentialsInvalid
        await self.limits.forget(TRIES, address, given)
        if len(people) > 1:
            cafes = ", ".join(person.cafe_id for person in people)
            raise CafeRequired(errors=[FieldError("cafeId", f"One of {cafes}.")])
        return await self._begin_session(people[0])

    async def _people(self, email: str, password: str, cafe_id: Id | None) -> list[Person]:
        """Those whom address and password fit. It takes as long for an address that nobody has."""
        found = await self.db.across_cafes(lambda reader: store.people_with_email(reader, email))
        candidates = [person for person in found if cafe_id in (None, person.cafe_id)]
        if not candidates:
            await self.passwords.waste(password)
        return [person for person in candidates if await self.passwords.matches(password, person.password_hash or "")]

    async def _begin_session(self, person: Person) -> SignedIn:
        async def decide(tx: Transaction) -> SignedIn:
            now = await store.get_person(tx, person.cafe_id, person.id)
            if now is None or not now.may_sign_in:
                raise CredentialsInvalid
            return sessions.give_tokens(tx, self.tokens, now, Place("access"))

        return await self.db.transaction(person.cafe_id, decide)

    async def sign_in_guest(self, cafe_id: Id, table_id: Id, session_id: Id) -> SignedIn:
        """An anonymous customer at a table. Not to be repeated: each call is another guest."""

        async def decide(tx: Transaction) -> SignedIn:
            guest = new_person(tx.cafe_id, "guest", frozenset({Role.CUSTOMER}), tx.now)
            tx.add(store.person, guest)
            return sessions.give_tokens(tx, self.tokens, guest, Place("guest", table_id, session_id))

        return await self.db.transaction(cafe_id, decide)

    async def refresh(self, refresh_token: str) -> SignedIn:
        """Exchange a refresh token for new tokens, with the roles the person has now.

        Not to be repeated: a token used twice may be a stolen one, so everything that came from the same sign-in ends.
        Raises RefreshTokenInvalid and RefreshTokenReused.
        """
        known = await self._find(refresh_token)
        if known is None:
            raise RefreshTokenInvalid

        async def decide(tx: Transaction) -> SignedIn | None:
            held = await store.get_token(tx, known.cafe_id, known.id)
            person = await store.get_person(tx, known.cafe_id, known.person_id)
            if held is None or person is None:
                raise RefreshTokenInvalid
            if held.used_at is not None:
                await sessions.revoke_family(tx, held)
                return None
            if held.revoked_at is not None or held.expires_at <= tx.now or person.disabled_at is not None:
                raise RefreshTokenInvalid
            sessions.use_up(tx, held)
            place = Place(held.audience, held.table_id, await _open_session(tx, held), held.family_id)
            return sessions.give_tokens(tx, self.tokens, person, place)

        answer = await self.db.transaction(known.cafe_id, decide)
        if answer is None:  # told apart outside, because a refusal inside would undo the revoking
            await self.revocations.took_effect()
            raise RefreshTokenReused
        return answer

    async def sign_out(self, refresh_token: str) -> None:
        """End the session a refresh token belongs to. Safe to repeat; a token nobody knows is no error.

        Access tokens that were given out for it are refused at once here, and within a second everywhere.
        """
        known = await self._find(refresh_token)
        if known is None:
            return

        async def decide(tx: Transaction) -> None:
            await sessions.revoke_family(tx, known)

        await self.db.transaction(known.cafe_id, decide)
        await self.revocations.took_effect()

    async def forget_expired(self, cafe_id: Id) -> int:
        """Delete refresh tokens that cannot be used any more and answer how many. Safe to repeat."""

        async def decide(tx: Transaction) -> int:
            return await store.forget_expired(tx, cafe_id, tx.now)

        return await self.db.transaction(cafe_id, decide, lock=True)

    async def _find(self, refresh_token: str) -> RefreshToken | None:
        hash_ = sessions.hash_of(refresh_token)
        return await self.db.across_cafes(lambda reader: store.token_by_hash(reader, hash_))

    # --- staff ----------------------------------------------------------------------

    async def add_staff(self, *, name: str, email: str, password: str, roles: frozenset[Role], by: Actor) -> PersonView:
        """Give somebody who works here an account. Repeating it is refused: the address is taken.

        Raises NotAllowed, InvalidRequest, PasswordTooWeak and EmailTaken.
        """
        by.require(Role.MANAGER)
        if Role.ADMIN in roles:
            by.require(Role.ADMIN)
        if not roles or not roles <= STAFF_ROLES:
            sentence = f"roles are one or more of {', '.join(in_order(STAFF_ROLES))}."
            raise InvalidRequest(sentence, errors=[FieldError("roles", sentence)])
        person = new_person(by.cafe_id, "staff", roles, self.clock.now(), name=name, email=email)
        return person_view(await self._add(person, password))

    async def list_staff(self, by: Actor, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> Page[PersonView]:
        """The staff of the cafe, those added last first. Raises NotAllowed and InvalidRequest."""
        by.require(Role.MANAGER)
        return await self._page("staff", person_view, by, limit, cursor)

    async def disable(self, person_id: Id, by: Actor) -> None:
        """Shut a person out: no sign-in, no refresh, no access token is good any more. Safe to repeat.

        Raises NotAllowed and PersonNotFound.
        """
        by.require(Role.MANAGER)

        async def decide(tx: Transaction) -> None:
            person = await store.get_person(tx, by.cafe_id, person_id, lock=True) if is_id(person_id) else None
            if person is None:
                raise PersonNotFound
            if Role.ADMIN in person.role_set:
                by.require(Role.ADMIN)
            if person.disabled_at is None:
                _save_person(tx, person, msgspec.structs.replace(person, disabled_at=tx.now))
            await sessions.revoke_all(tx, person)
            revoke(tx, person.id)

        await self.db.transaction(by.cafe_id, decide)
        await self.revocations.took_effect()

    async def shut_out(self, email: str, by: Actor) -> None:
        """Disable the person who signs in with an e-mail address; the second time nobody does.

        Raises NotAllowed and PersonNotFound.
        """
        by.require(Role.MANAGER)
        given = normal_email(email)
        found = await self.db.across_cafes(lambda reader: store.people_with_email(reader, given))
        person = next((each for each in found if each.cafe_id == by.cafe_id), None)
        if person is None:
            raise PersonNotFound("Nobody at this cafe signs in with that address.")
        await self.disable(person.id, by)

    # --- customers ------------------------------------------------------------------

    async def create_customer(self, request: CreateCustomer, by: Actor, password: str | None = None) -> CustomerView:
        """Open a customer account; with a password the customer can sign in. Only a manager gives the premium tier.

        With an e-mail address a repetition is refused, without one it makes another account.
        Raises NotAllowed, InvalidRequest, PasswordTooWeak, PasswordNeedsEmail and EmailTaken.
        """
        by.require(Role.STAFF)
        if request.tier != "standard":
            by.require(Role.MANAGER)
        roles = frozenset({Role.CUSTOMER})
        customer = new_person(
            by.cafe_id, "customer", roles, self.clock.now(), name=request.name, email=request.email, tier=request.tier
        )
        return customer_view(await self._add(customer, password))

    async def list_customers(
        self, by: Actor, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[CustomerView]:
        """The customer accounts of the cafe, the newest first. Raises NotAllowed and InvalidRequest."""
        by.require(Role.STAFF)
        return await self._page("customer", customer_view, by, limit, cursor)

    async def customer(self, customer_id: Id, by: Actor) -> CustomerView:
        """A customer account, for staff and for that customer. Raises NotAllowed and CustomerNotFound."""
        if not by.is_staff and by.person_id != customer_id:
            raise NotAllowed
        person = await self.person(by.cafe_id, customer_id)
        if person is None or person.kind != "customer":
            raise CustomerNotFound
        return customer_view(person)

    async def change_customer(self, customer_id: Id, request: ChangeCustomer, by: Actor) -> CustomerView:
        """Change a customer's name or address, or, as a manager, the tier. Safe to repeat.

        Raises NotAllowed, InvalidRequest, CustomerNotFound, PasswordNeedsEmail and EmailTaken.
        """
        by.require(Role.STAFF)
        if request.tier is not msgspec.UNSET:
            by.require(Role.MANAGER)
        changes = _changes(request)

        async def decide(tx: Transaction) -> CustomerView:
            before = await store.get_person(tx, by.cafe_id, customer_id, lock=True) if is_id(customer_id) else None
            if before is None or before.kind != "customer":
                raise CustomerNotFound
            after = msgspec.structs.replace(before, **changes)
            if after.password_hash is not None and after.email is None:
                raise PasswordNeedsEmail
            _save_person(tx, before, after)
            return customer_view(after)

        with _taken_email():
            return await self.db.transaction(by.cafe_id, decide)

    async def person(self, cafe_id: Id, person_id: Id) -> Person | None:
        """Anybody of the cafe: staff, customer or guest."""
        if not is_id(person_id):
            return None
        return await self.db.read(cafe_id, lambda reader: store.get_person(reader, cafe_id, person_id))

    async def _page(
        self, kind: PersonKind, view: Callable[[Person], View], by: Actor, limit: int, cursor: str | None
    ) -> Page[View]:
        async def look(reader: Reader) -> Page[View]:
            return await page_of(
                lambda before, count: store.people_before(reader, by.cafe_id, kind, before, count),
                limit,
                cursor,
                key=lambda person: person.id,
                view=view,
            )

        return await self.db.read(by.cafe_id, look)

    async def _add(self, person: Person, password: str | None) -> Person:
        """Write a new person down; the slow hashing happens before the transaction."""
        hash_ = await self._hashed(password, person.email)

        async def decide(tx: Transaction) -> Person:
            added = msgspec.structs.replace(person, password_hash=hash_)
            tx.add(store.person, added)
            return added

        with _taken_email():
            return await self.db.transaction(person.cafe_id, decide)

    async def _hashed(self, password: str | None, email: str | None) -> str | None:
        if password is None:
            return None
        if email is None:
            raise PasswordNeedsEmail
        require_strong(password, email)
        return await self.passwords.hash(password)


async def _open_session(tx: Transaction, held: RefreshToken) -> Id | None:
    """The table session of a guest, unless it was closed."""
    if held.session_id is None or await has_ended(tx, held.session_id):
        return None
    return held.session_id


def _save_person(tx: Transaction, before: Person, after: Person) -> None:
    tx.save(store.person, before, after, ("cafe_id", "id"), ("name", "email", "tier", "disabled_at"))


def _changes(request: ChangeCustomer) -> dict[str, str | None]:
    """What the request names, checked."""
    changes: dict[str, str | None] = {}
    if request.name is not msgspec.UNSET:
        changes["name"] = request.name and checked_name(request.name)
    if request.email is not msgspec.UNSET:
        changes["email"] = request.email and checked_email(request.email)
    if request.tier is not msgspec.UNSET:
        changes["tier"] = request.tier
    return changes


@contextmanager
def _taken_email() -> Iterator[None]:
    """The one unique key of a person that somebody can meet by accident is the address."""
    try:
        yield
    except Duplicate as duplicate:
        if duplicate.table != "person":
            raise
        raise EmailTaken from None
