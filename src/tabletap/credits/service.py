"""Adding, spending and reading customer credit."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec

from tabletap.credits import store
from tabletap.credits.errors import CreditAccountClosed, CreditLimitExceeded, InsufficientCredit
from tabletap.credits.events import CreditMoved
from tabletap.credits.model import CreditAccount, CreditTransaction, CreditType
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.infra.idempotency import Once, Outcome, remember, run_once
from tabletap.infra.paging import Page, page_of
from tabletap.kernel.errors import CustomerNotFound, NotAllowed
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.money import require_positive
from tabletap.kernel.people import Actor, Role, require_currency
from tabletap.ledger.model import CREDIT_PROMOTION, customer_credit
from tabletap.ledger.service import post


class CreditBalanceView(msgspec.Struct, rename="camel", frozen=True):
    """`GET /credits/balance`."""

    customer_id: Id
    balance: int
    held: int
    total_earned: int
    total_spent: int
    currency: str
    status: str


class CreditTransactionView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """A credit transaction as callers see it (contract 2). `amount` is negative for a debit."""

    id: Id
    type: CreditType
    customer_id: Id
    amount: int
    balance_before: int
    balance_after: int
    reason: str
    created_at: datetime
    order_id: Id | None = None
    payment_id: Id | None = None
    staff_id: Id | None = None
    metadata: dict[str, Any] | None = None


class MoveCredit(msgspec.Struct, frozen=True, kw_only=True):
    """A request to add or deduct credit by hand."""

    customer_id: Id
    amount_minor: int
    reason: str
    order_id: Id | None = None
    metadata: dict[str, Any] | None = None
    currency: str | None = None
    """What the caller takes the cafe's currency to be."""


class Terms(msgspec.Struct, frozen=True):
    """What credit needs to know of the cafe and the customer."""

    currency: str
    counter_limit_minor: int
    """The most a counter person may add or deduct at once without a manager."""


FindTerms = Callable[[Reader, Id], Awaitable[Terms | None]]
"""The terms for a customer account of the reader's cafe, None where there is no such customer."""


def view_of(transaction: CreditTransaction) -> CreditTransactionView:
    """The transaction as callers see it."""
    return CreditTransactionView(
        id=transaction.id,
        type=transaction.type,
        customer_id=transaction.customer_id,
        amount=transaction.amount_minor,
        balance_before=transaction.balance_before_minor,
        balance_after=transaction.balance_after_minor,
        reason=transaction.reason,
        created_at=transaction.created_at,
        order_id=transaction.order_id,
        payment_id=transaction.payment_id,
        staff_id=transaction.staff_id,
        metadata=transaction.metadata,
    )


async def move(
    tx: Transaction,
    customer_id: Id,
    amount_minor: int,
    type_: CreditType,
    reason: str,
    currency: str,
    *,
    order_id: Id | None = None,
    payment_id: Id | None = None,
    staff_id: Id | None = None,
    metadata: dict[str, Any] | None = None,
) -> CreditTransaction:
    """Move credit as part of a larger transaction, which books the journal for it. Negative amounts spend.

    Raises InsufficientCredit and CreditAccountClosed.
    """
    account = tx.recall(("credit", customer_id)) or await store.account(tx, customer_id, lock=True)
    if account is None:
        if amount_minor < 0:
            raise InsufficientCredit
        before = _opened(tx, customer_id, currency)
    else:
        before = account
    if before.status != "active" and amount_minor < 0:
        raise CreditAccountClosed
    if before.available_minor + amount_minor < 0:
        raise InsufficientCredit
    after = _moved(before, amount_minor, type_, tx.now)
    if account is None:
        tx.add(store.customer_credit, after, retry_on_duplicate=True)
    else:
        tx.save(store.customer_credit, before, after, ("cafe_id", "customer_id"), ("version",))
    tx.remember(("credit", customer_id), after)
    moved = CreditTransaction(
        tx.cafe_id, new_id(), customer_id, type_, amount_minor, before.posted_minor, after.posted_minor, reason,
        order_id, payment_id, staff_id, metadata, tx.now,
    )  # fmt: skip
    tx.add(store.credit_transaction, moved)
    tx.emit(CreditMoved(cafe_id=tx.cafe_id, at=tx.now, transaction=moved))
    return moved


def _opened(tx: Transaction, customer_id: Id, currency: str) -> CreditAccount:
    return CreditAccount(tx.cafe_id, customer_id, currency, 0, 0, 0, 0, "active", 0, tx.now, tx.now)


def _moved(account: CreditAccount, amount_minor: int, type_: CreditType, now: datetime) -> CreditAccount:
    """A refund takes back what was spent; it is no new earning (seed fault 70)."""
    earned = amount_minor if type_ == "credit" else 0
    spent = -amount_minor if type_ in ("debit", "refund") else 0
    return msgspec.structs.replace(
        account,
        posted_minor=account.posted_minor + amount_minor,
        total_earned_minor=account.total_earned_minor + earned,
        total_spent_minor=account.total_spent_minor + spent,
        version=account.version + 1,
        updated_at=now,
    )


class CreditService:
    """What people do with credit by hand, and what they read of it."""

    def __init__(self, db: AnyDatabase, terms: FindTerms) -> None:
        self.db, self.terms = db, terms

    async def add(self, request: MoveCredit, by: Actor, once: Once | None = None) -> Outcome[CreditTransactionView]:
        """Give credit; the counter-entry is `credit_promotion`. Safe to repeat under one key.

        Raises InvalidAmount, NotAllowed, CreditLimitExceeded, CustomerNotFound.
        """
        return await self._by_hand(request, +1, "credit", by, once)

    async def deduct(self, request: MoveCredit, by: Actor, once: Once | None = None) -> Outcome[CreditTransactionView]:
        """Take credit back. Safe to repeat under one key. Raises also InsufficientCredit and CreditAccountClosed."""
        return await self._by_hand(request, -1, "debit", by, once)

    async def _by_hand(
        self, request: MoveCredit, sign: int, type_: CreditType, by: Actor, once: Once | None
    ) -> Outcome[CreditTransactionView]:
        by.require(Role.COUNTER)

        async def decide(tx: Transaction) -> CreditTransactionView:
            amount = require_positive(request.amount_minor)
            terms = await self.terms(tx, request.customer_id)
            if terms is None:
                raise CustomerNotFound
            require_currency(request.currency, terms.currency)
            if amount > terms.counter_limit_minor and not by.is_(Role.MANAGER):
                raise CreditLimitExceeded
            moved = await move(
                tx, request.customer_id, sign * amount, type_, request.reason, terms.currency,
                order_id=request.order_id, staff_id=by.person_id, metadata=request.metadata,
            )  # fmt: skip
            amounts = {customer_credit(request.customer_id): -sign * amount, CREDIT_PROMOTION: sign * amount}
            post(tx, f"credit_{type_}", terms.currency, amounts, order_id=request.order_id)
            view = view_of(moved)
            remember(tx, once, view)
            return view

        return await run_once(self.db, by.cafe_id, once, CreditTransactionView, decide)

    async def balance(self, customer_id: Id, by: Actor) -> CreditBalanceView:
        """A customer's balance; nothing is ever created by reading. Raises CustomerNotFound and NotAllowed."""
        _require_own(customer_id, by)

        async def look(reader: Reader) -> CreditBalanceView:
            terms = await self.terms(reader, customer_id)
            if terms is None:
                raise CustomerNotFound
            account = await store.account(reader, customer_id)
            if account is None:
                return CreditBalanceView(customer_id, 0, 0, 0, 0, terms.currency, "active")
            return CreditBalanceView(
                customer_id, account.posted_minor, account.held_minor, account.total_earned_minor,
                account.total_spent_minor, account.currency, account.status,
            )  # fmt: skip

        return await self.db.read(by.cafe_id, look)

    async def history(self, customer_id: Id, by: Actor, limit: int, cursor: str | None) -> Page[CreditTransactionView]:
        """A customer's movements, newest first. Raises CustomerNotFound and NotAllowed."""
        _require_own(customer_id, by)

        async def look(reader: Reader) -> Page[CreditTransactionView]:
            if await self.terms(reader, customer_id) is None:
                raise CustomerNotFound
            return await page_of(
                lambda before, count: store.history(reader, customer_id, before, count),
                limit, cursor, key=lambda row: row.id, view=view_of,
            )  # fmt: skip

        return await self.db.read(by.cafe_id, look)


def _require_own(customer_id: Id, by: Actor) -> None:
    if not by.is_staff and (customer_id != by.person_id or by.is_guest):
        raise NotAllowed("You may only see your own credit.")
