"""The tips of a day, shared together: a pool for each version of the rule that held on the day."""

from datetime import date

import msgspec

from tabletap.cafes.business_day import BusinessDay, business_day
from tabletap.cafes.model import Cafe
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Actor
from tabletap.tips.payouts import store as payouts
from tabletap.tips.rules.model import TipRule
from tabletap.tips.rules.packs import PACKS
from tabletap.tips.rules.service import rule_in_force, rule_of
from tabletap.tips.sharing import store
from tabletap.tips.sharing.booking import Shared, cafe_of, share
from tabletap.tips.sharing.model import Part, TipDistribution, TipIncome, TipPool, TipShare, Worker
from tabletap.tips.sharing.sums import distributed
from tabletap.tips.shifts import store as shifts
from tabletap.tips.shifts.model import Shift, minutes_within


async def open_pool(tx: Transaction, cafe: Cafe, day: BusinessDay, rule: TipRule) -> TipPool:
    """The pool that tips of a day join now, by the rule in force."""
    name = day.date.isoformat()
    found = await store.open_pool(tx, name, rule.version)
    if found is not None and found.status == "open":
        return found
    sequence = await store.next_sequence(tx)
    pool = TipPool(
        tx.cafe_id, new_id(), name, "open", cafe.currency, 0, sequence, rule.version, 1, tx.now, None
    )  # fmt: skip
    tx.add(store.tip_pool, pool, retry_on_duplicate=True)
    store.know_pool(tx, pool)
    return pool


def into_pool(tx: Transaction, pool: TipPool, payment_id: Id, amount_minor: int, cause_id: Id | None = None) -> None:
    """Let a tip join a pool, or leave it again (below zero)."""
    after = msgspec.structs.replace(pool, amount_minor=pool.amount_minor + amount_minor, version=pool.version + 1)
    _save(tx, pool, after)
    store.add_income(tx, TipIncome(tx.cafe_id, new_id(), pool.id, payment_id, amount_minor, cause_id, tx.now))


def _save(tx: Transaction, before: TipPool, after: TipPool) -> None:
    tx.save(store.tip_pool, before, after, ("cafe_id", "id"), ("version",))
    store.know_pool(tx, after)


async def share_pool(
    tx: Transaction, pool: TipPool, cafe: Cafe, by: Id, reason: str | None = None
) -> tuple[TipDistribution, list[TipShare]]:
    """Share a pool out by the minutes worked on its day, by the rule that held when its tips were given."""
    day, rule = business_day(cafe, date.fromisoformat(pool.business_day)), await rule_of(tx, pool.rule_version)
    window = (day.starts_at, min(day.ends_at, tx.now))
    worked = await allowed(tx, await shifts.shifts(tx, *window), rule)
    workers = [
        Worker(shift.person_id, shift.role, shift.points, minutes_within(shift, cafe, *window)) for shift in worked
    ]
    after = msgspec.structs.replace(pool, status="distributed", distributed_at=tx.now, version=pool.version + 1)
    _save(tx, pool, after)
    parts: list[Part] = []
    if pool.amount_minor:
        parts = distributed(pool.amount_minor, rule.weights, workers, pool.sequence)
    what = Shared(pool.id, day, pool.currency, pool.sequence, rule.version)
    return await share(tx, "shared", what, parts, by=by, reason=reason)


async def allowed(tx: Transaction, worked: list[Shift], rule: TipRule) -> list[Shift]:
    """The shifts whose workers may receive tips: by the rule of these tips, and by the law as it is set now."""
    packs = {rule.pack, (await rule_in_force(tx)).pack}
    if not any(PACKS[pack].forbids_management for pack in packs):
        return worked
    return [shift for shift in worked if not shift.is_manager and shift.role != "management"]


async def before_close(tx: Transaction, day: BusinessDay, by: Actor) -> None:
    """The pools up to a day that is being closed are shared out, unless a shift of it has no end yet."""
    if any(shift.ended_at is None for shift in await shifts.shifts(tx, day.starts_at, day.ends_at)):
        return
    cafe = await cafe_of(tx)
    pools = await store.open_pools(tx, day.date.isoformat())
    if len(pools) > 1:
        await payouts.hold_accounts(tx)
    for pool in pools:
        await share_pool(tx, pool, cafe, by.person_id)
