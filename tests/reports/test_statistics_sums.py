"""What SQL sums by quarters of an hour is what is summed payment by payment, wherever clocks change."""

import random
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from tabletap.cafes.business_day import business_day_of
from tabletap.cafes.model import Cafe
from tabletap.cafes.store import cafe as cafe_table
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Actor, Role
from tabletap.orders.model import Order
from tabletap.orders.store import cafe_order
from tabletap.payments.gateways.local import CashGateway
from tabletap.payments.model import Payment, Refund
from tabletap.payments.store import payment as payment_table
from tabletap.payments.store import refund as refund_table
from tabletap.reports.statistics.model import CREDIT, Figures
from tabletap.reports.statistics.period import Mode
from tabletap.reports.statistics.service import StatisticsService
from tabletap.testing.provider import context_for, payment_by, refund_of
from tests.support.rows import MovedClock, fresh_database

CHANGES = {
    "Australia/Lord_Howe": datetime(2026, 4, 4, 15, tzinfo=UTC),
    "America/St_Johns": datetime(2026, 3, 8, 5, 30, tzinfo=UTC),
    "Pacific/Chatham": datetime(2026, 9, 26, 14, tzinfo=UTC),
    "Asia/Kathmandu": datetime(2026, 6, 1, tzinfo=UTC),
    "Europe/Dublin": datetime(2026, 10, 25, 1, tzinfo=UTC),
}
"""By time zone, when clocks are put forward or back there: by half an hour, or between odd quarters."""
_ANY = CashGateway(context_for(None))
METHODS = ("cash", "payconic_card", CREDIT)
STATES = ("completed", "completed", "completed", "failed", "pending", "expired")
Moved = tuple[datetime, str, str, Counter[str]]
"""When, by which method, in which mode, and what."""


@pytest.mark.parametrize("starts_minute", [0, 225])
@pytest.mark.parametrize("zone", sorted(CHANGES))
async def test_sums_are_those_of_every_single_payment(
    engine_name: str, request: pytest.FixtureRequest, tmp_path: Path, zone: str, starts_minute: int
) -> None:
    """Given random payments and refunds around a change of clocks, when figures are read, then each cent is there."""
    chance = random.Random(f"{zone} {starts_minute}")  # noqa: S311 - a test that can be repeated
    postgres_url = request.getfixturevalue("postgres_url") if engine_name == "postgres" else None
    cafe = _cafe(zone, starts_minute)
    manager = Actor(cafe_id=cafe.cafe_id, person_id=new_id(), roles=frozenset({Role.MANAGER}))
    async with fresh_database(tmp_path, postgres_url, MovedClock()) as db:
        moved, started = await db.transaction(cafe.cafe_id, _trade(cafe, CHANGES[zone], chance))
        statistics = StatisticsService(db)
        for _ in range(12):
            first, last = _days(cafe, CHANGES[zone], chance)
            mode: Mode = chance.choice(("all", "live", "test"))
            seen = [each for each in moved if first <= _day(cafe, each[0]) <= last and mode in ("all", each[2])]

            found = await statistics.figures(first, last, mode, manager)

            assert _as_counter(found.totals) == _sum(seen)
            assert _as_counter(found.takings) == _sum(each for each in seen if each[1] != CREDIT)
            assert _by(found.by_method, "payment_method") == _grouped(seen, lambda each: each[1])
            assert _by(found.by_day, "business_day") == _grouped(seen, lambda each: _day(cafe, each[0]))
            assert _by(found.by_hour, "hour") == _grouped(seen, lambda each: each[0].astimezone(ZoneInfo(zone)).hour)
            assert {each.status: each.count for each in found.by_status} == Counter(
                payment.state
                for payment in started
                if first <= _day(cafe, payment.initiated_at) <= last and mode in ("all", payment.mode)
            )


def _cafe(zone: str, starts_minute: int) -> Cafe:
    return Cafe(
        new_id(), "Corner", "AUD", zone, "pay_first", {}, 5, "credit", None, 0, None, 1, datetime.now(UTC),
        day_starts_minute=starts_minute,
    )  # fmt: skip


def _day(cafe: Cafe, at: datetime) -> date:
    return business_day_of(cafe, at).date


def _days(cafe: Cafe, change: datetime, chance: random.Random) -> tuple[date, date]:
    first = _day(cafe, change + timedelta(days=chance.randint(-3, 2)))
    return first, first + timedelta(days=chance.choice((0, 0, 1, 4)))


def _trade(cafe: Cafe, change: datetime, chance: random.Random) -> Any:
    """A week with a change of clocks in it; moments at the edges of hours and days are as likely as others."""
    edges = [business_day_of(cafe, change + timedelta(days=n)).starts_at for n in (-1, 0, 1, 2)] + [change]

    def moment() -> datetime:
        if chance.random() < 0.3:
            return chance.choice(edges) + timedelta(microseconds=chance.choice((-1, 0, 1)))
        return change + timedelta(microseconds=chance.randint(-3 * 86_400_000_000, 3 * 86_400_000_000))

    async def decide(tx: Transaction) -> tuple[list[Moved], list[Payment]]:
        order = _order(cafe, change)
        tx.add(cafe_table, cafe)
        tx.add(cafe_order, order)
        payments, refunds = [], []
        for _ in range(250):
            payments.append(_payment(order, moment(), chance))
            if payments[-1].state == "completed" and chance.random() < 0.4:
                refunds.append(_refund(payments[-1], moment(), chance))
        tx.add(payment_table, *payments)
        tx.add(refund_table, *refunds)
        by_id = {payment.id: payment for payment in payments}
        moved = [_came(payment) for payment in payments if payment.state == "completed"]
        moved += [_went(refund, by_id[refund.payment_id]) for refund in refunds if refund.status == "completed"]
        return moved, payments

    return decide


def _order(cafe: Cafe, at: datetime) -> Order:
    return Order(
        cafe_id=cafe.cafe_id, id=new_id(), order_number=1, table_id=None, table_number=None, takeaway_name=None,
        session_id=None, customer_id=None, placed_by=new_id(), client_order_id=None, status="pending", currency="AUD",
        subtotal_minor=0, tax_minor=0, total_minor=0, paid_minor=0, refunded_minor=0, reserved_minor=0, version=1,
        created_at=at, updated_at=at, paid_at=None, business_day="2026-01-01",
    )  # fmt: skip


def _payment(order: Order, at: datetime, chance: random.Random) -> Payment:
    state = chance.choice(STATES)
    amount, tip = chance.randint(1, 10**9), chance.randint(0, 10**6)
    return msgspec.structs.replace(
        payment_by(_ANY, None, currency="AUD", amount_minor=amount, tip_minor=tip),
        cafe_id=order.cafe_id, order_id=order.id, state=state, method=chance.choice(METHODS), metadata=None,
        mode=chance.choice(("live", "test")), initiated_at=at, updated_at=at, expires_at=None,
        completed_at=at if state == "completed" else None,
    )  # fmt: skip


def _refund(payment: Payment, at: datetime, chance: random.Random) -> Refund:
    status = chance.choice(("completed", "completed", "pending", "failed"))
    return msgspec.structs.replace(
        refund_of(payment, chance.randint(1, payment.total_minor)),
        destination=chance.choice(("original", "credit")), status=status,
        processed_at=at if status == "completed" else None,
    )  # fmt: skip


def _came(payment: Payment) -> Moved:
    assert payment.completed_at is not None
    what = Counter(count=1, gross=payment.amount_minor, tip=payment.tip_minor, net=payment.total_minor)
    return payment.completed_at, payment.method, payment.mode, what


def _went(refund: Refund, payment: Payment) -> Moved:
    assert refund.processed_at is not None
    method = CREDIT if refund.destination == "credit" else payment.method
    what = Counter(refunded=refund.amount_minor, net=-refund.amount_minor)
    return refund.processed_at, method, payment.mode, what


def _sum(moved: Iterable[Moved]) -> Counter[str]:
    total: Counter[str] = Counter()
    for each in moved:
        total.update(each[3])
    return Counter({name: figure for name, figure in total.items() if figure})


def _grouped(moved: list[Moved], key: Callable[[Moved], Any]) -> dict[Any, Counter[str]]:
    return {name: _sum(each for each in moved if key(each) == name) for name in {key(each) for each in moved}}


def _by(figures: Iterable[Figures], name: str) -> dict[Any, Counter[str]]:
    return {getattr(each, name): _as_counter(each) for each in figures}


def _as_counter(figures: Figures) -> Counter[str]:
    found = {
        "count": figures.count, "gross": figures.gross_amount, "tip": figures.tip_amount,
        "refunded": figures.refunded_amount, "charged_back": figures.charged_back_amount, "net": figures.net_amount,
    }  # fmt: skip
    return Counter({name: figure for name, figure in found.items() if figure})
