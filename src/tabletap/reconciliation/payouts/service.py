"""Payouts of providers: the report is checked and tied to our payments, the bank's line to the report."""

from datetime import date
from typing import Literal

import msgspec

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Duplicate, Reader, Transaction
from tabletap.infra.paging import Page, page_of
from tabletap.kernel.ids import Id, is_id, new_id
from tabletap.kernel.people import Actor, Role, require_currency
from tabletap.ledger.model import BANK, PROVIDER_FEES, provider
from tabletap.ledger.service import post
from tabletap.orders import service as orders
from tabletap.payments import store as payments
from tabletap.payments.accounts import store as accounts
from tabletap.payments.accounts.model import AccountRow
from tabletap.reconciliation.errors import MatchNotPossible, PayoutNotFound, PayoutRefused
from tabletap.reconciliation.payouts import store
from tabletap.reconciliation.records import BankLine, Payout, PayoutLine

Kind = Literal["payment", "refund", "dispute"]


class ReportedLine(msgspec.Struct, frozen=True, kw_only=True):
    """One movement within a payout, as the provider reports it."""

    kind: Kind
    reference: str
    """Ours: the payment's id, or the refund's."""
    amount_minor: int
    fee_minor: int = 0


class ReportedPayout(msgspec.Struct, frozen=True, kw_only=True):
    """A payout as the provider reports it."""

    provider: str
    external_id: str
    paid_on: date
    currency: str
    net_minor: int
    lines: tuple[ReportedLine, ...]
    fee_minor: int = 0
    """Fees beside those of the lines."""


class PayoutLineView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """One movement of a payout as managers see it."""

    kind: Kind
    reference: str
    amount: int
    fee_amount: int
    payment_id: Id | None = None
    refund_id: Id | None = None
    difference: str | None = None


class PayoutView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """A payout as managers see it: gross - fees - refunds - disputes = net."""

    payout_id: Id
    external_payout_id: str
    provider_account_id: Id
    currency: str
    gross_amount: int
    fee_amount: int
    refund_amount: int
    dispute_amount: int
    net_amount: int
    paid_on: str
    mode: str
    status: str
    differences: list[str]
    lines: list[PayoutLineView] | None = None


class PayoutService:
    """Taking in what providers report."""

    def __init__(self, db: AnyDatabase) -> None:
        self.db = db

    async def take_in(self, reported: ReportedPayout, by: Actor) -> PayoutView:
        """Check a payout and write it down with what differs from our books. Safe to repeat: it has one name.

        Raises PayoutRefused, CurrencyMismatch and NotAllowed.
        """
        by.require(Role.MANAGER)

        async def decide(tx: Transaction) -> PayoutView:
            account = await accounts.account(tx, reported.provider)
            if account is None:
                raise PayoutRefused(f"This cafe has no account at {reported.provider[:40]}.")
            known = await store.by_name(tx, account.id, reported.external_id)
            if known is not None:
                return view_of(known, await store.lines(tx, known.id))
            require_currency(reported.currency, (await orders.cafe_of(tx)).currency)
            row = _summed(tx, reported, account, by)
            lines = [await _tied(tx, row.id, n, line) for n, line in enumerate(reported.lines, 1)]
            differences = [line.difference for line in lines if line.difference is not None]
            row = msgspec.structs.replace(row, differences=differences or None)
            tx.add(store.payout, row)
            tx.add(store.payout_line, *lines)
            if row.fee_minor:
                _book(tx, row, {PROVIDER_FEES: row.fee_minor, provider(account.id): -row.fee_minor}, "payout_fees")
            return view_of(row, lines)

        try:
            return await self.db.transaction(by.cafe_id, decide)
        except Duplicate:
            return await self.db.transaction(by.cafe_id, decide)

    async def get(self, payout_id: Id, by: Actor) -> PayoutView:
        """One payout with its lines. Raises PayoutNotFound and NotAllowed."""
        by.require(Role.MANAGER)

        async def look(reader: Reader) -> PayoutView:
            found = await store.get(reader, payout_id)
            if found is None:
                raise PayoutNotFound
            return view_of(found, await store.lines(reader, payout_id))

        return await self.db.read(by.cafe_id, look)

    async def page(self, by: Actor, limit: int, cursor: str | None) -> Page[PayoutView]:
        """Payouts, the newest first. Raises NotAllowed."""
        by.require(Role.MANAGER)

        async def look(reader: Reader) -> Page[PayoutView]:
            return await page_of(
                lambda before, count: store.page(reader, before, count),
                limit, cursor, key=lambda row: row.id, view=view_of,
            )  # fmt: skip

        return await self.db.read(by.cafe_id, look)


def _summed(tx: Transaction, reported: ReportedPayout, account: AccountRow, by: Actor) -> Payout:
    """The payout with its sums. Raises PayoutRefused unless they come to the net amount."""
    if any(line.amount_minor <= 0 for line in reported.lines):
        raise PayoutRefused("Every line of a payout has an amount above zero.")

    def total(kind: Kind) -> int:
        return sum(line.amount_minor for line in reported.lines if line.kind == kind)

    gross, refunds, disputes = total("payment"), total("refund"), total("dispute")
    fees = reported.fee_minor + sum(line.fee_minor for line in reported.lines)
    if gross - fees - refunds - disputes != reported.net_minor:
        raise PayoutRefused(
            f"The payout says {reported.net_minor}, its lines come to {gross} - {fees} fees - {refunds} refunds - "
            f"{disputes} disputes = {gross - fees - refunds - disputes}."
        )
    return Payout(
        tx.cafe_id, new_id(), account.id, reported.external_id, reported.currency, gross, fees, refunds, disputes,
        reported.net_minor, reported.paid_on.isoformat(), account.mode, "announced", None, by.person_id, tx.now, 1,
    )  # fmt: skip


async def _tied(tx: Transaction, payout_id: Id, n: int, line: ReportedLine) -> PayoutLine:
    """The line with what of ours it is, and in what it differs."""
    payment_id = refund_id = difference = None
    if not is_id(line.reference):
        difference = f"{line.kind} {line.reference[:60]} is not ours"
    elif line.kind == "refund":
        refund = await payments.get_refund(tx, line.reference)
        refund_id = refund.id if refund else None
        payment_id = refund.payment_id if refund else None
        difference = _difference(line, refund.amount_minor if refund and refund.status == "completed" else None)
    else:
        payment = await payments.get(tx, line.reference)
        payment_id = payment.id if payment else None
        whole = line.kind == "payment"
        ours = payment.captured_minor if payment else None
        difference = _difference(line, ours) if whole or ours is None or line.amount_minor > ours else None
    return PayoutLine(
        tx.cafe_id, payout_id, n, line.kind, line.reference, line.amount_minor, line.fee_minor, payment_id, refund_id,
        difference,
    )  # fmt: skip


def _difference(line: ReportedLine, ours_minor: int | None) -> str | None:
    if ours_minor is None or ours_minor == 0:
        return f"{line.kind} {line.reference} is not completed in our books"
    if ours_minor != line.amount_minor:
        return f"{line.kind} {line.reference} is {line.amount_minor} in the payout and {ours_minor} in our books"
    return None


def _book(tx: Transaction, payout: Payout, amounts: dict[str, int], kind: str) -> None:
    post(tx, kind, payout.currency, amounts, mode=payout.mode, source_id=payout.id)


async def receive(tx: Transaction, payout_id: Id, line: BankLine) -> None:
    """A statement shows the payout: what the provider held for us is on the account. Raises MatchNotPossible."""
    payout = await store.get(tx, payout_id, lock=True)
    if payout is None or payout.state != "announced" or payout.net_minor != line.amount_minor:
        raise MatchNotPossible("This payout is of another amount, or was seen on the account before.")
    after = msgspec.structs.replace(payout, state="received", version=payout.version + 1)
    tx.save(store.payout, payout, after, ("cafe_id", "id"), ("version",))
    _book(tx, payout, {BANK: payout.net_minor, provider(payout.provider_account_id): -payout.net_minor}, "payout")


async def take_back(tx: Transaction, payout_id: Id) -> None:
    """What was taken for the payout was not it: nothing of it was seen. Raises MatchNotPossible."""
    payout = await store.get(tx, payout_id, lock=True)
    if payout is None or payout.state != "received":
        raise MatchNotPossible
    after = msgspec.structs.replace(payout, state="announced", version=payout.version + 1)
    tx.save(store.payout, payout, after, ("cafe_id", "id"), ("version",))
    _book(tx, payout, {BANK: -payout.net_minor, provider(payout.provider_account_id): payout.net_minor}, "payout")


def view_of(payout: Payout, lines: list[PayoutLine] | None = None) -> PayoutView:
    """The payout as managers see it."""
    return PayoutView(
        payout_id=payout.id,
        external_payout_id=payout.external_id,
        provider_account_id=payout.provider_account_id,
        currency=payout.currency,
        gross_amount=payout.gross_minor,
        fee_amount=payout.fee_minor,
        refund_amount=payout.refund_minor,
        dispute_amount=payout.dispute_minor,
        net_amount=payout.net_minor,
        paid_on=payout.paid_on,
        mode=payout.mode,
        status=payout.state,
        differences=payout.differences or [],
        lines=None
        if lines is None
        else [
            PayoutLineView(
                kind=line.kind,
                reference=line.reference,
                amount=line.amount_minor,
                fee_amount=line.fee_minor,
                payment_id=line.payment_id,
                refund_id=line.refund_id,
                difference=line.difference,
            )
            for line in lines
        ],
    )
