"""Adding, spending and reading customer credit."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from tabletap.credits import accounts, store
from tabletap.credits.book import Cause, account
from tabletap.credits.errors import CreditAccountClosed, CreditIsBought, CreditLimitExceeded, ExpiryNotPossible
from tabletap.credits.expiring import expire_due, expiry_of
from tabletap.credits.holding import hold, release, spend_held
from tabletap.credits.model import AccountStatus, CreditKind
from tabletap.credits.moving import give, move, require_room, spend, take_back_top_up, top_up
from tabletap.credits.sums.liability import Liability, liability
from tabletap.credits.views import (
    CreditBalanceView,
    CreditLotView,
    CreditTransactionView,
    balance_view,
    lot_view,
    no_credit,
    view_of,
)
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.infra.idempotency import Once, Outcome, remember, run_once
from tabletap.infra.paging import Page, page_of
from tabletap.kernel.errors import CustomerNotFound, FieldError, InvalidRequest, NotAllowed
from tabletap.kernel.ids import Id
from tabletap.kernel.money import require_positive
from tabletap.kernel.people import Actor, Role, require_currency
from tabletap.ledger.model import CREDIT_PROMOTION, customer_credit
from tabletap.ledger.service import post

__all__ = [
    "CreditBalanceView", "CreditLotView", "CreditService", "CreditTransactionView", "MoveCredit", "Terms", "hold",
    "move", "release", "require_room", "spend_held", "take_back_top_up", "top_up", "view_of",
]  # fmt: skip
"""With what payments build on: it is all to be had here."""

_LONGEST = timedelta(days=36_500)


class MoveCredit(msgspec.Struct, frozen=True, kw_only=True):
    """A request to add or deduct credit by hand."""

    customer_id: Id
    amount_minor: int
    reason: str
    order_id: Id | None = None
    metadata: dict[str, Any] | None = None
    currency: str | None = None
    """What the caller takes the cafe's currency to be."""
    kind: CreditKind = "promotional"
    expires_at: datetime | None | msgspec.UnsetType = msgspec.UNSET
    """None: never; not given: as the cafe's settings say."""


class Terms(msgspec.Struct, frozen=True):
    """What credit needs to know of the cafe and the customer."""

    currency: str
    counter_limit_minor: int
    """The most a counter person may add or deduct at once without a manager."""


FindTerms = Callable[[Reader, Id], Awaitable[Terms | None]]
"""The terms for a customer account of the reader's cafe, None where there is no such customer."""


class CreditService:
    """What people do with credit by hand, and what they read of it."""

    def __init__(self, db: AnyDatabase, terms: FindTerms) -> None:
        self.db, self.terms = db, terms

    async def add(self, request: MoveCredit, by: Actor, once: Once | None = None) -> Outcome[CreditTransactionView]:
        """Give credit away; the counter-entry is `credit_promotion`. Safe to repeat under one key.

        Raises InvalidAmount, NotAllowed, CreditLimitExceeded, CustomerNotFound, CreditAccountClosed for a closed
        account, ExpiryNotPossible, and CreditIsBought for credit that somebody paid for: its money has to be booked.
        """

        async def added(tx: Transaction, amount: int, terms: Terms, cause: Cause) -> CreditTransactionView:
            if request.kind != "promotional":
                raise CreditIsBought
            before = await account(tx, request.customer_id)
            if before is not None and before.status == "closed":
                raise CreditAccountClosed
            moved = await give(
                tx, request.customer_id, amount, terms.currency, "credit", "promotional", cause,
                expires_at=await _expiry(tx, request),
            )  # fmt: skip
            amounts = {customer_credit(request.customer_id): -amount, CREDIT_PROMOTION: amount}
            post(tx, "credit_credit", terms.currency, amounts, order_id=request.order_id)
            return view_of(moved)

        return await self._by_hand(request, by, once, added)

    async def deduct(self, request: MoveCredit, by: Actor, once: Once | None = None) -> Outcome[CreditTransactionView]:
        """Take credit back: given credit from `credit_promotion`, the customer's own money to `credit_breakage`.

        Safe to repeat under one key. Raises also InsufficientCredit and CreditAccountClosed.
        """

        async def deducted(tx: Transaction, amount: int, terms: Terms, cause: Cause) -> CreditTransactionView:
            moved = await spend(tx, request.customer_id, amount, "debit", cause)
            amounts = {customer_credit(request.customer_id): amount}
            for part in moved.parts:
                name = part.lot.counter_account
                amounts[name] = amounts.get(name, 0) - part.amount_minor
            post(tx, "credit_debit", terms.currency, amounts, order_id=request.order_id)
            return view_of(moved.transaction)

        return await self._by_hand(request, by, once, deducted)

    async def _by_hand(
        self,
        request: MoveCredit,
        by: Actor,
        once: Once | None,
        moved: Callable[[Transaction, int, Terms, Cause], Awaitable[CreditTransactionView]],
    ) -> Outcome[CreditTransactionView]:
        by.require(Role.COUNTER)

        async def decide(tx: Transaction) -> CreditTransactionView:
            amount = require_positive(request.amount_minor)
            terms = await self._terms_of(tx, request.customer_id)
            require_currency(request.currency, terms.currency)
            if amount > terms.counter_limit_minor and not by.is_(Role.MANAGER):
                raise CreditLimitExceeded
            cause = Cause(
                reason=request.reason, order_id=request.order_id, staff_id=by.person_id, metadata=request.metadata
            )
            view = await moved(tx, amount, terms, cause)
            remember(tx, once, view)
            return view

        return await run_once(self.db, by.cafe_id, once, CreditTransactionView, decide)

    async def change_status(self, customer_id: Id, to: AccountStatus, reason: str, by: Actor) -> CreditBalanceView:
        """Suspend, reactivate or close an account. Safe to repeat.

        Raises NotAllowed, CustomerNotFound, CreditLeft and CreditAccountNotOpen.
        """
        by.require(Role.MANAGER)

        async def decide(tx: Transaction) -> None:
            terms = await self._terms_of(tx, customer_id)
            await accounts.change_status(tx, customer_id, terms.currency, to, reason, by.person_id)

        await self.db.transaction(by.cafe_id, decide)
        return await self.balance(customer_id, by)

    async def expire_due(self) -> int:
        """Expire whatever is due, at every cafe; answer how many lots. Safe to repeat, and to run twice at once."""
        return await expire_due(self.db)

    # --- reading ------------------------------------------------------------------------

    async def balance(self, customer_id: Id, by: Actor) -> CreditBalanceView:
        """A customer's balance; nothing is ever created by reading. Raises CustomerNotFound and NotAllowed."""
        _require_own(customer_id, by)

        async def look(reader: Reader) -> CreditBalanceView:
            terms = await self._terms_of(reader, customer_id)
            found = await store.account(reader, customer_id)
            if found is None:
                return no_credit(customer_id, terms.currency)
            return balance_view(found, await store.open_lots(reader, customer_id), reader.now)

        return await self.db.read(by.cafe_id, look, consistent=True)

    async def history(self, customer_id: Id, by: Actor, limit: int, cursor: str | None) -> Page[CreditTransactionView]:
        """A customer's movements, newest first. Raises CustomerNotFound and NotAllowed."""
        _require_own(customer_id, by)

        async def look(reader: Reader) -> Page[CreditTransactionView]:
            await self._terms_of(reader, customer_id)
            return await page_of(
                lambda before, count: store.history(reader, customer_id, before, count),
                limit, cursor, key=lambda row: row.id, view=view_of,
            )  # fmt: skip

        return await self.db.read(by.cafe_id, look)

    async def lots(self, customer_id: Id, by: Actor, limit: int, cursor: str | None) -> Page[CreditLotView]:
        """What a customer's credit consists of, newest first. Raises CustomerNotFound and NotAllowed."""
        _require_own(customer_id, by)

        async def look(reader: Reader) -> Page[CreditLotView]:
            await self._terms_of(reader, customer_id)
            return await page_of(
                lambda before, count: store.lots(reader, customer_id, before, count),
                limit, cursor, key=lambda row: row.id, view=lambda row: lot_view(row, reader.now),
            )  # fmt: skip

        return await self.db.read(by.cafe_id, look)

    async def liability(self, at: datetime | None, by: Actor) -> Liability:
        """What the cafe owes its customers in credit, by kind and age, now or as of a moment.

        Raises NotAllowed, and InvalidRequest for a moment that is still to come.
        """
        by.require(Role.MANAGER)

        async def look(reader: Reader) -> Liability:
            if at is not None and at > reader.now:
                raise InvalidRequest("at lies in the future.", errors=[FieldError("at", "at lies in the future.")])
            return await liability(reader, at or reader.now)

        return await self.db.read(by.cafe_id, look, consistent=True)

    async def _terms_of(self, reader: Reader, customer_id: Id) -> Terms:
        terms = await self.terms(reader, customer_id)
        if terms is None:
            raise CustomerNotFound
        return terms


async def _expiry(tx: Transaction, request: MoveCredit) -> datetime | None:
    given = request.expires_at
    if isinstance(given, msgspec.UnsetType):
        return await expiry_of(tx, "promotional")
    if given is not None and not tx.now < given < tx.now + _LONGEST:
        raise ExpiryNotPossible
    return given


def _require_own(customer_id: Id, by: Actor) -> None:
    if not by.is_staff and (customer_id != by.person_id or by.is_guest):
        raise NotAllowed("You may only see your own credit.")
