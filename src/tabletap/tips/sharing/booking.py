"""Writing down what was shared: the distribution, its shares, the journal, and what every worker is still to get."""

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from tabletap.cafes import store as cafes
from tabletap.cafes.business_day import BusinessDay
from tabletap.cafes.model import Cafe
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.kernel.errors import NotAllowed
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import SYSTEM_ID
from tabletap.ledger.model import TIPS_PAYABLE, tips_payable
from tabletap.ledger.service import post
from tabletap.tips.payouts import store as payouts
from tabletap.tips.payouts.model import TipAccount
from tabletap.tips.sharing import store
from tabletap.tips.sharing.events import TipDistributed
from tabletap.tips.sharing.model import DistributionKind, Part, TipDistribution, TipShare


class Shared(msgspec.Struct, frozen=True):
    """What is shared: a pool, or a payment; and what took it back."""

    group_id: Id
    day: BusinessDay
    currency: str
    sequence: int
    rule_version: int
    payment_id: Id | None = None
    cause_id: Id | None = None


async def share(
    tx: Transaction,
    kind: DistributionKind,
    what: Shared,
    parts: Iterable[Part],
    *,
    reason: str | None = None,
    by: Id = SYSTEM_ID,
) -> tuple[TipDistribution, list[TipShare]]:
    """Write a distribution with its shares, book it, and let every worker have theirs."""
    given = list(parts)
    done = TipDistribution(
        tx.cafe_id, new_id(), kind, what.group_id, what.payment_id, what.cause_id, what.day.date.isoformat(),
        what.currency, sum(part.amount_minor for part in given), what.sequence, what.rule_version,
        await _next_n(tx, what.group_id), reason, by, tx.now,
    )  # fmt: skip
    shares = [
        TipShare(tx.cafe_id, done.id, n, part.staff_id, part.role, part.points, part.minutes, part.amount_minor)
        for n, part in enumerate(given, 1)
    ]
    tx.add(store.tip_distribution, done, retry_on_duplicate=True)
    tx.add(store.tip_share, *shares)
    store.know_shares(tx, done, shares)
    await _book(tx, done, shares)
    tx.emit(TipDistributed(cafe_id=tx.cafe_id, at=tx.now, distribution=done, shares=shares))
    return done, shares


async def _book(tx: Transaction, done: TipDistribution, shares: Iterable[TipShare]) -> None:
    of_worker: dict[Id, int] = defaultdict(int)
    for each in shares:
        if each.staff_id is not None:
            of_worker[each.staff_id] += each.amount_minor
    for staff_id in sorted(of_worker):  # in one order, so that nobody waits in a circle
        await move_account(tx, staff_id, of_worker[staff_id])
    lines = {tips_payable(staff_id): -amount for staff_id, amount in of_worker.items() if amount}
    if lines:
        lines[TIPS_PAYABLE] = -sum(lines.values())
        post(tx, f"tips_{done.kind}", done.currency, lines, source_id=done.id)


async def shared_before(tx: Transaction, group_id: Id) -> list[TipDistribution]:
    """What was shared of a pool or payment before. Asked first: whoever shares meanwhile makes us decide again."""
    found = await store.of_group(tx, group_id)
    if tx.recall(("tip_n", group_id)) is None:
        tx.remember(("tip_n", group_id), len(found))
    return found


async def _next_n(tx: Transaction, group_id: Id) -> int:
    if tx.recall(("tip_n", group_id)) is None:
        await shared_before(tx, group_id)
    n: int = tx.recall(("tip_n", group_id)) + 1
    tx.remember(("tip_n", group_id), n)
    return n


def nothing_shared_before(tx: Transaction, group_id: Id) -> None:
    """Spare the look at what was shared before: it begins with this transaction."""
    tx.remember(("tip_n", group_id), 0)


async def move_account(tx: Transaction, staff_id: Id, amount_minor: int) -> TipAccount:
    """Change what a worker is still to get."""
    before = await payouts.account(tx, staff_id, lock=True)
    if before is None:
        after = TipAccount(tx.cafe_id, staff_id, amount_minor, 1)
        tx.add(payouts.tip_account, after, retry_on_duplicate=True)
    else:
        after = msgspec.structs.replace(
            before, posted_minor=before.posted_minor + amount_minor, version=before.version + 1
        )
        tx.save(payouts.tip_account, before, after, ("cafe_id", "staff_id"), ("version",))
    payouts.know_account(tx, after)
    return after


async def cafe_of(reader: Reader) -> Cafe:
    """The cafe whose tips these are."""
    cafe = await cafes.get_cafe(reader, reader.cafe_id)
    if cafe is None:
        raise NotAllowed("This cafe does not exist any more.")
    return cafe
