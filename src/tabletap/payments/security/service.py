"""What managers do about misuse: set limits, block addresses, look at what was refused (PaymentSecurityService)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction, correlation_id
from tabletap.infra.paging import Page, page_of
from tabletap.infra.ratelimit import RateLimits
from tabletap.kernel.addresses import network, parsed
from tabletap.kernel.errors import FieldError, InvalidRequest, Refusal
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.money import require_positive
from tabletap.kernel.people import Actor, Role
from tabletap.payments.security import store
from tabletap.payments.security.errors import AddressNotBlockable, BlockedAddressNotFound, TooManyBlockedAddresses
from tabletap.payments.security.model import (
    MAX_BLOCKED,
    SEVERITIES,
    BlockAddress,
    BlockedAddress,
    BlockedAddressView,
    PaymentRules,
    PolicyRow,
    SecurityEventView,
    blocked_view,
    event_view,
)
from tabletap.payments.security.noticing import NOTHING_KNOWN, Asked, Refused, SecurityLog
from tabletap.payments.security.rulebook import RuleBook
from tabletap.payments.security.screening import Screening

_WIDEST = {4: 8, 6: 32}
"""Nothing wider is blocked: it would be half the world."""


class SecurityService:
    """The rules against misuse, for the managers of a cafe; `screening` applies them, `log` keeps what was refused."""

    def __init__(self, db: AnyDatabase, limits: RateLimits | None = None) -> None:
        self.db, self.book = db, RuleBook(db)
        self.screening, self.log = Screening(db, self.book, limits), SecurityLog(db)

    async def stop(self) -> None:
        """Write what was only counted so far. Safe to repeat."""
        await self.log.stop()

    async def note(self, refusal: Refusal, by: Actor, route: str, asked: Asked = NOTHING_KNOWN) -> None:
        """Keep a refusal that a manager wants to know of (model.SEVERITIES). One that is only replayed was kept."""
        if refusal.code not in SEVERITIES or refusal.replayed:
            return
        refused = Refused(
            cafe_id=by.cafe_id,
            rule=refusal.code,
            route=route,
            person_id=by.person_id,
            audience=by.audience,
            address=by.address,
            asked=asked,
            correlation_id=correlation_id.get(),
        )
        await self.log.note(refused)

    @asynccontextmanager
    async def noting(self, by: Actor, route: str, asked: Asked = NOTHING_KNOWN) -> AsyncIterator[None]:
        """Note what is refused within, and let it go on its way."""
        try:
            yield
        except Refusal as refusal:
            await self.note(refusal, by, route, asked)
            raise

    async def rules(self, by: Actor) -> PaymentRules:
        """The limits in force. Raises NotAllowed."""
        by.require(Role.MANAGER)

        async def look(reader: Reader) -> PaymentRules:
            row = await store.policy(reader)
            return msgspec.convert(row.rules, PaymentRules) if row else PaymentRules()

        return await self.db.read(by.cafe_id, look)

    async def change_rules(self, wanted: PaymentRules, by: Actor) -> PaymentRules:
        """Replace the limits; what is left out is off. Safe to repeat. Raises NotAllowed and InvalidAmount."""
        by.require(Role.MANAGER)
        for amount in (wanted.max_amount_per_payment, wanted.max_amount_per_person_per_day):
            if amount is not None:
                require_positive(amount)

        async def decide(tx: Transaction) -> None:
            before = await store.policy(tx, lock=True)
            version = before.version + 1 if before else 1
            after = PolicyRow(tx.cafe_id, msgspec.to_builtins(wanted), version, by.person_id, tx.now)
            if before is None:
                tx.add(store.security_policy, after, retry_on_duplicate=True)
            else:
                tx.save(store.security_policy, before, after, ("cafe_id",), ("version",))

        await self.db.transaction(by.cafe_id, decide)
        self.book.forget(by.cafe_id)
        return wanted

    async def blocked(self, by: Actor, limit: int, cursor: str | None) -> Page[BlockedAddressView]:
        """The addresses that are and were kept out, the newest first. Raises NotAllowed."""
        by.require(Role.MANAGER)

        async def look(reader: Reader) -> Page[BlockedAddressView]:
            return await page_of(
                lambda before, count: store.blocked_page(reader, before, count),
                limit, cursor, key=lambda row: row.id, view=lambda row: blocked_view(row, reader.now),
            )  # fmt: skip

        return await self.db.read(by.cafe_id, look)

    async def block(self, wanted: BlockAddress, by: Actor) -> BlockedAddressView:
        """Keep an address or a network out. Safe to repeat: it gets the newer reason and end.

        Raises NotAllowed, InvalidRequest for what is no address, AddressNotBlockable, TooManyBlockedAddresses.
        """
        by.require(Role.MANAGER)
        blocked_network = _blockable(wanted.address, by)
        if wanted.until is not None and wanted.until <= self.db.clock.now():
            raise _wrong("until", "is over already.")

        async def decide(tx: Transaction) -> BlockedAddress:
            known = await store.blocked_network(tx, blocked_network)
            if known is None and await store.blocked_count(tx) >= MAX_BLOCKED:
                raise TooManyBlockedAddresses
            row = BlockedAddress(
                tx.cafe_id, known.id if known else new_id(), blocked_network, wanted.reason, by.person_id,
                known.created_at if known else tx.now, wanted.until,
            )  # fmt: skip
            if known is None:
                tx.add(store.blocked_address, row, retry_on_duplicate=True)
            else:
                tx.save(store.blocked_address, known, row, ("cafe_id", "id"), ())
            return row

        row = await self.db.transaction(by.cafe_id, decide)
        self.book.forget(by.cafe_id)
        return blocked_view(row, self.db.clock.now())

    async def unblock(self, blocked_id: Id, by: Actor) -> None:
        """Let an address in again. Raises NotAllowed and BlockedAddressNotFound."""
        by.require(Role.MANAGER)

        async def decide(tx: Transaction) -> None:
            if await store.blocked_one(tx, blocked_id) is None:
                raise BlockedAddressNotFound
            tx.remove(store.blocked_address, {"cafe_id": tx.cafe_id, "id": blocked_id})

        await self.db.transaction(by.cafe_id, decide)
        self.book.forget(by.cafe_id)

    async def events(self, by: Actor, limit: int, cursor: str | None) -> Page[SecurityEventView]:
        """What was refused, the newest first. Raises NotAllowed."""
        by.require(Role.MANAGER)

        async def look(reader: Reader) -> Page[SecurityEventView]:
            return await page_of(
                lambda before, count: store.events(reader, before, count),
                limit, cursor, key=lambda row: row.id, view=event_view,
            )  # fmt: skip

        return await self.db.read(by.cafe_id, look)


def _blockable(given: str, by: Actor) -> str:
    """The network in its one spelling."""
    found = network(given)
    if found is None:
        raise _wrong("address", "is neither an address nor a network such as 203.0.113.0/24.")
    if found.prefixlen < _WIDEST[found.version]:
        raise AddressNotBlockable(f"Networks wider than /{_WIDEST[found.version]} cannot be blocked.")
    own = parsed(by.address) if by.address else None
    if own is not None and own in found:
        raise AddressNotBlockable("You are in this network yourself: the cafe's own people and guests may be, too.")
    return str(found.network_address) if found.prefixlen == found.max_prefixlen else str(found)


def _wrong(field: str, sentence: str) -> InvalidRequest:
    return InvalidRequest(f"{field} {sentence}", errors=[FieldError(field, f"{field} {sentence}")])
