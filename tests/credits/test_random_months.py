"""Random months of credit: whatever happens in whatever order, lots, balance and ledger are one."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabletap.credits import store
from tabletap.credits.errors import (
    CreditAccountClosed,
    CreditAccountNotOpen,
    CreditAlreadySpent,
    CreditLeft,
    CreditNotHeld,
    InsufficientCredit,
)
from tabletap.credits.lots import spendable
from tabletap.credits.model import CreditLot
from tabletap.credits.service import MoveCredit
from tabletap.credits.sums.checking import check
from tabletap.credits.sums.liability import liability
from tabletap.identity.model import CreateCustomer
from tabletap.infra.db.transaction import Reader
from tabletap.kernel.ids import Id
from tabletap.ledger.service import balances
from tests.credits.asking import Desk
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")

REFUSED = (
    CreditAccountClosed,
    CreditAccountNotOpen,
    CreditAlreadySpent,
    CreditLeft,
    CreditNotHeld,
    InsufficientCredit,
)
amounts, few = st.integers(1, 400), st.integers(0, 5)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("give"), amounts, st.none() | st.integers(1, 60)),
        st.tuples(st.just("buy"), amounts),
        st.tuples(st.just("take_back"), amounts, few),
        st.tuples(st.just("give_again"), amounts, few),
        st.tuples(st.just("spend"), amounts),
        st.tuples(st.just("refund"), amounts, few),
        st.tuples(st.just("refund_card"), amounts),
        st.tuples(st.just("deduct"), amounts),
        st.tuples(st.just("hold"), amounts),
        st.tuples(st.just("release"), few),
        st.tuples(st.just("spend_held"), few),
        st.tuples(st.just("pass_days"), st.integers(1, 45)),
        st.tuples(st.just("expire")),
        st.tuples(st.just("become"), st.sampled_from(["suspended", "active", "closed"])),
    ),
    min_size=15,
    max_size=60,
)


@pytest.fixture
def world(still_world: World) -> World:
    return still_world


class Months:
    """What a customer does, and what has to be left of it by simple sums."""

    def __init__(self, world: World, customer_id: Id) -> None:
        self.world, self.desk = world, Desk(world, customer_id)
        self.manager = world.home.people["manager"]
        self.expected = 0
        self.bought: list[Id] = []
        self.spent: list[Id] = []
        self.held: list[Id] = []
        self.refundable: defaultdict[Id, int] = defaultdict(int)
        self.taken_back: defaultdict[Id, int] = defaultdict(int)

    async def do(self, name: str, *given_: Any) -> None:
        """Try one thing; a refusal has to leave everything as it was."""
        try:
            await getattr(self, name)(*given_)
        except REFUSED:
            return

    async def by_hand(self, way: str, amount: int, **more: Any) -> None:
        request = MoveCredit(customer_id=self.desk.customer_id, amount_minor=amount, reason="random", **more)
        await getattr(self.world.app.services.credits, way)(request, self.manager)

    async def give(self, amount: int, days: int | None) -> None:
        expires_at = None if days is None else self.desk.now() + timedelta(days=days)
        await self.by_hand("add", amount, expires_at=expires_at)
        self.expected += amount

    async def deduct(self, amount: int) -> None:
        await self.by_hand("deduct", amount)
        self.expected -= amount

    async def buy(self, amount: int) -> None:
        self.bought.append(await self.desk.top_up(amount))
        self.expected += amount

    async def take_back(self, amount: int, index: int) -> None:
        if index < len(self.bought):
            await self.desk.take_back(self.bought[index], amount)
            self.taken_back[self.bought[index]] += amount
            self.expected -= amount

    async def give_again(self, amount: int, index: int) -> None:
        payment_id = self.bought[index] if index < len(self.bought) else ""
        amount = min(amount, self.taken_back[payment_id])
        if amount:
            await self.desk.give_again(payment_id, amount)
            self.taken_back[payment_id] -= amount
            self.expected += amount

    async def spend(self, amount: int) -> None:
        payment_id = await self.desk.spend(amount)
        self._spent(payment_id, amount)

    def _spent(self, payment_id: Id, amount: int) -> None:
        self.spent.append(payment_id)
        self.refundable[payment_id] += amount
        self.expected -= amount

    async def refund(self, amount: int, index: int) -> None:
        payment_id = self.spent[index] if index < len(self.spent) else ""
        amount = min(amount, self.refundable[payment_id])
        if amount:
            await self.desk.refund(payment_id, amount)
            self.refundable[payment_id] -= amount
            self.expected += amount

    async def refund_card(self, amount: int) -> None:
        await self.desk.refund(f"{self.desk.customer_id[:-2]}ff", amount)
        self.expected += amount

    async def hold(self, amount: int) -> None:
        self.held.append((await self.desk.hold(amount)).payment_id)

    async def release(self, index: int) -> None:
        await self.desk.release(self.held[index] if index < len(self.held) else self.desk.customer_id)

    async def spend_held(self, index: int) -> None:
        if index < len(self.held):
            moved = await self.desk.spend_held(self.held[index])
            self._spent(self.held[index], -moved.amount_minor)

    async def pass_days(self, days: int) -> None:
        self.world.clock.ahead += timedelta(days=days)

    async def expire(self) -> None:
        await self.world.app.services.credits.expire_due()

    async def become(self, status: Any) -> None:
        await self.world.app.services.credits.change_status(self.desk.customer_id, status, "random", self.manager)

    async def assert_all_agree(self) -> None:
        """At every commit: account, lots, movements, ledger and the simple sums say the same."""

        async def look(reader: Reader) -> None:
            account = await store.account(reader, self.desk.customer_id)
            lots = await store.open_lots(reader, self.desk.customer_id)
            posted, held = (account.posted_minor, account.held_minor) if account else (0, 0)
            expired = account.total_expired_minor if account else 0
            assert await check(reader) == []
            assert sum(lot.remaining_minor for lot in lots) == posted == self.expected - expired
            assert sum(lot.held_minor for lot in lots) == held
            assert -(await balances(reader, reader.cafe_id)).get(self.desk.account, 0) == posted
            owed = await liability(reader, reader.now)
            assert owed.amount == owed.ledger_amount
            self._assert_spendable(lots, posted - held, reader.now)

        await self.world.app.db.read(self.world.home.id, look, consistent=True)

    @staticmethod
    def _assert_spendable(lots: list[CreditLot], free: int, now: Any) -> None:
        over = sum(lot.free_minor for lot in lots if lot.is_over(now))
        assert spendable(lots, now) == free - over


@given(steps)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
async def test_after_random_months_lots_balances_and_ledger_are_one(
    world: World, steps_: list[tuple[Any, ...]]
) -> None:
    months = Months(world, await a_customer(world))
    for name, *given_ in steps_:
        await months.do(name, *given_)
        await months.assert_all_agree()
    assert months.expected >= 0


async def a_customer(world: World) -> Id:
    """Made by the service: tokens are good for an hour, and months pass here."""
    made = await world.app.services.identity.create_customer(
        CreateCustomer(name="Someone"), world.home.people["manager"]
    )
    return made.id
