"""The people of a scripted service: what each does over the public APIs, and what must be heard of it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from tabletap.cli.caller import Caller, ServiceIncomplete
from tabletap.cli.listening import Listeners
from tabletap.cli.ready import Ready
from tabletap.kernel.ids import new_id
from tabletap.kernel.money import format_major

Json = dict[str, Any]


class Person:
    """Somebody with a token."""

    def __init__(self, name: str, token: str, person_id: str) -> None:
        self.name, self.token, self.id = name, token, person_id


class Desk:
    """Everything the script does is one of these; each waits for every live event that it must lead to."""

    def __init__(self, ready: Ready, caller: Caller, live: Listeners, tell: Callable[[str], None]) -> None:
        self.ready, self.caller, self.live, self.tell = ready, caller, live, tell
        self.prices = {item.name: item for item in ready.menu}
        users = ready.users
        self.staff = {role: Person(role, user.access_token, user.person_id) for role, user in users.items()}
        cafe = f"cafe:{ready.cafe_id}:"
        self.kitchen, self.counter, self.floor = f"{cafe}kitchen", f"{cafe}counter", f"{cafe}staff"
        self.management, self.board = f"{cafe}management", f"{cafe}board"
        self.in_cafe = (self.floor, self.counter, self.management)

    def money(self, amount_minor: int) -> str:
        """An amount as people write it."""
        return f"{format_major(amount_minor, self.ready.currency)} {self.ready.currency}"

    # --- arriving ---------------------------------------------------------------------------

    async def open(self) -> None:
        """The cafe's people sign in and their screens listen."""
        for role, namespaces in (
            ("kitchen", ("/kitchen",)),
            ("counter", ("/counter", "/payments")),
            ("manager", ("/admin",)),
            ("customer", ("/customers", "/orders", "/payments")),
        ):
            person, user = self.staff[role], self.ready.users[role]
            given = {"email": user.email, "password": user.password, "cafeId": self.ready.cafe_id}
            signed_in = await self.caller.post("/auth/login", None, given, 200)
            person.token = signed_in["accessToken"]
            await self.live.connect(role, person.token, *namespaces)
            self.tell(f"{role} signs in and listens on {', '.join(namespaces)}")
        await self.live.follow("kitchen", "/kitchen", self.kitchen)
        await self.live.follow("counter", "/counter", self.counter)
        await self.live.follow("counter", "/counter", self.floor)
        await self.live.follow("manager", "/admin", self.management)
        await self.live.follow("manager", "/admin", self.board)
        await self.live.follow("customer", "/customers", f"user:{self.staff['customer'].id}")

    async def arrive(self, name: str, seat: int = 0) -> Person:
        """A guest scans a table's code, sees the menu and listens."""
        table = self.ready.tables[seat]
        await self.caller.page(f"/t/{table.code}")
        signed_in = await self.caller.post("/auth/guest", None, {"tableCode": table.code}, 200)
        menu = await self.caller.get(f"/cafes/{self.ready.cafe_id}/menu")
        if not menu["categories"]:
            raise ServiceIncomplete("There is nothing on the menu.")
        guest = Person(name, signed_in["accessToken"], signed_in["customerId"])
        await self.live.connect(name, guest.token, "/orders", "/customers", "/payments")
        await self.live.follow(name, "/customers", f"user:{guest.id}", from_start=True)
        self.tell(f"{name} scans the code of table {table.number} and reads the menu")
        return guest

    # --- ordering ---------------------------------------------------------------------------

    async def order(self, by: Person, *names: str, choice: bool = False) -> Json:
        """Somebody orders things from the menu, the first of them with a modifier where `choice` says so."""
        lines: list[Json] = [{"menuItemId": self.prices[name].id, "quantity": 1} for name in names]
        groups = self.prices[names[0]].modifier_groups
        if choice and groups:
            lines[0]["modifierIds"] = [groups[0].options[-1].id]
        order: Json = await self.caller.post("/orders", by.token, {"items": lines, "clientOrderId": new_id()})
        self.tell(f"{by.name} orders {', '.join(names)}: order {order['orderNumber']}, "
                  f"{self.money(order['totalAmount'])}")  # fmt: skip
        await self.live.follow(by.name, "/orders", _order(order), from_start=True)
        await self.live.expect("order_created", _order(order), *self.in_cafe, orderId=order["id"])
        return order

    async def cook(self, order: Json) -> None:
        """The kitchen makes it, the counter hands it over."""
        for who, namespace, status in (
            ("kitchen", "/kitchen", "preparing"),
            ("kitchen", "/kitchen", "ready"),
            ("counter", "/counter", "collected"),
        ):
            command = {"orderId": order["id"], "status": status, "commandId": new_id()}
            self.tell(f"{who} moves order {order['orderNumber']} to {status}")
            await self.live.ask(who, namespace, "order_status_update", command)
            moved = {"orderId": order["id"], "status": status}
            await self.live.expect("order_status_changed", _order(order), self.kitchen, *self.in_cafe, **moved)
            if status == "preparing":
                await self.live.expect("order_in_preparation", self.floor, self.counter, orderId=order["id"])
            if status == "ready":
                heard_by = (_order(order), self.floor, self.counter)
                await self.live.expect("order_ready", *heard_by, orderId=order["id"])
                await self.live.expect("order_ready", self.board, orderNumber=order["orderNumber"])

    # --- paying -----------------------------------------------------------------------------

    async def start(self, by: Person, order: Json, method: str, **more: Any) -> Json:
        """Somebody starts to pay (a share of) an order."""
        body = {"orderId": order["id"], "paymentMethod": method, **more}
        payment: Json = await self.caller.post("/payments", by.token, body)
        tip = f" with a tip of {self.money(payment['tipAmount'])}" if payment["tipAmount"] else ""
        self.tell(f"{by.name} pays {self.money(payment['amount'])} of order {order['orderNumber']}{tip} "
                  f"by {method}: {payment['status']}")  # fmt: skip
        await self.live.follow(by.name, "/payments", _payment(payment), from_start=True)
        streams = self._about(by, order, payment)
        await self.live.expect("payment_initiated", *streams, paymentId=payment["paymentId"])
        return payment

    async def approve(self, by: Person, order: Json, payment: Json) -> None:
        """The guest approves on the provider's page; its callback completes the payment."""
        self.tell(f"{by.name} approves on the provider's page")
        await self.caller.approve(payment["paymentId"])
        await self.completed(by, order, payment)

    async def completed(self, by: Person, order: Json, payment: Json) -> None:
        """The payment is complete, for the API and for every screen."""
        paid = {"paymentId": payment["paymentId"], "status": "completed"}
        await self.live.expect("payment_state_sync", *self._about(by, order, payment), **paid)
        await self.caller.payment_until(payment["paymentId"], by.token, "completed")

    async def paid(self, order: Json) -> None:
        """The order is paid in full: the kitchen has its ticket."""
        moved = {"orderId": order["id"], "status": "paid"}
        await self.live.expect("order_status_changed", _order(order), self.kitchen, *self.in_cafe, **moved)
        await self.live.expect("new_paid_order", self.kitchen, orderId=order["id"])
        now = await self.caller.get(f"/orders/{order['id']}", self.staff["counter"].token)
        if (now["paymentStatus"], now["outstandingAmount"]) != ("paid", 0):
            raise ServiceIncomplete(f"Order {order['orderNumber']} is {now['paymentStatus']}, not paid.")

    async def pay_at_provider(self, by: Person, order: Json, method: str, tip_amount: int = 0) -> Json:
        """Pay in full through Payconic."""
        payment = await self.start(by, order, method, tipAmount=tip_amount)
        await self.approve(by, order, payment)
        await self.paid(order)
        return payment

    async def pay_by_credit(self, order: Json, by: Person) -> Json:
        """Pay from credit: it completes in the answer itself."""
        payment = await self.start(by, order, "customer_credit")
        await self.completed(by, order, payment)
        about = {"customerId": by.id, "amount": payment["amount"]}
        await self.live.expect("credit_deducted", f"user:{by.id}", self.counter, **about)
        await self.paid(order)
        return payment

    async def pay_in_cash(self, by: Person, order: Json) -> Json:
        """Pay at the counter with a note that is too large."""
        payment = await self.start(by, order, "cash")
        received = (payment["totalAmount"] // 5_000 + 1) * 5_000
        token, path = self.staff["counter"].token, f"/payments/{payment['paymentId']}/cash"
        taken = await self.caller.post(path, token, {"received": received}, 200)
        self.tell(f"counter takes {self.money(received)} and gives {self.money(taken['changeAmount'])} back")
        await self.completed(by, order, payment)
        await self.paid(order)
        return payment

    async def pay_by_transfer(self, by: Person, order: Json) -> Json:
        """Pay by a transfer that the counter sees on the account."""
        payment = await self.start(by, order, "qr_bank_transfer")
        body = {"amount": payment["totalAmount"], "bankReference": payment["qr"]["reference"]}
        path = f"/qr-payments/{payment['qr']['qrPaymentId']}/confirm"
        self.tell(f"counter sees the transfer {payment['qr']['reference']} on the account")
        await self.caller.post(path, self.staff["counter"].token, body, 200)
        await self.completed(by, order, payment)
        await self.paid(order)
        return payment

    async def split(self, order: Json, payers: Sequence[tuple[Person, str]]) -> None:
        """Friends pay equal shares, each in their own way, at the same time."""
        body = {"method": "equal", "count": len(payers)}
        path = f"/orders/{order['id']}/splits"
        shares = (await self.caller.post(path, payers[0][0].token, body))["shares"]
        amounts = [share["amount"] for share in shares]
        self.tell(f"{payers[0][0].name} splits order {order['orderNumber']} equally: "
                  f"{' + '.join(map(self.money, amounts))}")  # fmt: skip
        if sum(amounts) != order["totalAmount"]:
            raise ServiceIncomplete(f"The shares of order {order['orderNumber']} do not sum to its total.")
        await self.live.expect("split_changed", _order(order), self.counter, orderId=order["id"])
        await asyncio.gather(
            *(self._pay_share(person, order, share, method)
              for (person, method), share in zip(payers, shares, strict=True))
        )  # fmt: skip
        await self.paid(order)

    async def _pay_share(self, by: Person, order: Json, share: Json, method: str) -> None:
        await self.caller.post(f"/orders/{order['id']}/splits/{share['splitId']}/claim", by.token, None, 200)
        payment = await self.start(by, order, method, splitId=share["splitId"])
        await self.approve(by, order, payment)

    async def refund(self, by: Person, order: Json, payment: Json, amount: int | None = None) -> None:
        """The manager gives an amount back, or all that is left."""
        body = {"reason": "Something was wrong with it"} | ({} if amount is None else {"amount": amount})
        path = f"/payments/{payment['paymentId']}/refunds"
        refund = await self.caller.post(path, self.staff["manager"].token, body)
        self.tell(f"manager gives {self.money(refund['refundAmount'])} of order {order['orderNumber']} back")
        told = {"refundId": refund["refundId"], "status": "completed"}
        heard_by = [stream for stream in self._about(by, order, payment) if stream != self.floor]
        await self.live.expect("payment_refunded", *heard_by, **told)
        status = "refunded" if amount is None else "partial_refund"
        await self.caller.payment_until(payment["paymentId"], by.token, status)

    def _about(self, by: Person, order: Json, payment: Json) -> tuple[str, ...]:
        """Who hears of a payment (contract 4.3)."""
        return (_payment(payment), _order(order), f"user:{by.id}", *self.in_cafe)


def _order(order: Json) -> str:
    return f"order:{order['id']}"


def _payment(payment: Json) -> str:
    return f"payment:{payment['paymentId']}"
