"""What a dashboard shows is what the reports say, and only what changed is told again."""

from datetime import timedelta
from typing import Any

import msgspec

from tabletap.audiences import dashboard
from tabletap.audiences.dashboard import Dashboard, Earlier, Look, delta
from tabletap.kernel.ids import first_id_at
from tabletap.kernel.people import Role
from tabletap.payments.refunds import RefundPayment
from tabletap.payments.splits import SplitBill
from tabletap.reports.statistics.service import StatisticsService
from tests.audiences.place import Place


async def look(place: Place, earlier: Earlier | None = None) -> Look:
    return await place.services.db.read(place.id, lambda reader: dashboard.look(reader, earlier), consistent=True)


async def shown(place: Place) -> Dashboard:
    return (await look(place)).dashboard


def plain(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


async def a_busy_day(place: Place) -> None:
    """Two sales, a part of one given back, a split bill and an order that waits for its money."""
    first = await place.order(takeaway_name="Grace Hopper")
    payment = await place.take_cash(await place.start_cash(first))
    await place.paid_order(quantity=2)
    await place.services.refunds.refund(payment.payment_id, RefundPayment(amount_minor=200), place[Role.MANAGER])
    split = await place.order(quantity=3)
    await place.services.splits.split(split.id, SplitBill(method="equal", count=3), place[Role.COUNTER])
    await place.move(first, "preparing")
    await place.move(first, "ready")


async def test_it_counts_what_is_open_and_what_was_sold(place: Place, other_place: Place) -> None:
    await a_busy_day(place)
    await other_place.paid_order()

    now = await shown(place)

    assert plain(now.open_orders) == {"pending": 1, "paid": 1, "preparing": 0, "ready": 1}
    assert (now.sales.count, now.sales.gross_amount, now.sales.net_amount) == (2, 1_650, 1_450)
    assert (now.open_shares, now.payments_in_review) == (3, 0)
    assert (now.kitchen.waiting, now.currency) == (1, "AUD")
    assert b"Grace" not in msgspec.json.encode(delta(place.id, place.services.clock.now(), None, now))


async def test_its_sales_are_those_of_the_statistics_to_the_cent(place: Place) -> None:
    before = await place.order()
    old = await place.start_cash(before)
    place.services.clock.let_time_pass(days=2)
    await a_busy_day(place)
    taken = await place.take_cash(old)
    await place.services.refunds.refund(taken.payment_id, RefundPayment(amount_minor=50), place[Role.MANAGER])

    statistics = await StatisticsService(place.services.db).figures(None, None, "all", place[Role.MANAGER])

    assert (await shown(place)).sales == statistics.totals
    assert statistics.totals.count == 3


async def test_what_older_payments_brought_today_is_found_once_and_remembered(place: Place) -> None:
    await place.paid_order()
    first = await look(place)

    await place.paid_order()
    remembered = await look(place, first.earlier)
    tomorrow = Earlier(first_id_at(place.services.clock.now() - timedelta(days=9)), first.earlier.figures)

    assert remembered.earlier is first.earlier
    assert remembered.dashboard.sales == (await shown(place)).sales
    assert (await look(place, tomorrow)).dashboard.sales == (await shown(place)).sales, "of another day: found again"


async def test_tickets_become_due_and_late_and_it_is_known_when(place: Place) -> None:
    await place.paid_order()
    start = place.services.clock.now()
    seen, oldest = [], None
    for minutes in (0, 5, 3):
        place.services.clock.let_time_pass(minutes=minutes)
        found = await look(place)
        load = found.dashboard.kitchen
        oldest = load.oldest_at
        seen.append((load.waiting, load.due, load.late, found.changes_at - start))

    day_end = seen[-1][3]
    assert seen == [
        (1, 0, 0, timedelta(minutes=5)),
        (1, 1, 0, timedelta(minutes=8)),
        (1, 1, 1, day_end),
    ]
    assert day_end > timedelta(minutes=8)
    assert oldest == start


async def test_first_everything_is_told_then_only_what_changed(place: Place) -> None:
    now, start = place.services.clock.now(), await shown(place)
    await place.order()
    later = await shown(place)

    first, second = plain(delta(place.id, now, None, start)), plain(delta(place.id, now, start, later))

    assert set(first) == {
        "cafeId", "at", "full", "businessDay", "currency", "openOrders", "sales", "kitchen", "paymentsInReview",
        "openShares",
    }  # fmt: skip
    assert set(second) == {"cafeId", "at", "openOrders"}
    assert second["openOrders"] == {"pending": 1, "paid": 0, "preparing": 0, "ready": 0}
    assert delta(place.id, now, later, await shown(place)) is None
