"""What the tests of credit ask again and again, over the API and of the decisions that payments build on."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from tabletap.credits import service as credits_
from tabletap.credits.model import CreditHold, CreditTransaction
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import Id, new_id
from tabletap.ledger.model import BANK, REFUNDS_PENDING, SALES, customer_credit
from tabletap.ledger.service import post
from tests.support.books import rows
from tests.support.world import Answer, CafeWorld, World

T = TypeVar("T")


async def customer(world: World, credit: int = 0, **more: Any) -> str:
    """A new customer, with credit if wanted."""
    made = await world.call("POST", "/customers", "staff", {"name": "Someone"})
    customer_id = str(made.body["id"])
    if credit:
        assert (await move(world, "add", customer_id, credit, **more)).status == 201
    return customer_id


async def move(
    world: World, way: str, customer_id: str, amount: Any, who: str = "manager", key: str | None = None, **more: Any
) -> Answer:
    """Add or deduct credit by hand."""
    body = {"customerId": customer_id, "amount": amount, "reason": "a reason", **more}
    return await world.call("POST", f"/credits/{way}", who, body, key=key or new_id())


async def balance(world: World, customer_id: str, who: str = "staff") -> dict[str, Any]:
    """A customer's balance."""
    answer = await world.call("GET", f"/credits/balance?customerId={customer_id}", who)
    assert answer.status == 200, answer
    found: dict[str, Any] = answer.body
    return found


async def listed(world: World, page: str, customer_id: str, limit: int = 200) -> list[dict[str, Any]]:
    """All of a customer's movements (`history`) or lots, newest first."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        path = f"/credits/{page}?customerId={customer_id}&limit={limit}{cursor}"
        answer = await world.call("GET", path, "staff")
        assert answer.status == 200, answer
        found += answer.body["items"]
        if "nextCursor" not in answer.body:
            return found
        cursor = f"&cursor={answer.body['nextCursor']}"


async def history(world: World, customer_id: str, limit: int = 200) -> list[dict[str, Any]]:
    """A customer's movements, newest first."""
    return await listed(world, "history", customer_id, limit)


async def left(world: World, customer_id: str) -> list[int]:
    """What is left of each lot, oldest first."""
    return [lot["remaining"] for lot in reversed(await listed(world, "lots", customer_id))]


def assert_refused(answer: Answer, status: int, code: str) -> None:
    """The answer is this refusal."""
    assert (answer.status, answer.body.get("code")) == (status, code), answer.body


async def pay(world: World, customer_id: str, amount: int, who: str = "counter") -> str:
    """Pay a part of a new order by credit and answer the payment's id."""
    order = await world.order("counter", items={"Flat white": amount // 480 + 1})
    paid = await world.pay(order, "customer_credit", who, customerId=customer_id, amount=amount)
    assert (paid.status, paid.body.get("status")) == (201, "completed"), paid
    return str(paid.body["paymentId"])


async def refund(world: World, payment_id: str, amount: int, **more: Any) -> Answer:
    """Give back a part of a payment."""
    path = f"/payments/{payment_id}/refunds"
    return await world.call("POST", path, "manager", {"amount": amount, **more}, key=new_id())


async def journal_of(world: World, kind: str, customer_id: str) -> list[dict[str, int]]:
    """The journals of a kind that touch a customer's credit: their amounts by account, without the customer's."""
    mine = customer_credit(customer_id)
    found: dict[str, dict[str, int]] = {}
    sql = "SELECT j.id, j.kind, e.account, e.amount_minor FROM entry e JOIN journal j ON j.id = e.journal_id"
    for journal_id, of_kind, account, amount in sorted(await rows(world, sql)):
        if of_kind == kind:
            found.setdefault(journal_id, {})[account.replace(mine, "customer")] = int(amount)
    return [lines for lines in found.values() if "customer" in lines]


def pass_days(world: World, days: float) -> None:
    """Move the clock alone: no job runs. Everybody signs in again."""
    world.clock.ahead += timedelta(days=days)
    for cafe in (world.home, world.other):
        for name, person in cafe.people.items():
            cafe.tokens[name] = world.app.services.tokens.issue(
                cafe_id=person.cafe_id, person_id=person.person_id, roles=person.roles
            )


def lasts_for(world: World, days: int, expires_at: str) -> bool:
    """Whether something lasts to the end of the day so many days from now; an hour is lost or won to summer time."""
    passed, hour = datetime.fromisoformat(expires_at) - world.clock.now(), timedelta(hours=1)
    return timedelta(days=days) - hour <= passed <= timedelta(days=days + 1) + hour


class Desk:
    """The decisions that payments build on, each in a transaction of its own with the journal that belongs to it."""

    def __init__(self, world: World, customer_id: Id, cafe: CafeWorld | None = None) -> None:
        self.world, self.customer_id = world, customer_id
        self.cafe = cafe or world.home
        self.account = customer_credit(customer_id)

    async def decide(self, work: Callable[[Transaction], Awaitable[T]], *, lock: bool = False) -> T:
        """Run a decision at the cafe."""
        return await self.world.app.db.transaction(self.cafe.id, work, lock=lock)

    async def hold(self, amount: int, payment_id: Id | None = None) -> CreditHold:
        """Set credit aside."""
        of = payment_id or new_id()
        return await self.decide(lambda tx: credits_.hold(tx, self.customer_id, amount, "AUD", of))

    async def release(self, payment_id: Id) -> None:
        """Give it free."""
        await self.decide(lambda tx: credits_.release(tx, payment_id))

    async def spend_held(self, payment_id: Id, *, lock: bool = False) -> CreditTransaction:
        """Spend it."""

        async def work(tx: Transaction) -> CreditTransaction:
            moved = await credits_.spend_held(tx, payment_id, "Part of an order", order_id=None, staff_id=None)
            post(tx, "payment", "AUD", {self.account: -moved.amount_minor, SALES: moved.amount_minor})
            return moved

        return await self.decide(work, lock=lock)

    async def top_up(self, amount: int, payment_id: Id | None = None, against: str = BANK) -> Id:
        """Buy credit; answers the payment."""
        of = payment_id or new_id()

        async def work(tx: Transaction) -> None:
            await credits_.top_up(tx, self.customer_id, amount, "AUD", payment_id=of, order_id=None, staff_id=None)
            post(tx, "payment", "AUD", {against: amount, self.account: -amount})

        await self.decide(work)
        return of

    async def take_back(self, payment_id: Id, amount: int) -> None:
        """Reserve the refund of bought credit."""

        async def work(tx: Transaction) -> None:
            await credits_.take_back_top_up(
                tx, payment_id, amount, order_id=None, staff_id=None, reason="Bought credit given back"
            )
            post(tx, "top_up_refund", "AUD", {self.account: amount, REFUNDS_PENDING: -amount})

        await self.decide(work)

    async def give_again(self, payment_id: Id, amount: int) -> None:
        """That refund failed."""
        await self.top_up(amount, payment_id, REFUNDS_PENDING)

    async def spend(self, amount: int, payment_id: Id | None = None) -> Id:
        """Pay by credit; answers the payment."""
        return await self._moved(-amount, "debit", payment_id or new_id())

    async def refund(self, payment_id: Id, amount: int) -> Id:
        """Give money of a payment back as credit."""
        return await self._moved(amount, "refund", payment_id)

    async def _moved(self, amount: int, type_: Any, payment_id: Id) -> Id:
        async def work(tx: Transaction) -> Id:
            await credits_.move(tx, self.customer_id, amount, type_, "Order payment", "AUD", payment_id=payment_id)
            post(tx, "payment", "AUD", {self.account: -amount, SALES: amount})
            return payment_id

        return await self.decide(work)

    def now(self) -> datetime:
        """The present moment of the world."""
        return self.world.clock.now()
