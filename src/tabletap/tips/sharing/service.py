"""What managers do with tips that came in: share a pool out, give what is nobody's to somebody, pay."""

import msgspec

from tabletap.cafes.business_day import business_day_of
from tabletap.identity import store as identity
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.infra.idempotency import Once, Outcome, remember, run_once
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.money import require_positive
from tabletap.kernel.people import Actor, Role
from tabletap.ledger.checking import unlike_the_entries
from tabletap.ledger.model import BANK, CASH_DRAWER, TIPS_PAYABLE, tips_payable
from tabletap.ledger.service import balances, post
from tabletap.tips.payouts import store as payouts
from tabletap.tips.payouts.model import PayoutMethod, TipPayout
from tabletap.tips.rules.packs import require_may_receive
from tabletap.tips.rules.service import rule_in_force, rule_of
from tabletap.tips.sharing import store
from tabletap.tips.sharing.booking import Shared, cafe_of, move_account, share, shared_before
from tabletap.tips.sharing.errors import (
    NobodyToShareWith,
    NothingUnassigned,
    TipDistributionNotFound,
    TipPayoutTooLarge,
    TipPoolNotFound,
    TipPoolNotOpen,
)
from tabletap.tips.sharing.events import TipsPaidOut
from tabletap.tips.sharing.model import Part, TipDistribution, TipShare
from tabletap.tips.sharing.pools import share_pool
from tabletap.tips.sharing.sums import held, shared_again
from tabletap.tips.sharing.views import DistributionView, PayoutView, distribution_view
from tabletap.tips.shifts.errors import WorkerNotFound

_EVER = "9999-12-31"


class PayTips(msgspec.Struct, frozen=True, kw_only=True):
    """A request to pay a worker tips; no amount means all there is."""

    staff_id: Id
    method: PayoutMethod
    amount_minor: int | None = None


class AssignTips(msgspec.Struct, frozen=True, kw_only=True):
    """To whom what belongs to nobody goes, and why. Nobody named: to those who have a part already, by their work."""

    reason: str
    staff_id: Id | None = None


class SharingService:
    """What managers do with tips that came in."""

    def __init__(self, db: AnyDatabase) -> None:
        self.db = db

    async def distribute(
        self, pool_id: Id, reason: str | None, by: Actor, once: Once | None = None
    ) -> Outcome[DistributionView]:
        """Share a pool out now. Safe to repeat under one key. Raises TipPoolNotFound, TipPoolNotOpen, NotAllowed."""
        by.require(Role.MANAGER)

        async def decide(tx: Transaction) -> DistributionView:
            pool = await store.pool(tx, pool_id, lock=True)
            if pool is None:
                raise TipPoolNotFound
            if pool.status != "open":
                raise TipPoolNotOpen
            done, shares = await share_pool(tx, pool, await cafe_of(tx), by.person_id, reason)
            return _told(tx, done, shares, once)

        return await run_once(self.db, by.cafe_id, once, DistributionView, decide)

    async def assign(
        self, distribution_id: Id, request: AssignTips, by: Actor, once: Once | None = None
    ) -> Outcome[DistributionView]:
        """Give what belongs to nobody to somebody. Safe to repeat under one key.

        Raises TipDistributionNotFound, NothingUnassigned, NobodyToShareWith, WorkerNotFound, TipRuleForbidden,
        NotAllowed.
        """
        by.require(Role.MANAGER)

        async def decide(tx: Transaction) -> DistributionView:
            found = await store.distribution(tx, distribution_id)
            if found is None:
                raise TipDistributionNotFound
            before = await shared_before(tx, found.group_id)
            if request.staff_id is not None:
                await _require_may_receive(tx, request.staff_id, found)
            parts = _reassigned(await store.shares_of_group(tx, found.group_id), request.staff_id, len(before))
            day = business_day_of(await cafe_of(tx), tx.now)
            of_payment = found.payment_id if found.payment_id == found.group_id else None
            what = Shared(found.group_id, day, found.currency, found.sequence, found.rule_version, of_payment)
            done, shares = await share(tx, "assigned", what, parts, reason=request.reason, by=by.person_id)
            return _told(tx, done, shares, once)

        return await run_once(self.db, by.cafe_id, once, DistributionView, decide)

    async def pay_out(self, request: PayTips, by: Actor, once: Once | None = None) -> Outcome[PayoutView]:
        """Pay a worker tips, in cash or with their pay. Safe to repeat under one key.

        Raises TipPayoutTooLarge, WorkerNotFound, InvalidAmount, NotAllowed.
        """
        by.require(Role.MANAGER)

        async def decide(tx: Transaction) -> PayoutView:
            before = await payouts.account(tx, request.staff_id, lock=True)
            if before is None:
                raise WorkerNotFound("This person has no tips here.")
            if before.posted_minor <= 0:
                raise TipPayoutTooLarge("Nothing is to be paid to this worker now.")
            amount = require_positive(before.posted_minor if request.amount_minor is None else request.amount_minor)
            if amount > before.posted_minor:
                raise TipPayoutTooLarge(f"At most {before.posted_minor} is still to be paid to this worker.")
            cafe = await cafe_of(tx)
            after = await move_account(tx, request.staff_id, -amount)
            payout = TipPayout(tx.cafe_id, new_id(), request.staff_id, amount, request.method, by.person_id, tx.now)
            tx.add(payouts.tip_payout, payout)
            account = CASH_DRAWER if request.method == "cash" else BANK
            amounts = {tips_payable(request.staff_id): amount, account: -amount}
            post(tx, "tips_paid_out", cafe.currency, amounts, source_id=payout.id)
            tx.emit(TipsPaidOut(cafe_id=tx.cafe_id, at=tx.now, payout=payout, paid_by=by.person_id))
            view = PayoutView(payout.id, payout.staff_id, amount, payout.method, after.posted_minor, tx.now)
            remember(tx, once, view)
            return view

        return await run_once(self.db, by.cafe_id, once, PayoutView, decide)


def _told(tx: Transaction, done: TipDistribution, shares: list[TipShare], once: Once | None) -> DistributionView:
    view = distribution_view(done, shares)
    remember(tx, once, view)
    return view


async def _require_may_receive(tx: Transaction, staff_id: Id, found: TipDistribution) -> None:
    person = await identity.get_person(tx, tx.cafe_id, staff_id)
    if person is None or person.kind != "staff":
        raise WorkerNotFound
    is_manager = bool(person.role_set & {Role.MANAGER, Role.ADMIN})
    for rule in (await rule_of(tx, found.rule_version), await rule_in_force(tx)):
        require_may_receive(rule.pack, is_manager)


def _reassigned(shares: list[TipShare], staff_id: Id | None, sequence: int) -> list[Part]:
    """What is nobody's, role by role, out of nobody's hands and into somebody's."""
    nobodys = {role: amount for (staff, role), amount in held(shares).items() if not staff and amount > 0}
    if not nobodys:
        raise NothingUnassigned
    if staff_id is None:
        parts = shared_again(shares, sequence)
        if not parts:
            raise NobodyToShareWith
        return parts
    taken = [Part(None, role, 0, 0, -amount) for role, amount in nobodys.items()]
    return taken + [Part(staff_id, role, 0, 0, amount) for role, amount in nobodys.items()]


async def check(reader: Reader) -> list[str]:
    """What is wrong with shared tips, sentence by sentence, for `tabletap verify`.

    Shares sum to what was shared, pools to their tips; what workers are still to get is what their shares and payouts
    come to, and what the ledger says; what guests gave is in an open pool, with a worker, or belongs to nobody yet.
    """
    faults = [f"the parts of {what} do not sum to it" for what in await store.wrong_sums(reader)]
    accounts = await payouts.accounts(reader)
    kept = {tips_payable(each.staff_id): (f"worker {each.staff_id}", each.posted_minor) for each in accounts}
    faults += await unlike_the_entries(reader, tips_payable(""), kept)
    given, paid = await store.owed(reader), await payouts.paid(reader)
    for each in accounts:
        amount = given.get(each.staff_id, 0) - paid.get(each.staff_id, 0)
        if amount != each.posted_minor:
            faults.append(f"worker {each.staff_id} has {each.posted_minor} to get, shares and payouts say {amount}")
    waiting = await store.open_amount(reader) + sum((await store.unassigned(reader, _EVER)).values())
    booked = -(await balances(reader, reader.cafe_id)).get(TIPS_PAYABLE, 0)
    if booked != waiting:
        faults.append(f"tips of {booked} are not shared by the entries, pools and what is nobody's come to {waiting}")
    return faults
