"""Receipts: the same figures in every form, a number once, and mail that arrives."""

import asyncio
import io
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from pypdf import PdfReader

from tabletap.infra.mail import Mailer
from tabletap.kernel.ids import new_id
from tabletap.reports.receipts.model import ReceiptView
from tabletap.reports.receipts.printing import NARROW, WIDE, text_lines
from tests.support import jobs
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def paid(world: World, **more: Any) -> dict[str, Any]:
    order = await world.order(items={"Flat white": 2, "Banana bread": 1})
    answer = await world.pay(order, "customer_credit", **more)
    assert answer.status == 201, answer
    return order


async def receipt(world: World, order: dict[str, Any], who: str = "customer") -> dict[str, Any]:
    answer = await world.call("GET", f"/orders/{order['id']}/receipt", who)
    assert answer.status == 200, answer
    found: dict[str, Any] = answer.body
    return found


async def raw(world: World, order: dict[str, Any], query: str) -> bytes:
    headers = {"Authorization": f"Bearer {world.home.tokens['customer']}"}
    async with world.session.get(f"{world.url}/api/v1/orders/{order['id']}/receipt?{query}", headers=headers) as answer:
        assert answer.status == 200
        return await answer.read()


class Inbox:
    """A mail server's messages."""

    def __init__(self, said: str = "250 OK") -> None:
        self.said = said
        self.messages: list[Message] = []
        self.may_answer = threading.Event()
        self.may_answer.set()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - theirs
        self.messages.append(message_from_bytes(envelope.content))
        await asyncio.to_thread(self.may_answer.wait)
        return self.said


@asynccontextmanager
async def mail_server(world: World, said: str = "250 OK") -> AsyncIterator[Inbox]:
    """A real mail server, which this world sends its mails to."""
    inbox = Inbox(said)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(inbox, hostname="127.0.0.1", port=port, ready_timeout=10)
    controller.start()
    try:
        world.app.services.receipts.mailer = Mailer(f"smtp://127.0.0.1:{port}", "Corner Cafe <hi@example.org>")
        yield inbox
    finally:
        controller.stop()


async def test_a_receipt_sums_and_has_its_tax_by_rate(world: World) -> None:
    order = await paid(world, tipAmount=100)

    found = await receipt(world, order)

    assert sum(line["total"] for line in found["lines"]) == found["totalAmount"] == order["totalAmount"] == 1_580
    assert sum(tax["tax"] for tax in found["taxes"]) == found["taxAmount"] == order["taxAmount"]
    assert [tax["base"] + tax["tax"] - tax["gross"] for tax in found["taxes"]] == [0]
    assert sum(line["amount"] + line["tip"] for line in found["payments"]) == 1_680
    assert (found["tipAmount"], found["outstandingAmount"]) == (100, 0)
    assert (await receipt(world, order))["number"] == found["number"]


async def test_what_went_back_stands_on_it(world: World) -> None:
    order = await paid(world)
    path = f"/orders/{order['id']}/refunds"
    await world.call("POST", path, "manager", {"amount": 480}, key=new_id())

    found = await receipt(world, order)

    assert [(line["kind"], line["amount"]) for line in found["payments"]] == [("payment", 1_580), ("refund", -480)]


async def test_every_form_says_the_same(world: World) -> None:
    order = await paid(world, tipAmount=100)
    number = (await receipt(world, order))["number"]

    page, pdf = await raw(world, order, "format=html"), await raw(world, order, "format=pdf")
    wide, narrow = await raw(world, order, "format=escpos"), await raw(world, order, "format=escpos&columns=32")
    found = PdfReader(io.BytesIO(pdf)).pages[0].extract_text().encode()

    for text in (b"15.80", b"1.43", b"16.80", f"Receipt {number}".encode()):
        assert text in page
        assert text in wide
        assert text in narrow
        assert text in found
    assert b"\x1dV" in wide


async def test_a_bill_that_is_not_paid_has_no_number(world: World) -> None:
    order = await world.order()
    await world.pay(order, "customer_credit", amount=100)

    found = await receipt(world, order)
    mail = await world.call("POST", f"/orders/{order['id']}/receipt/mail", "customer", {"email": "a@example.org"})

    assert "number" not in found
    assert found["outstandingAmount"] == 380
    assert mail.status == 422, mail


async def test_numbers_have_no_gap_whoever_asks_at_once(own_world: World) -> None:
    orders = [await paid(own_world) for _ in range(8)]

    found = await asyncio.gather(*(receipt(own_world, order) for order in orders + orders))

    assert sorted({each["number"] for each in found}) == list(range(1, 9))


async def test_a_receipt_is_for_those_who_may_see_the_order(world: World) -> None:
    order = await paid(world)

    friend = await world.call("GET", f"/orders/{order['id']}/receipt", "friend")
    elsewhere = await world.call("GET", f"/orders/{order['id']}/receipt", "other:manager")
    staff = await world.call("GET", f"/orders/{order['id']}/receipt", "staff")

    assert (friend.status, elsewhere.status, staff.status) == (403, 404, 200)


async def test_a_mail_arrives_once_with_the_receipt_as_pdf(own_world: World) -> None:
    world = own_world
    order = await paid(world)
    path, body = f"/orders/{order['id']}/receipt/mail", {"email": "Guest@example.org"}
    async with mail_server(world) as inbox:
        asked = [await world.call("POST", path, "customer", body) for _ in range(3)]
        await jobs.assert_eventually(lambda: _arrived(inbox, 1))
        listed = (await world.call("GET", f"/orders/{order['id']}/receipt/mails", "staff")).body["items"]

    assert {answer.status for answer in asked} == {202}
    assert len({answer.body["mailId"] for answer in asked}) == 1
    (message,) = inbox.messages
    kinds = [part.get_content_type() for part in message.walk()]
    assert message["To"] == "guest@example.org"
    assert {"text/plain", "text/html", "application/pdf"} <= set(kinds)
    assert [each["address"] for each in listed] == ["guest@example.org"]


async def _arrived(inbox: Inbox, count: int) -> bool:
    return len(inbox.messages) >= count


async def test_a_mail_server_that_is_away_is_tried_again(own_world: World) -> None:
    world = own_world
    order = await paid(world)
    async with mail_server(world) as gone:
        assert gone.messages == []
    asked = await world.call("POST", f"/orders/{order['id']}/receipt/mail", "customer", {"email": "g@example.org"})
    assert await world.app.services.receipts.send(world.home.id, asked.body["mailId"]) is False

    async with mail_server(world) as inbox:
        await world.let_time_pass(hours=1)
        await jobs.assert_eventually(lambda: _arrived(inbox, 1))

    assert asked.status == 202
    assert inbox.messages[0]["To"] == "g@example.org"


async def test_a_mail_that_was_sent_stays_so_whatever_an_older_run_of_its_job_hears(own_world: World) -> None:
    world = own_world
    order = await paid(world)
    async with mail_server(world):
        pass
    asked = await world.call("POST", f"/orders/{order['id']}/receipt/mail", "customer", {"email": "g@example.org"})
    receipts, mail_id = world.app.services.receipts, asked.body["mailId"]
    assert await receipts.send(world.home.id, mail_id) is False

    async with mail_server(world, "554 not wanted") as slow:
        slow.may_answer.clear()
        older = asyncio.create_task(receipts.send(world.home.id, mail_id))
        await jobs.assert_eventually(lambda: _arrived(slow, 1))
        async with mail_server(world):
            assert await receipts.send(world.home.id, mail_id)
        slow.may_answer.set()
        assert await older
    (listed,) = (await world.call("GET", f"/orders/{order['id']}/receipt/mails", "staff")).body["items"]

    assert (listed["status"], "sentAt" in listed) == ("sent", True)


async def test_mails_that_are_asked_for_at_once_are_counted_one_by_one(own_world: World) -> None:
    world = own_world
    orders = [await paid(world), await paid(world)]
    assert [(await receipt(world, order))["number"] for order in orders] == [1, 2]
    same, several = [f"/orders/{order['id']}/receipt/mail" for order in orders]
    async with mail_server(world):
        once = await asyncio.gather(
            *(world.call("POST", same, "customer", {"email": "g@example.org"}) for _ in range(6))
        )
        many = await asyncio.gather(
            *(world.call("POST", several, "customer", {"email": f"g{n}@example.org"}) for n in range(9))
        )

    assert len({answer.body["mailId"] for answer in once}) == 1
    assert sorted(answer.status for answer in many) == [202] * 5 + [429] * 4


async def test_nobody_fills_a_mailbox_and_nothing_but_an_address_is_taken(own_world: World) -> None:
    world = own_world
    order = await paid(world)
    path = f"/orders/{order['id']}/receipt/mail"
    unset = await world.call("POST", path, "customer", {"email": "g@example.org"})
    async with mail_server(world):
        sent = [await world.call("POST", path, "customer", {"email": f"g{n}@example.org"}) for n in range(6)]
        odd = [
            await world.call("POST", path, "customer", {"email": email})
            for email in ("a@example.org\r\nBcc: b@example.org", "a@example.org\n")
        ]

    assert (unset.status, unset.body["code"]) == (422, "mail_not_set_up")
    assert [answer.status for answer in sent] == [202] * 5 + [429]
    assert [answer.status for answer in odd] == [400, 400]


async def test_no_line_is_wider_than_the_paper(world: World) -> None:
    order = await paid(world)
    found = await world.app.services.receipts.get(order["id"], world.home.people["customer"])

    for columns in (WIDE, NARROW):
        assert max(len(line) for line in text_lines(found, columns)) <= columns
    assert isinstance(found, ReceiptView)


async def test_a_receipt_that_is_issued_again_is_a_copy(world: World) -> None:
    order = await paid(world)

    first, second = await receipt(world, order), await receipt(world, order)

    assert (first.get("isCopy", False), second["isCopy"]) == (False, True)
    assert {name: figure for name, figure in second.items() if name != "isCopy"} == first


async def test_the_accept_header_chooses_the_form_and_a_page_may_do_nothing(world: World) -> None:
    order = await paid(world)
    headers = {"Authorization": f"Bearer {world.home.tokens['customer']}"}
    found = {}
    for accept in ("text/html,*/*", "application/pdf", "*/*"):
        async with world.session.get(
            f"{world.url}/api/v1/orders/{order['id']}/receipt", headers={**headers, "Accept": accept}
        ) as answer:
            found[accept] = answer.content_type
            policy = answer.headers["content-security-policy"]
            assert answer.headers["vary"] == "accept"
            assert "default-src 'none'" in policy
            assert ("style-src 'sha256-" in policy) == (answer.content_type == "text/html")

    assert list(found.values()) == ["text/html", "application/pdf", "application/json"]


async def test_what_is_added_after_it_was_issued_has_to_be_paid_first(world: World) -> None:
    order = await paid(world)
    number = (await receipt(world, order))["number"]
    version = (await world.call("GET", f"/orders/{order['id']}", "staff")).body["version"]
    line = {"menuItemId": world.home.menu["Flat white"].id, "quantity": 1}
    changed = await world.call("PATCH", f"/orders/{order['id']}", "staff", {"add": [line], "expectedVersion": version})
    assert changed.status == 200, changed

    between = await receipt(world, order)
    await world.pay(order, "customer_credit")
    after = await receipt(world, order)

    assert "number" not in between
    assert between["outstandingAmount"] == 480
    assert (after["number"], after["totalAmount"]) == (number, order["totalAmount"] + 480)


async def test_a_share_of_a_split_bill_has_a_receipt_of_its_own(own_world: World) -> None:
    world = own_world
    order = await world.order(items={"Flat white": 2, "Banana bread": 1})
    body = {"method": "custom", "shares": [{"amount": 500, "label": "Ann"}, {"amount": 1_080}]}
    split = await world.call("POST", f"/orders/{order['id']}/splits", "customer", body)
    assert split.status == 201, split
    payments = []
    for share in split.body["shares"]:
        paying = {"splitId": share["splitId"], "tipAmount": 50}
        answer = await world.pay(order, "customer_credit", **paying)
        assert answer.status == 201, answer
        payments.append(answer.body["paymentId"])
        early = (await world.call("GET", f"/payments/{payments[0]}/receipt", "customer")).body
        assert ("number" in early) == (len(payments) == 2)

    parts = [(await world.call("GET", f"/payments/{each}/receipt", "customer")).body for each in payments]
    whole = await receipt(world, order)

    assert [part["part"]["amount"] for part in parts] == [500, 1_080]
    assert parts[0]["part"]["share"] == "Ann"
    assert [(line["amount"], line["tip"]) for part in parts for line in part["payments"]] == [(500, 50), (1_080, 50)]
    assert sum(part["part"]["tax"] for part in parts) == whole["taxAmount"]
    assert {part["number"] for part in parts} == {whole["number"]}
    friend = await world.call("GET", f"/payments/{payments[0]}/receipt", "friend")
    elsewhere = await world.call("GET", f"/payments/{payments[0]}/receipt", "other:manager")
    assert (friend.status, elsewhere.status) == (403, 404)


async def test_a_payment_that_brought_no_money_has_no_receipt(world: World) -> None:
    payment = (await world.pay(await world.order(), "payconic_card")).body

    refused = await world.call("GET", f"/payments/{payment['paymentId']}/receipt", "customer")

    assert (refused.status, refused.body["code"]) == (422, "receipt_not_paid")


async def test_a_cancelled_order_asks_for_no_money_and_what_went_back_is_a_credit_note(world: World) -> None:
    unpaid, order = await world.order(), await paid(world)
    number = (await receipt(world, order))["number"]
    for each, key in ((unpaid, None), (order, new_id())):
        body = {"status": "cancelled", "reason": "The guest left"}
        answer = await world.call("POST", f"/orders/{each['id']}/status", "manager", body, key=key)
        assert answer.status in (200, 201), answer

    nothing, back = await receipt(world, unpaid), await receipt(world, order)

    assert (nothing["isCancelled"], nothing["outstandingAmount"], "number" in nothing) == (True, 0, False)
    assert (back["isCancelled"], back["refundedAmount"], back["number"]) == (True, 1_580, number)
    assert back["taxRefundedAmount"] == back["taxAmount"]
