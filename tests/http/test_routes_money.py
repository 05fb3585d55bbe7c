"""Payments, refunds, credit, bank transfers and provider notices through the API."""

import hashlib
import hmac

import msgspec

from tabletap.http.services import Services
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import system
from tabletap.payments.accounts.model import ChangeAccount
from tests.http.conftest import WEBHOOK_SECRET, Place

BANK = {"accountName": "Blue Door", "bsb": "062-000", "accountNumber": "12345678"}


async def test_cash_is_started_taken_and_shown_with_its_history(place: Place) -> None:
    order = await place.order()
    request = {"orderId": order["id"], "paymentMethod": "cash", "tipAmount": 48, "metadata": {"till": 3}}

    started = await place.counter.pay("/payments", request)
    path = f"/payments/{started.body['paymentId']}"
    too_little = await place.counter.pay(f"{path}/cash", {"received": 500})
    taken = await place.counter.pay(f"{path}/cash", {"received": 1_000})
    shown = await place.staff.get(path)
    status = await place.staff.get(f"{path}/status")

    assert started.status == 201
    assert (started.body["amount"], started.body["tipAmount"], started.body["totalAmount"]) == (480, 48, 528)
    assert started.body["metadata"] == {"till": 3}
    assert "qrCodeData" not in started.body
    assert (too_little.status, too_little.code) == (422, "cash_too_little")
    assert taken.status == 200
    assert (taken.body["roundingAmount"], taken.body["changeAmount"]) == (2, 470)
    assert [(change.get("from"), change["to"]) for change in shown.body["history"]][-1] == ("pending", "completed")
    assert status.body["status"] == "completed"


async def test_a_payment_that_cannot_be_is_refused_and_nothing_is_kept(place: Place, other_place: Place) -> None:
    order, theirs = await place.order(), await other_place.order()

    async def refused(**changes: object) -> tuple[int, str]:
        reply = await place.counter.pay("/payments", {"orderId": order["id"], "paymentMethod": "cash", **changes})
        return reply.status, reply.code

    assert await refused(amount=0) == (422, "invalid_amount")
    assert await refused(amount=-1) == (422, "invalid_amount")
    assert await refused(amount=4.8) == (400, "invalid_request")
    assert await refused(tipAmount=-1) == (422, "invalid_amount")
    assert await refused(amount=481) == (422, "amount_exceeds_outstanding")
    assert await refused(paymentMethod="bitcoin") == (422, "method_not_offered")
    assert await refused(paymentMethod="payconic_card") == (422, "method_not_offered")
    assert await refused(orderId=theirs["id"]) == (404, "order_not_found")
    assert await refused(customerId=other_place.customer_id) == (404, "customer_not_found")
    assert await refused(cafeId=other_place.cafe.cafe_id) == (403, "other_cafe")
    assert await refused(currency="EUR") == (422, "currency_mismatch")
    assert await refused(returnUrl="https://evil.example.org/") == (422, "return_url_not_allowed")
    assert await refused(metadata={str(n): n for n in range(21)}) == (422, "metadata_too_large")
    assert await refused(metadata={"card": "4111 1111 1111 1111"}) == (422, "card_number_refused")
    assert await refused(cvv="123") == (400, "invalid_request")
    assert (await place.manager.get("/payments")).body["items"] == []
    assert (await place.counter.get(f"/orders/{order['id']}")).body == order


async def test_money_needs_a_key(place: Place) -> None:
    order, payment = await place.paid_order()
    credit = {"customerId": place.customer_id, "amount": 100, "reason": "hello"}
    requests = [
        ("/payments", {"orderId": order["id"], "paymentMethod": "cash"}),
        (f"/payments/{payment['paymentId']}/refunds", {}),
        (f"/payments/{payment['paymentId']}/cash", {"received": 480}),
        (f"/qr-payments/{new_id()}/confirm", {"amount": 480}),
        ("/credits/add", credit),
        ("/credits/deduct", credit),
    ]

    for path, body in requests:
        without = await place.manager.post(path, body)
        empty = await place.manager.post(path, body, headers={"Idempotency-Key": ""})
        assert (without.status, without.code) == (400, "idempotency_key_required"), path
        assert (empty.status, empty.code) == (400, "idempotency_key_required"), path
        for key in ("x" * 256, "täb", "a\tb"):
            malformed = await place.manager.post(path, body, key=key)
            assert (malformed.status, malformed.code) == (400, "invalid_request"), path


async def test_one_key_is_one_payment(place: Place) -> None:
    order, other = await place.order(), await place.order()
    request = {"orderId": order["id"], "paymentMethod": "cash"}

    first = await place.counter.post("/payments", request, key="k" * 255)
    again = await place.counter.post(
        "/payments", raw=b'{ "paymentMethod":"cash","orderId":"%s" }' % order["id"].encode(), key="k" * 255
    )
    changed = await place.counter.post("/payments", {**request, "orderId": other["id"]}, key="k" * 255)
    by_another = await place.staff.post("/payments", {**request, "orderId": other["id"]}, key="k" * 255)

    assert (first.status, again.status, by_another.status) == (201, 201, 201)
    assert again.body == first.body
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert (changed.status, changed.code) == (422, "idempotency_key_reused")
    assert by_another.body["paymentId"] != first.body["paymentId"]


async def test_a_refusal_by_a_rule_is_stored_and_given_again(place: Place) -> None:
    order = await place.order()
    request = {"orderId": order["id"], "paymentMethod": "cash", "amount": 481}

    first = await place.counter.post("/payments", request, key="refused")
    again = await place.counter.post("/payments", request, key="refused")

    assert again.raw == first.raw
    assert again.status == first.status == 422
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert again.body["correlationId"] == first.headers["x-correlation-id"] != again.headers["x-correlation-id"]


async def test_one_key_for_two_payments_path_is_another_request(place: Place) -> None:
    _, first = await place.paid_order()
    _, second = await place.paid_order()

    done = await place.manager.post(f"/payments/{first['paymentId']}/refunds", key="same")
    reused = await place.manager.post(f"/payments/{second['paymentId']}/refunds", key="same")

    assert done.status == 201
    assert (reused.status, reused.code) == (422, "idempotency_key_reused")


async def test_money_goes_back_in_part_and_then_all_of_it(place: Place) -> None:
    _, payment = await place.paid_order()
    path = f"/payments/{payment['paymentId']}/refunds"

    part = await place.manager.pay(path, {"amount": 100, "reason": "cold"})
    too_much = await place.manager.pay(path, {"amount": 381})
    zero = await place.manager.pay(path, {"amount": 0})
    rest = await place.manager.pay(path)
    nothing_left = await place.manager.pay(path)
    listed = await place.staff.get(path)

    assert part.status == 201
    assert (part.body["status"], part.body["destination"], part.body["reason"]) == ("completed", "original", "cold")
    assert (part.body["refundAmount"], part.body["originalAmount"]) == (100, 480)
    assert (too_much.status, too_much.code) == (422, "refund_too_large")
    assert (zero.status, zero.code) == (422, "invalid_amount")
    assert rest.body["refundAmount"] == 380
    assert nothing_left.status == 422
    assert [refund["refundAmount"] for refund in listed.body["items"]] == [100, 380]
    assert (await place.counter.pay(path)).status == 403
    assert (await place.manager.pay(f"/payments/{new_id()}/refunds")).code == "payment_not_found"
    assert (await place.manager.pay("/payments/42/refunds")).code == "payment_not_found"


async def test_a_payment_is_seen_by_its_payer_and_staff(place: Place, other_place: Place) -> None:
    guest = await place.guest()
    order = await place.order(guest)
    payment = (await guest.pay("/payments", {"orderId": order["id"], "paymentMethod": "cash"})).body
    path = f"/payments/{payment['paymentId']}"

    assert (await guest.get(path)).status == (await place.staff.get(path)).status == 200
    for caller, refusal in ((place.customer, (403, "not_allowed")), (other_place.manager, (404, "payment_not_found"))):
        for one in (path, f"{path}/status"):
            assert ((await caller.get(one)).status, (await caller.get(one)).code) == refusal
        assert (await caller.post(f"{path}/cancel")).code == refusal[1]
    assert (await place.staff.post(f"{path}/verify", {})).body["status"] == "pending"
    assert (await guest.post(f"{path}/verify")).status == 403
    assert (await guest.post(f"{path}/cancel", {"force": True})).code == "invalid_request"
    assert (await guest.post(f"{path}/cancel")).body["status"] == "cancelled"
    assert (await place.staff.get("/payments")).status == 403
    listed = await place.manager.get(f"/payments?orderId={order['id']}")
    assert [each["paymentId"] for each in listed.body["items"]] == [payment["paymentId"]]


async def test_credit_is_added_spent_and_accounted_for(place: Place, other_place: Place) -> None:
    add = {"customerId": place.customer_id, "amount": 1_000, "reason": "birthday", "currency": "AUD"}

    added = await place.counter.pay("/credits/add", add)
    deducted = await place.counter.pay("/credits/deduct", {**add, "amount": 300, "reason": "mistake"})
    too_much = await place.manager.pay("/credits/deduct", {**add, "amount": 701})
    over_limit = await place.counter.pay("/credits/add", {**add, "amount": 5_001})
    stranger = await place.manager.pay("/credits/add", {**add, "customerId": other_place.customer_id})
    order = await place.order(place.customer)
    paid = await place.customer.pay("/payments", {"orderId": order["id"], "paymentMethod": "customer_credit"})
    balance = await place.customer.get("/credits/balance")
    history = await place.staff.get(f"/credits/history?customerId={place.customer_id}&limit=2")

    assert added.status == 201
    assert (added.body["type"], added.body["amount"], added.body["balanceAfter"]) == ("credit", 1_000, 1_000)
    assert (deducted.body["type"], deducted.body["amount"], deducted.body["balanceAfter"]) == ("debit", -300, 700)
    assert (too_much.status, too_much.code) == (422, "insufficient_credit")
    assert over_limit.status == 403
    assert (stranger.status, stranger.code) == (404, "customer_not_found")
    assert (await place.manager.pay("/credits/add", {**add, "currency": "EUR"})).code == "currency_mismatch"
    assert (await place.manager.pay("/credits/add", {**add, "cafeId": other_place.cafe.cafe_id})).code == "other_cafe"
    assert (await place.manager.pay("/credits/add", {**add, "amount": 0})).code == "invalid_amount"
    assert (paid.status, paid.body["status"]) == (201, "completed")
    assert balance.body["balance"] == 220
    assert [row["amount"] for row in history.body["items"]] == [-480, -300]
    assert history.body["nextCursor"]


async def test_credit_is_nobody_elses_business(place: Place, other_place: Place) -> None:
    guest = await place.guest()
    query = f"?customerId={place.customer_id}"

    assert (await guest.get(f"/credits/balance{query}")).status == 403
    assert (await other_place.staff.get(f"/credits/balance{query}")).code == "customer_not_found"
    assert (await place.staff.get(f"/credits/balance{query}")).body["balance"] == 0
    assert (await place.staff.get("/credits/balance")).code == "invalid_request"
    assert (await place.customer.pay("/credits/add", {"amount": 1})).status == 403


async def test_a_transfer_is_shown_drawn_and_confirmed(place: Place, other_place: Place) -> None:
    await place.manager.send("PUT", f"/api/v1/cafes/{place.cafe.cafe_id}", {"bankDetails": BANK})
    guest = await place.guest()
    order = await place.order(guest)
    request = {"orderId": order["id"], "paymentMethod": "qr_bank_transfer"}

    started = await guest.pay("/payments?include=qrCodeData", request)
    qr = started.body["qr"]
    path = f"/qr-payments/{qr['qrPaymentId']}"
    shown, svg = await guest.get(path), await guest.send("GET", qr["imageUrl"])
    png = await guest.get(f"{path}/image.png")
    wrong_amount = await place.counter.pay(f"{path}/confirm", {"amount": 470})
    by_guest = await guest.pay(f"{path}/confirm", {"amount": 480})
    confirmed = await place.counter.pay(f"{path}/confirm", {"amount": 480, "bankReference": "NAB 77"})

    assert started.status == 201
    assert started.body["qrCodeData"].startswith("data:image/svg+xml;base64,")
    assert "qrCodeData" not in (await guest.get(f"/payments/{started.body['paymentId']}")).body
    assert shown.body == qr
    assert (svg.status, svg.headers["content-type"]) == (200, "image/svg+xml")
    assert svg.raw.startswith(b"<svg")
    assert (png.headers["content-type"], png.raw[:4]) == ("image/png", b"\x89PNG")
    assert (wrong_amount.status, wrong_amount.code) == (422, "transfer_amount_differs")
    assert by_guest.status == 403
    assert (confirmed.status, confirmed.body["status"]) == (200, "completed")
    for stranger, code in ((place.customer, "not_allowed"), (other_place.manager, "qr_payment_not_found")):
        for one in (path, f"{path}/image.svg", f"{path}/image.png"):
            assert (await stranger.get(one)).code == code
    assert (await place.staff.get("/qr-payments/42")).code == "qr_payment_not_found"


async def test_a_providers_notice_is_taken_in_by_its_signature_alone(place: Place, services: Services) -> None:
    wanted = ChangeAccount(
        api_url="http://127.0.0.1:9", merchant_id="m", api_key="key-of-k", webhook_secret=WEBHOOK_SECRET, mode="test"
    )
    account = await services.provider_accounts.open_account("payconic", wanted, system(place.cafe.cafe_id))
    raw = b' {"eventType": "payment.succeeded", "reference": "%s"}\n' % new_id().encode()
    signature = hmac.new(WEBHOOK_SECRET.encode(), raw, hashlib.sha256).hexdigest()
    path = f"/webhooks/payconic/{account.token}"

    good = [await place.anybody.post(path, raw=raw, headers={"Payconic-Signature": signature}) for _ in range(2)]
    bad = await place.anybody.post(path, raw=raw + b" ", headers={"Payconic-Signature": signature})
    none = await place.anybody.post(path, raw=raw)
    nowhere = await place.anybody.post("/webhooks/payconic/other", raw=raw, headers={"Payconic-Signature": signature})
    large = await place.anybody.post(path, raw=b"x" * 70_000)

    assert [reply.status for reply in good] == [200, 200]
    assert (bad.status, bad.code) == (401, "webhook_signature_invalid")
    assert (none.status, none.code) == (401, "webhook_signature_invalid")
    assert (nowhere.status, nowhere.code) == (404, "webhook_account_not_found")
    assert (large.status, large.code) == (413, "request_too_large")


async def test_events_are_polled_in_order_from_any_place(place: Place, other_place: Place) -> None:
    await place.paid_order()
    stream = f"cafe:{place.cafe.cafe_id}:counter"

    everything = (await place.counter.get(f"/events?stream={stream}")).body
    first = (await place.counter.get(f"/events?stream={stream}&after=0&limit=1")).body
    rest = (await place.counter.get(f"/events?stream={stream}&after={first['nextCursor']}")).body

    assert [event["seq"] for event in everything["items"]] == list(range(1, everything["head"] + 1))
    assert everything["items"][0]["name"] == "order_created"
    assert everything["items"] == first["items"] + rest["items"]
    assert "nextCursor" not in everything
    for after in (f"{everything['epoch']}:{everything['head'] + 1}", f"{everything['epoch'] + 1}:1"):
        lost = await place.counter.get(f"/events?stream={stream}&after={after}")
        assert (lost.status, lost.code) == (409, "snapshot_required")
    assert (await place.kitchen.get(f"/events?stream={stream}")).status == 403
    assert (await other_place.counter.get(f"/events?stream={stream}")).status == 403
    assert (await place.counter.get("/events?stream=nonsense")).code == "invalid_request"
    assert (await place.counter.get("/events")).code == "invalid_request"
    assert (await place.counter.get(f"/events?stream={stream}&after=x")).code == "invalid_request"


async def test_a_snapshot_says_where_its_events_go_on(place: Place) -> None:
    await place.paid_order()
    stream = f"cafe:{place.cafe.cafe_id}:kitchen"

    snapshot = (await place.kitchen.get(f"/streams/{stream}/snapshot")).body
    after = (await place.kitchen.get(f"/events?stream={stream}&after={snapshot['epoch']}:{snapshot['seq']}")).body

    assert len(snapshot["state"]["orders"]) == 1
    assert after["items"] == []
    assert (await place.customer.get(f"/streams/{stream}/snapshot")).status == 403
    assert msgspec.json.encode(snapshot).find(b"480") == -1
