"""What follows for tips when a payment with one is completed, refunded, disputed or won back (payments tell it)."""

from collections import defaultdict
from collections.abc import Iterable

from tabletap.cafes.business_day import business_day_of
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import Id
from tabletap.tips.payouts import store as payouts
from tabletap.tips.rules.service import rule_in_force
from tabletap.tips.sharing import store
from tabletap.tips.sharing.booking import Shared, cafe_of, nothing_shared_before, share, shared_before
from tabletap.tips.sharing.model import Part, TipIncome, TipPool, TipShare, Worker
from tabletap.tips.sharing.pools import allowed, into_pool, open_pool
from tabletap.tips.sharing.sums import distributed, held, taken_back
from tabletap.tips.shifts import store as shifts
from tabletap.tips.shifts.model import is_forgotten


async def take_in(tx: Transaction, payment_id: Id, tip_minor: int) -> None:
    """A payment brought a tip: it joins the day's pool, or is shared out among those who are at work now."""
    cafe, rule = await cafe_of(tx), await rule_in_force(tx)
    day = business_day_of(cafe, tx.now)
    if rule.mode == "shift_pool":
        into_pool(tx, await open_pool(tx, cafe, day, rule), payment_id, tip_minor)
        return
    begun = await shifts.shifts(tx, tx.now, tx.now)
    there = [shift for shift in begun if shift.ended_at is None and not is_forgotten(shift, cafe, tx.now)]
    workers = [
        Worker(shift.person_id, shift.role, shift.points, None) for shift in await allowed(tx, there, rule)
    ]  # fmt: skip
    sequence = int(payment_id.replace("-", "")[-6:], 16)  # random: over many payments ties favour nobody
    nothing_shared_before(tx, payment_id)
    what = Shared(payment_id, day, cafe.currency, sequence, rule.version, payment_id)
    await share(tx, "shared", what, distributed(tip_minor, rule.weights, workers, sequence))


async def give_back(tx: Transaction, payment_id: Id, tip_minor: int, cause_id: Id) -> None:
    """Part of a payment's tip went back: out of the open pool, or from those who got it, in proportion."""
    left = tip_minor
    for pool, of_payment in await _pools_of(tx, payment_id):
        part = min(left, of_payment)
        if part > 0 and pool.status == "open":
            into_pool(tx, pool, payment_id, -part, cause_id)
        elif part > 0:
            part = await _take_back(tx, pool.id, part, cause_id, payment_id)
        left -= max(0, part)
    if left:
        await _take_back(tx, payment_id, left, cause_id, payment_id)


async def _pools_of(tx: Transaction, payment_id: Id) -> list[tuple[TipPool, int]]:
    """The pools in which a payment's tip is, the newest first, and how much of it is in each."""
    amounts: dict[Id, int] = defaultdict(int)
    for came in await store.income(tx, payment_id):
        amounts[came.pool_id] += came.amount_minor
    for done in await store.of_payment(tx, payment_id) if amounts else ():
        if done.group_id in amounts:
            amounts[done.group_id] += done.amount_minor
    # Locked oldest first, as by whoever closes a day.
    pools = [(await store.pool(tx, pool_id, lock=True), amounts[pool_id]) for pool_id in sorted(amounts)]
    if len(pools) > 1:
        await payouts.hold_accounts(tx)
    return [(pool, amount) for pool, amount in reversed(pools) if pool is not None]


async def _take_back(tx: Transaction, group_id: Id, tip_minor: int, cause_id: Id, payment_id: Id) -> int:
    """Take back from those who got it, and answer how much that was."""
    done = await shared_before(tx, group_id)
    if not done:
        return 0  # it was captured before tips were shared out here
    parts = taken_back(tip_minor, await store.shares_of_group(tx, group_id), len(done))
    if not parts:
        return 0
    day = business_day_of(await cafe_of(tx), tx.now)
    what = Shared(group_id, day, done[0].currency, len(done), done[0].rule_version, payment_id, cause_id)
    taken, _ = await share(tx, "clawback", what, parts)
    return -taken.amount_minor


async def restore(tx: Transaction, payment_id: Id, cause_id: Id) -> None:
    """A dispute that had taken tips back was won after all: whoever gave gets it again, or the pool does."""
    came = await store.income(tx, payment_id)
    left = -sum(each.amount_minor for each in came if each.cause_id == cause_id)
    if left > 0:
        await _into_a_pool_again(tx, came, payment_id, left, cause_id)
    taken: dict[Id, list[TipShare]] = defaultdict(list)
    for done in await store.of_payment(tx, payment_id):
        if done.cause_id == cause_id:
            taken[done.group_id] += await store.shares(tx, done.id)
    for group_id, shares in taken.items():
        before = (await shared_before(tx, group_id))[0]
        day = business_day_of(await cafe_of(tx), tx.now)
        what = Shared(
            group_id, day, before.currency, before.sequence, before.rule_version, payment_id, cause_id
        )  # fmt: skip
        parts = _given_again(shares)
        if parts:
            await share(tx, "restored", what, parts)


def _given_again(shares: Iterable[TipShare]) -> list[Part]:
    """What was taken and not given again since: a dispute can be lost and won more than once."""
    return [Part(staff or None, role, 0, 0, -has) for (staff, role), has in sorted(held(shares).items()) if has < 0]


async def _into_a_pool_again(
    tx: Transaction, came: list[TipIncome], payment_id: Id, amount_minor: int, cause_id: Id
) -> None:
    """Into the pool that it left, or into today's where that was shared out meanwhile."""
    cafe = await cafe_of(tx)
    left_from = [each.pool_id for each in came if each.cause_id == cause_id]
    pool = await store.pool(tx, left_from[-1], lock=True)
    if pool is None or pool.status != "open":
        pool = await open_pool(tx, cafe, business_day_of(cafe, tx.now), await rule_in_force(tx))
    into_pool(tx, pool, payment_id, amount_minor, cause_id)
