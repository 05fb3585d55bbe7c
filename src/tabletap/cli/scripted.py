"""`tabletap demo --scripted`: one whole service from outside, with a timeline of every step and live event."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import aiohttp

from tabletap.app import App
from tabletap.cli.books import audited
from tabletap.cli.caller import Caller, ServiceIncomplete
from tabletap.cli.console import say
from tabletap.cli.desk import Desk
from tabletap.cli.listening import Heard, Listeners
from tabletap.cli.ready import Ready
from tabletap.ledger.audit.service import seal

_TIP_BASIS_POINTS = 1_500
_TIMEOUT = aiohttp.ClientTimeout(total=40)


class Timeline:
    """Prints what is done and what is heard, with the milliseconds since the service began."""

    def __init__(self, cafe_id: str) -> None:
        self._began, self._cafe_id = time.monotonic_ns(), cafe_id
        self.steps = 0

    def step(self, sentence: str) -> None:
        """Something was done."""
        self.steps += 1
        say(f"{self._at()}  {self.steps:>3}. {sentence}")

    def heard(self, event: Heard) -> None:
        """Something was heard."""
        stream = event.stream.replace(self._cafe_id, "…")
        say(f"{self._at()}       {event.who} {event.namespace} heard {event.name} in {stream} seq {event.seq}")

    def _at(self) -> str:
        return f"{(time.monotonic_ns() - self._began) // 1_000_000:>6} ms"


async def service(app: App, ready: Ready, stopped: asyncio.Event) -> None:
    """Drive the service and print it. Raises ServiceIncomplete unless all of it happened, BooksDisagree."""
    driven = asyncio.create_task(_drive(app, ready))
    stop = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({driven, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not driven.done():
            raise ServiceIncomplete("The service was interrupted.")
        driven.result()
    finally:
        for task in (driven, stop):
            task.cancel()
        await asyncio.gather(driven, stop, return_exceptions=True)


async def _drive(app: App, ready: Ready) -> None:
    timeline = Timeline(ready.cafe_id)
    live = Listeners(ready.url, timeline.heard)
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        caller = Caller(session, ready.url, ready.payconic.control_url)
        desk = Desk(ready, caller, live, timeline.step)
        try:
            for scene in _SCENES:
                await scene(desk)
            live.require_gapless()
        finally:
            await live.close()
    await seal(app.db, ready.cafe_id)  # now and not within the minute, so that the service's own rows are checked, too
    audit = await audited(app.db, ready.cafe_id)
    audit.require_in_order()
    say("")
    say(f"{len(live.heard)} live events in {len(live.streams)} streams, every stream without a gap.")
    say(str(audit))
    say(f"The whole service happened: {timeline.steps} steps.")


# --- the service --------------------------------------------------------------------------


async def _card_with_tip_and_partial_refund(desk: Desk) -> None:
    """From scanning the table to collecting the order, with a tip, and part of it back."""
    await desk.open()
    guest = await desk.arrive("Ada")
    order = await desk.order(guest, *_names(desk, 0, 1), choice=True)
    quote = await desk.caller.post(
        "/tips/calculate", guest.token, {"orderId": order["id"], "percentage": _TIP_BASIS_POINTS}, 200
    )
    payment = await desk.pay_at_provider(guest, order, "payconic_card", quote["tipAmount"])
    if payment["tipAmount"] != quote["tipAmount"]:
        raise ServiceIncomplete("The tip that was paid is not the tip that was calculated.")
    await desk.cook(order)
    await desk.refund(guest, order, payment, order["totalAmount"] // 3)


async def _bank_transfer_and_full_refund(desk: Desk) -> None:
    guest = await desk.arrive("Ben", 1)
    order = await desk.order(guest, *_names(desk, 1))
    payment = await desk.pay_at_provider(guest, order, "payconic_bank_transfer")
    await desk.cook(order)
    await desk.refund(guest, order, payment)


async def _digital_wallet(desk: Desk) -> None:
    guest = await desk.arrive("Cleo", 2)
    order = await desk.order(guest, *_names(desk, 2))
    await desk.pay_at_provider(guest, order, "payconic_digital_wallet")
    await desk.cook(order)


async def _customer_credit(desk: Desk) -> None:
    """The manager adds credit, the customer spends it and gets some of it back."""
    customer = desk.staff["customer"]
    order = await desk.order(customer, *_names(desk, 3))
    body = {"customerId": customer.id, "amount": order["totalAmount"], "reason": "A birthday"}
    added = await desk.caller.post("/credits/add", desk.staff["manager"].token, body)
    desk.tell(f"manager adds {desk.money(added['amount'])} of credit")
    told = {"transactionId": added["id"]}
    await desk.live.expect("credit_added", f"user:{customer.id}", desk.counter, **told)
    payment = await desk.pay_by_credit(order, customer)
    await desk.cook(order)
    await desk.refund(customer, order, payment, 1)
    await desk.live.expect("credit_added", f"user:{customer.id}", desk.counter, orderId=order["id"], amount=1)


async def _cash(desk: Desk) -> None:
    guest = await desk.arrive("Dan", 3)
    order = await desk.order(guest, *_names(desk, 0, 2))
    await desk.pay_in_cash(guest, order)
    await desk.cook(order)


async def _transfer_by_qr_code(desk: Desk) -> None:
    guest = await desk.arrive("Eve", 4)
    order = await desk.order(guest, *_names(desk, 1, 3))
    await desk.pay_by_transfer(guest, order)
    await desk.cook(order)


async def _equal_split(desk: Desk) -> None:
    """Two friends at one table read and pay the same order."""
    first, second = await desk.arrive("Fay", 5), await desk.arrive("Gus", 5)
    order = await desk.order(first, *_names(desk, 0, 1, 2))
    await desk.split(order, [(first, "payconic_card"), (second, "payconic_digital_wallet")])
    await desk.cook(order)


def _names(desk: Desk, *places: int) -> list[str]:
    """Things from the menu, whatever is on it: a menu of one's own may be short."""
    offered = [item.name for item in desk.ready.menu if item.available and item.price > 0]
    if not offered:
        raise ServiceIncomplete("There is nothing on the menu that could be paid for.")
    return [offered[place * 5 % len(offered)] for place in places]


_SCENES: tuple[Callable[[Desk], Awaitable[None]], ...] = (
    _card_with_tip_and_partial_refund,
    _bank_transfer_and_full_refund,
    _digital_wallet,
    _customer_credit,
    _cash,
    _transfer_by_qr_code,
    _equal_split,
)
