"""Sharing tips out as they come in, taking them back with refunds, paying them out."""

from collections.abc import Iterable
from datetime import date, datetime

import msgspec

from tabletap.cafes import store as cafes
from tabletap.cafes.business_day import BusinessDay, business_day, business_day_of
from tabletap.cafes.model import Cafe
from tabletap.identity import store as identity
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.infra.idempotency import Once, Outcome, remember, run_once
from tabletap.kernel.errors import NotAllowed
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.money import require_positive
from tabletap.kernel.people import SYSTEM_ID, Actor, Role
from tabletap.ledger.model import BANK, CASH_DRAWER, TIPS_PAYABLE, tips_payable
from tabletap.ledger.service import balances, post
from tabletap.tips import store as tips
from tabletap.tips.model import TipDistributionShares
from tabletap.tips.sharing import store
from tabletap.tips.sharing.errors import (
    NothingUnassigned,
    TipDistributionNotFound,
    TipPayoutTooLarge,
    TipPoolNotFound,
    TipPoolNotOpen,
)
from tabletap.tips.sharing.events import TipDistributed, TipsPaidOut
from tabletap.tips.sharing.model import (
    DistributionKind,
    Part,
    PayoutMethod,
    TipAccount,
    TipDistribution,
    TipIncome,
    TipPayout,
    TipPool,
    TipRule,
    TipShare,
    Worker,
    distributed,
    minutes_within,
    taken_back,
)
from tabletap.tips.sharing.views import DistributionView, PayoutView, distribution_view
from tabletap.tips.shifts import store as shifts
from tabletap.tips.shifts.errors import WorkerNotFound


class PayTips(msgspec.Struct, frozen=True, kw_only=True):
    """A request to pay a worker tips; no amount means all there is."""

    staff_id: Id
    method: PayoutMethod
    amount_minor: int | None = None


class AssignTips(msgspec.Struct, frozen=True, kw_only=True):
    """To whom what belongs to nobody goes, and why."""

    staff_id: Id
    reason: str


# --- what payments bring and take (reactions.py) ----------------------------------------


async def take_in(tx: Transaction, payment_id: Id, tip_minor: int) -> None:
    """A payment brought a tip: it joins the day's pool, or is shared out among those who are at work now."""
    cafe, rule = await _cafe(tx), await rule_in_force(tx)
    day = business_day_of(cafe, tx.now)
    if rule.mode == "shift_pool":
        pool = await _open_pool(tx, cafe, day)
        _into_pool(tx, pool, payment_id, tip_minor)
        return
    there = [shift for shift in await shifts.shifts(tx, tx.now, tx.now) if shift.ended_at is None]
    workers = [Worker(shift.person_id, shift.role, shift.points, 1) for shift in there]
    sequence = int(payment_id.replace("-", "")[-6:], 16)  # random: over many payments ties favour nobody
    tx.remember(("tip_n", payment_id), 0)
    what = _Shared(payment_id, day, cafe.currency, sequence, rule.version, payment_id)
    await _share(tx, "shared", what, distributed(tip_minor, rule, workers, sequence))


async def give_back(tx: Transaction, payment_id: Id, tip_minor: int, cause_id: Id) -> None:
    """Part of a payment's tip went back: out of the open pool, or from those who got it, in proportion."""
    came = await store.income(tx, payment_id)
    if not came:
        await _take_back(tx, payment_id, tip_minor, cause_id, payment_id)
        return
    pool = await store.pool(tx, came[0].pool_id, lock=True)
    if pool is not None and pool.status == "open":
        _into_pool(tx, pool, payment_id, -tip_minor, cause_id)
    elif pool is not None:
        await _take_back(tx, pool.id, tip_minor, cause_id, payment_id)


async def restore(tx: Transaction, payment_id: Id, cause_id: Id) -> None:
    """A dispute that had taken tips back was won after all: whoever gave gets it again, or the pool does."""
    came = await store.income(tx, payment_id)
    cafe = await _cafe(tx)
    day = business_day_of(cafe, tx.now)
    left = -sum(each.amount_minor for each in came if each.cause_id == cause_id)
    if left > 0:
        pool = await store.pool(tx, came[0].pool_id, lock=True)
        is_open = pool is not None and pool.status == "open"
        _into_pool(tx, pool if pool and is_open else await _open_pool(tx, cafe, day), payment_id, left, cause_id)
    group_id = came[0].pool_id if came else payment_id
    for each in await _shared_before(tx, group_id):
        if each.cause_id == cause_id and each.kind == "clawback":
            parts = [
                Part(share.staff_id, share.role, share.points, share.minutes, -share.amount_minor)
                for share in await store.shares(tx, each.id)
            ]
            what = _Shared(group_id, day, each.currency, each.sequence, each.rule_version, payment_id, cause_id)
            await _share(tx, "restored", what, parts)


async def _take_back(tx: Transaction, group_id: Id, tip_minor: int, cause_id: Id, payment_id: Id) -> None:
    done = await _shared_before(tx, group_id)
    if not done:
        return  # it was captured before tips were shared out here
    parts = taken_back(tip_minor, await store.shares_of_group(tx, group_id), len(done))
    day = business_day_of(await _cafe(tx), tx.now)
    what = _Shared(group_id, day, done[0].currency, len(done), done[0].rule_version, payment_id, cause_id)
    await _share(tx, "clawback", what, parts)


def _into_pool(tx: Transaction, pool: TipPool, payment_id: Id, amount_minor: int, cause_id: Id | None = None) -> None:
    after = msgspec.structs.replace(pool, amount_minor=pool.amount_minor + amount_minor, version=pool.version + 1)
    _save_pool(tx, pool, after)
    tx.add(store.tip_income, TipIncome(tx.cafe_id, new_id(), pool.id, payment_id, amount_minor, cause_id, tx.now))


def _save_pool(tx: Transaction, before: TipPool, after: TipPool) -> None:
    tx.save(store.tip_pool, before, after, ("cafe_id", "id"), ("version",))
    _know(tx, after)


def _know(tx: Transaction, pool: TipPool) -> None:
    tx.remember(("tip_pool", pool.id), pool)
    tx.remember(("tip_pool of", pool.business_day), pool)


async def _open_pool(tx: Transaction, cafe: Cafe, day: BusinessDay) -> TipPool:
    name = day.date.isoformat()
    found = await store.open_pool(tx, name)
    if found is not None and found.status == "open":
        return found
    sequence = await store.next_sequence(tx)
    pool = TipPool(tx.cafe_id, new_id(), name, "open", cafe.currency, 0, sequence, 1, tx.now, None)
    tx.add(store.tip_pool, pool, retry_on_duplicate=True)
    _know(tx, pool)
    return pool


class _Shared(msgspec.Struct, frozen=True):
    """What is shared: a pool, or a payment; and what took it back."""

    group_id: Id
    day: BusinessDay
    currency: str
    sequence: int
    rule_version: int
    payment_id: Id | None = None
    cause_id: Id | None = None


async def _share(
    tx: Transaction,
    kind: DistributionKind,
    what: _Shared,
    parts: Iterable[Part],
    *,
    reason: str | None = None,
    by: Id = SYSTEM_ID,
) -> TipDistribution:
    """Write a distribution with its shares, book it, and let every worker have theirs."""
    given, group_id, currency = list(parts), what.group_id, what.currency
    done = TipDistribution(
        tx.cafe_id, new_id(), kind, group_id, what.payment_id, what.cause_id, what.day.date.isoformat(), currency,
        sum(part.amount_minor for part in given), what.sequence, what.rule_version, await _next_n(tx, group_id),
        reason, by, tx.now,
    )  # fmt: skip
    shares = [
        TipShare(tx.cafe_id, done.id, n, part.staff_id, part.role, part.points, part.minutes, part.amount_minor)
        for n, part in enumerate(given, 1)
    ]
    tx.add(store.tip_distribution, done, retry_on_duplicate=True)
    tx.add(store.tip_share, *shares)
    tx.remember(("tip_shares", group_id), (*(tx.recall(("tip_shares", group_id)) or ()), *shares))
    booked: dict[str, int] = {}
    for share in shares:
        if share.staff_id is not None:
            await _move_account(tx, share.staff_id, share.amount_minor)
            booked[tips_payable(share.staff_id)] = booked.get(tips_payable(share.staff_id), 0) - share.amount_minor
    if any(booked.values()):
        booked[TIPS_PAYABLE] = -sum(booked.values())
        post(tx, f"tips_{kind}", currency, booked, source_id=done.id)
    tx.emit(TipDistributed(cafe_id=tx.cafe_id, at=tx.now, distribution=done, shares=shares))
    return done


async def _shared_before(tx: Transaction, group_id: Id) -> list[TipDistribution]:
    """What was shared of a pool or payment before. Asked first: whoever shares meanwhile makes us decide again."""
    found = await store.of_group(tx, group_id)
    if tx.recall(("tip_n", group_id)) is None:
        tx.remember(("tip_n", group_id), len(found))
    return found


async def _next_n(tx: Transaction, group_id: Id) -> int:
    if tx.recall(("tip_n", group_id)) is None:
        await _shared_before(tx, group_id)
    n: int = tx.recall(("tip_n", group_id)) + 1
    tx.remember(("tip_n", group_id), n)
    return n


async def _move_account(tx: Transaction, staff_id: Id, amount_minor: int) -> TipAccount:
    before = await store.account(tx, staff_id, lock=True)
    if before is None:
        after = TipAccount(tx.cafe_id, staff_id, amount_minor, 1)
        tx.add(store.tip_account, after, retry_on_duplicate=True)
    else:
        after = msgspec.structs.replace(
            before, posted_minor=before.posted_minor + amount_minor, version=before.version + 1
        )
        tx.save(store.tip_account, before, after, ("cafe_id", "staff_id"), ("version",))
    tx.remember(("tip_account", staff_id), after)
    return after


async def rule_in_force(reader: Reader) -> TipRule:
    """The rule of the highest version; while nobody has set one, pools by the tip configuration's distribution."""
    found = await store.rule(reader)
    return found or first_rule(reader.cafe_id, reader.now, (await tips.configuration(reader)).distribution)


def first_rule(cafe_id: Id, now: datetime, shares: TipDistributionShares) -> TipRule:
    """The rule of a cafe that has set none."""
    return TipRule(
        cafe_id, cafe_id, 0, "shift_pool", "none", shares.kitchen_staff, shares.service_staff, shares.management,
        SYSTEM_ID, now,
    )  # fmt: skip


async def _cafe(reader: Reader) -> Cafe:
    cafe = await cafes.get_cafe(reader, reader.cafe_id)
    if cafe is None:
        raise NotAllowed("This cafe does not exist any more.")
    return cafe


async def _distribute(tx: Transaction, pool: TipPool, cafe: Cafe, by: Id, reason: str | None = None) -> TipDistribution:
    """Share a pool out by the minutes worked on its day."""
    day, rule = business_day(cafe, date.fromisoformat(pool.business_day)), await rule_in_force(tx)
    window = (day.starts_at, min(day.ends_at, tx.now))
    workers = [
        Worker(shift.person_id, shift.role, shift.points, minutes_within(shift, *window))
        for shift in await shifts.shifts(tx, *window)
    ]
    after = msgspec.structs.replace(pool, status="distributed", distributed_at=tx.now, version=pool.version + 1)
    _save_pool(tx, pool, after)
    parts = distributed(pool.amount_minor, rule, workers, pool.sequence) if pool.amount_minor else []
    what = _Shared(pool.id, day, pool.currency, pool.sequence, rule.version)
    return await _share(tx, "shared", what, parts, by=by, reason=reason)


# --- closing a day (till) ---------------------------------------------------------------


async def before_close(tx: Transaction, day: BusinessDay, by: Actor) -> None:
    """The pools up to a day that is being closed are shared out, unless a shift of it has no end yet."""
    if await _forgotten(tx, day):
        return
    cafe = await _cafe(tx)
    for pool in await store.open_pools(tx, day.date.isoformat()):
        await _distribute(tx, pool, cafe, by.person_id)


async def _forgotten(reader: Reader, day: BusinessDay) -> int:
    return sum(1 for shift in await shifts.shifts(reader, day.starts_at, day.ends_at) if shift.ended_at is None)


class SharingService:
    """What managers and workers do with tips that came in."""

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
            done = await _distribute(tx, pool, await _cafe(tx), by.person_id, reason)
            return self._told(tx, done, once)

        return await run_once(self.db, by.cafe_id, once, DistributionView, decide)

    async def assign(
        self, distribution_id: Id, request: AssignTips, by: Actor, once: Once | None = None
    ) -> Outcome[DistributionView]:
        """Give what belongs to nobody to somebody. Safe to repeat under one key.

        Raises TipDistributionNotFound, NothingUnassigned, WorkerNotFound, NotAllowed.
        """
        by.require(Role.MANAGER)

        async def decide(tx: Transaction) -> DistributionView:
            found = await store.distribution(tx, distribution_id)
            if found is None:
                raise TipDistributionNotFound
            person = await identity.get_person(tx, tx.cafe_id, request.staff_id)
            if person is None or person.kind != "staff":
                raise WorkerNotFound
            await _shared_before(tx, found.group_id)
            loose = [share for share in await store.shares_of_group(tx, found.group_id) if share.staff_id is None]
            nobodys = sum(share.amount_minor for share in loose)
            if nobodys <= 0:
                raise NothingUnassigned
            role = loose[0].role
            parts = [Part(None, role, 0, 0, -nobodys), Part(request.staff_id, role, 0, 0, nobodys)]
            day = business_day_of(await _cafe(tx), tx.now)
            what = _Shared(found.group_id, day, found.currency, found.sequence, found.rule_version, found.payment_id)
            done = await _share(tx, "assigned", what, parts, reason=request.reason, by=by.person_id)
            return self._told(tx, done, once)

        return await run_once(self.db, by.cafe_id, once, DistributionView, decide)

    def _told(self, tx: Transaction, done: TipDistribution, once: Once | None) -> DistributionView:
        shares = [share for share in tx.recall(("tip_shares", done.group_id)) or () if share.distribution_id == done.id]
        view = distribution_view(done, shares)
        remember(tx, once, view)
        return view

    async def pay_out(self, request: PayTips, by: Actor, once: Once | None = None) -> Outcome[PayoutView]:
        """Pay a worker tips, in cash or with their pay. Safe to repeat under one key.

        Raises TipPayoutTooLarge, WorkerNotFound, InvalidAmount, NotAllowed.
        """
        by.require(Role.MANAGER)

        async def decide(tx: Transaction) -> PayoutView:
            before = await store.account(tx, request.staff_id, lock=True)
            if before is None:
                raise WorkerNotFound("This person has no tips here.")
            amount = require_positive(before.posted_minor if request.amount_minor is None else request.amount_minor)
            if amount > before.posted_minor:
                raise TipPayoutTooLarge(f"At most {before.posted_minor} is still to be paid to this worker.")
            cafe = await _cafe(tx)
            after = await _move_account(tx, request.staff_id, -amount)
            payout = TipPayout(tx.cafe_id, new_id(), request.staff_id, amount, request.method, by.person_id, tx.now)
            tx.add(store.tip_payout, payout)
            account = CASH_DRAWER if request.method == "cash" else BANK
            amounts = {tips_payable(request.staff_id): amount, account: -amount}
            post(tx, "tips_paid_out", cafe.currency, amounts, source_id=payout.id)
            tx.emit(TipsPaidOut(cafe_id=tx.cafe_id, at=tx.now, payout=payout, paid_by=by.person_id))
            view = PayoutView(payout.id, payout.staff_id, amount, payout.method, after.posted_minor, tx.now)
            remember(tx, once, view)
            return view

        return await run_once(self.db, by.cafe_id, once, PayoutView, decide)


async def check(reader: Reader) -> list[str]:
    """What is wrong with shared tips, sentence by sentence, for `tabletap verify`."""
    faults = [f"the parts of {what} do not sum to it" for what in await store.wrong_sums(reader)]
    booked = await balances(reader, reader.cafe_id)
    for account in await store.accounts(reader):
        entries = -booked.get(tips_payable(account.staff_id), 0)
        if entries != account.posted_minor:
            faults.append(
                f"worker {account.staff_id} is still to get {account.posted_minor}, the entries say {entries}"
            )
    return faults
