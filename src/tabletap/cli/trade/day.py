"""A day of trade: guests who order and pay in every way there is, and what the staff does before, between and after."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from tabletap.app import App
from tabletap.cafes.business_day import BusinessDay
from tabletap.cli.furnishing import Furnished
from tabletap.cli.trade.bank import Bank
from tabletap.cli.trade.clock import SimulatedClock
from tabletap.cli.trade.office import Office
from tabletap.kernel.ids import Id
from tabletap.kernel.people import Actor
from tabletap.orders.model import Line, OrderStatus, OrderView, PlaceOrder
from tabletap.payments.moving import MoveOrder
from tabletap.payments.refunds import RefundPayment
from tabletap.payments.service import StartPayment
from tabletap.payments.splits import SplitBill
from tabletap.payments.top_ups import TopUp
from tabletap.payments.views import PaymentView
from tabletap.till.days.model import DayView
from tabletap.till.errors import NothingToCollect
from tabletap.till.service import CollectCash, CountDrawer, MoveCash, OpenDrawer

_OPENS_AFTER, _OPEN_FOR = timedelta(hours=7), timedelta(hours=12)
_FLOAT_MINOR, _DROP_ABOVE_MINOR, _TOP_UP_MINOR = 20_000, 60_000, 5_000
_TIPS_BASIS_POINTS, _SMALLEST_TIP_MINOR = (500, 1000, 1000, 1500), 50
_COOKED: tuple[tuple[str, OrderStatus], ...] = (
    ("kitchen", "preparing"),
    ("kitchen", "ready"),
    ("counter", "collected"),
)
_PROVIDER_METHODS = ("payconic_card", "payconic_card", "payconic_digital_wallet", "payconic_bank_transfer")
Dispute = Callable[[Id, bool | None], Awaitable[None]]
"""The card holder's bank: opens a dispute about a payment (None), or decides it for the cafe or against it."""


class Trade:
    """A cafe that trades. The same seed makes the same guests."""

    def __init__(
        self, app: App, clock: SimulatedClock, chance: random.Random, home: Furnished, bank: Bank, dispute: Dispute
    ) -> None:
        self.services, self.clock, self.chance, self.home = app.services, clock, chance, home
        self.bank, self.dispute = bank, dispute
        self.staff = {
            name: Actor(cafe_id=home.cafe.cafe_id, person_id=member.id, roles=member.roles)
            for name, member in home.people.items()
        }
        self.office = Office(app, chance, self.staff, bank)
        self.orders = 0
        self._disputed: list[Id] = []
        self._unpaid: list[Id] = []
        self._paying: tuple[tuple[Callable[[], Awaitable[PaymentView]], int], ...] = (
            (self._by_provider, 8),
            (self._in_cash, 6),
            (self._by_credit, 3),
            (self._by_credit_and_card, 1),
            (self._by_transfer, 2),
            (self._in_shares, 2),
        )

    async def day(self, day: BusinessDay, guests: int) -> DayView:
        """Everything of one day, from the float to its closing. Raises what a service refuses: nothing should."""
        self.clock.move_to(day.starts_at + _OPENS_AFTER)
        await self._decide_disputes()
        await self.office.morning(day)
        drawer = await self._opened()
        for _ in range(guests):
            self.clock.move_on(seconds=_OPEN_FOR.total_seconds() * self.chance.uniform(0.5, 1.5) / guests)
            await self._serve()
            if self.chance.random() < 0.05:
                await self._use_drawer(drawer)
        await self.office.bank_statement(day)
        paid_now, self._unpaid = self._unpaid, []
        for order_id in paid_now:
            await self._cook(order_id)
        await self._counted(drawer)
        await self.office.evening()
        self.clock.move_to(day.ends_at + timedelta(minutes=5))
        await self.services.credits.expire_due()
        return await self.office.closed(day)

    # --- guests -----------------------------------------------------------------------------

    async def _serve(self) -> None:
        pay = self.chance.choices([pay for pay, _ in self._paying], [weight for _, weight in self._paying])[0]
        payment = await pay()
        if payment.status == "completed":
            await self._cook(payment.order_id)
            await self._complain(payment)
        else:
            self._unpaid.append(payment.order_id)

    async def _cook(self, order_id: Id) -> None:
        for who, status in _COOKED:
            self.clock.move_on(seconds=self.chance.randint(5, 60))
            await self.services.order_moves.move(order_id, MoveOrder(status=status), self.staff[who])

    async def _order(self, who: str = "counter") -> OrderView:
        offered = [item.id for item in self.home.menu if item.available and item.price > 0]
        wanted = Counter(self.chance.choices(offered, k=self.chance.randint(1, 4)))
        lines = tuple(Line(menu_item_id=item_id, quantity=count) for item_id, count in wanted.items())
        table = self.chance.choice(self.home.tables).id if who == "counter" else None
        self.orders += 1
        return await self.services.orders.place(PlaceOrder(items=lines, table_id=table), self.staff[who])

    async def _start(self, order: OrderView, method: str, who: str = "counter", **more: Any) -> PaymentView:
        tip = self._tip(order) if "split_id" not in more else 0
        request = StartPayment(order_id=order.id, method=method, tip_minor=tip, **more)
        payment = (await self.services.payments.start(request, self.staff[who])).value
        if payment.status != "completed" and method.startswith("payconic"):
            await self.services.payments.check(payment.cafe_id, payment.payment_id)
            payment = await self._seen(payment)
        return payment

    def _tip(self, order: OrderView) -> int:
        if self.chance.random() < 0.6:
            return 0
        return max(_SMALLEST_TIP_MINOR, order.total_amount * self.chance.choice(_TIPS_BASIS_POINTS) // 10_000)

    async def _seen(self, payment: PaymentView) -> PaymentView:
        return await self.services.payments.get(payment.payment_id, self.staff["manager"])

    async def _by_provider(self) -> PaymentView:
        return await self._start(await self._order(), self.chance.choice(_PROVIDER_METHODS))

    async def _in_cash(self) -> PaymentView:
        return await self._cash_for(await self._order())

    async def _cash_for(self, order: OrderView, **more: Any) -> PaymentView:
        payment = await self._start(order, "cash", **more)
        received = -(-(payment.total_amount + 5) // 1_000) * 1_000
        taken = await self.services.counter.take_cash(payment.payment_id, received, self.staff["counter"], None)
        return taken.value.payment

    async def _by_credit(self) -> PaymentView:
        order = await self._order("customer")
        await self._enough_credit(2 * order.total_amount)
        return await self._start(order, "customer_credit", "customer")

    async def _by_credit_and_card(self) -> PaymentView:
        order = await self._order("customer")
        part = max(1, order.total_amount * self.chance.randint(1, 9) // 10)
        await self._enough_credit(part)
        return await self._start(order, "payconic_card", "customer", credit_minor=part)

    async def _enough_credit(self, needed_minor: int) -> None:
        """The customer buys credit before there is too little of it."""
        customer = self.staff["customer"]
        balance = await self.services.credits.balance(customer.person_id, customer)
        if balance.available < needed_minor:
            wanted = TopUp(amount_minor=_TOP_UP_MINOR + needed_minor)
            order = await self.services.top_ups.order(wanted, customer)
            request = StartPayment(order_id=order.id, method="payconic_card")
            payment = (await self.services.payments.start(request, customer)).value
            await self.services.payments.check(payment.cafe_id, payment.payment_id)

    async def _by_transfer(self) -> PaymentView:
        """Nobody at the counter sees the account; the statement of the evening brings the money."""
        payment = await self._start(await self._order(), "qr_bank_transfer")
        assert payment.qr is not None
        self.bank.receive(payment.total_amount, f"Payment {payment.qr.reference}")
        return payment

    async def _in_shares(self) -> PaymentView:
        order = await self._order()
        if order.total_amount < 10:
            return await self._cash_for(order)
        shares = SplitBill(method="equal", count=self.chance.randint(2, 3))
        split = await self.services.splits.split(order.id, shares, self.staff["counter"])
        for share in split.shares[1:]:
            await self._start(order, "payconic_card", split_id=share.split_id)
        return await self._cash_for(order, split_id=split.shares[0].split_id)

    async def _complain(self, payment: PaymentView) -> None:
        """Some guests get money back, and once in a while one has a card payment disputed."""
        fate = self.chance.random()
        payment = await self._seen(payment)
        if payment.status != "completed" or payment.refundable_amount == 0:
            return
        if fate < 0.03 and payment.payment_method == "payconic_card" and payment.credit_payment_id is None:
            await self.dispute(payment.payment_id, None)
            await self.services.payments.check(payment.cafe_id, payment.payment_id)
            self._disputed.append(payment.payment_id)
        elif fate < 0.10:
            part = self.chance.randint(1, payment.refundable_amount) if fate < 0.07 else None
            to_credit = payment.customer_id is not None and self.chance.random() < 0.5
            request = RefundPayment(
                amount_minor=part, reason="It was cold", destination="credit" if to_credit else "original"
            )
            await self.services.refunds.refund(payment.payment_id, request, self.staff["manager"])

    async def _decide_disputes(self) -> None:
        """The bank decides what was disputed before today."""
        disputed, self._disputed = self._disputed, []
        for payment_id in disputed:
            await self.dispute(payment_id, self.chance.random() < 0.5)
            await self.services.payments.check(self.home.cafe.cafe_id, payment_id)

    # --- the till ---------------------------------------------------------------------------

    async def _opened(self) -> Id:
        if self.chance.random() < 0.1:
            early = await self._in_cash()  # somebody was served before the drawer was there
            await self._cook(early.order_id)
        opened = await self.services.till.open(OpenDrawer(float_minor=_FLOAT_MINOR), self.staff["counter"])
        return opened.value.session_id

    async def _use_drawer(self, session_id: Id) -> None:
        till, counter = self.services.till, self.staff["counter"]
        session = await till.get(session_id, self.staff["manager"])
        if (session.expected_amount or 0) > _DROP_ABOVE_MINOR:
            drop = MoveCash(kind="drop", amount_minor=_DROP_ABOVE_MINOR - _FLOAT_MINOR, reason="Too much in the drawer")
            await till.move(session_id, drop, counter)
        elif (session.expected_amount or 0) > _FLOAT_MINOR // 2:
            milk = MoveCash(kind="paid_out", amount_minor=self.chance.randint(300, 1_500), reason="Milk")
            await till.move(session_id, milk, counter)

    async def _counted(self, session_id: Id) -> None:
        """The drawer is counted, with a coin more or less now and then."""
        till, counter, manager = self.services.till, self.staff["counter"], self.staff["manager"]
        with suppress(NothingToCollect):
            await till.collect(session_id, CollectCash(), manager)
        expected = (await till.get(session_id, manager)).expected_amount or 0
        off = self.chance.choice((0, 0, 0, -200, -50, -5, 10, 100))
        await till.count(session_id, CountDrawer(counted_minor=max(0, expected + off)), counter)
        await till.close(session_id, counter)
