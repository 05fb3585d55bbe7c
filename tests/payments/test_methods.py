"""Each way to pay, from the first tap to the paid order."""

import pytest

from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")

PAYCONIC_METHODS = ("payconic_card", "payconic_bank_transfer", "payconic_digital_wallet")


async def test_credit_completes_in_the_answer_itself(world: World) -> None:
    order = await world.order()
    before = (await world.call("GET", "/credits/balance", "customer")).body["balance"]

    started = await world.pay(order, "customer_credit")

    paid = (await world.call("GET", f"/orders/{order['id']}", "customer")).body
    after = (await world.call("GET", "/credits/balance", "customer")).body["balance"]
    assert (started.status, started.body["status"], started.body["amount"]) == (201, "completed", 480)
    assert (paid["status"], paid["paymentStatus"], paid["outstandingAmount"]) == ("paid", "paid", 0)
    assert before - after == 480


async def test_credit_that_does_not_suffice_is_refused_and_the_bill_stays_open(world: World) -> None:
    order = await world.order("friend")

    refused = await world.pay(order, "customer_credit", "friend")

    unpaid = (await world.call("GET", f"/orders/{order['id']}", "friend")).body
    assert (refused.status, refused.body["code"]) == (422, "insufficient_credit")
    assert (unpaid["status"], unpaid["outstandingAmount"]) == ("pending", 480)


async def test_staff_spend_a_customers_credit_in_their_name_and_are_recorded(world: World) -> None:
    order = await world.order("counter")
    customer_id = world.home.people["customer"].person_id

    unnamed = await world.pay(order, "customer_credit", "counter")
    started = await world.pay(order, "customer_credit", "counter", customerId=customer_id)

    assert (unnamed.status, unnamed.body["code"]) == (422, "method_not_offered")
    assert (started.status, started.body["status"]) == (201, "completed")
    assert started.body["customerId"] == customer_id
    assert started.body["staffId"] == world.home.people["counter"].person_id


async def test_cash_is_completed_by_the_counter_with_change(world: World) -> None:
    order = await world.order(items={"Espresso": 1, "Banana bread": 1})
    started = await world.pay(order, "cash")

    path = f"/payments/{started.body['paymentId']}/cash"
    taken = await world.call("POST", path, "counter", {"received": 2_000}, key=f"cash {order['id']}")

    assert (started.body["status"], started.body["expiresAt"]) == ("pending", None)
    assert (taken.status, taken.body["payment"]["status"]) == (200, "completed")
    assert taken.body["payment"]["staffId"] == world.home.people["counter"].person_id
    assert (taken.body["roundingAmount"], taken.body["changeAmount"]) == (0, 1_030)


@pytest.mark.parametrize(("tip", "due", "rounding"), [(51, 530, -1), (52, 530, -2), (53, 535, 2), (54, 535, 1)])
async def test_only_cash_is_rounded_to_the_coins_there_are(world: World, tip: int, due: int, rounding: int) -> None:
    order = await world.order()
    started = await world.pay(order, "cash", tipAmount=tip)

    path = f"/payments/{started.body['paymentId']}/cash"
    too_little = await world.call("POST", path, "counter", {"received": due - 1}, key=f"less {order['id']}")
    taken = await world.call("POST", path, "counter", {"received": due}, key=f"exact {order['id']}")

    paid = (await world.call("GET", f"/orders/{order['id']}", "counter")).body
    assert started.body["totalAmount"] == 480 + tip
    assert (too_little.status, too_little.body["code"]) == (422, "cash_too_little")
    assert (taken.body["roundingAmount"], taken.body["changeAmount"]) == (rounding, 0)
    assert (paid["status"], paid["outstandingAmount"]) == ("paid", 0)


async def test_cash_is_taken_once_and_only_for_cash_payments(world: World) -> None:
    cash_order, qr_order = await world.order(), await world.order()
    cash = (await world.pay(cash_order, "cash")).body["paymentId"]
    transfer = (await world.pay(qr_order, "qr_bank_transfer")).body["paymentId"]
    await world.call("POST", f"/payments/{cash}/cash", "counter", {"received": 480}, key="first" + cash)

    again = await world.call("POST", f"/payments/{cash}/cash", "counter", {"received": 480}, key="again" + cash)
    not_cash = await world.call("POST", f"/payments/{transfer}/cash", "counter", {"received": 480}, key=transfer)

    assert (again.status, again.body["code"]) == (422, "payment_not_open_cash")
    assert (not_cash.status, not_cash.body["code"]) == (422, "payment_not_open_cash")


async def test_a_transfer_by_qr_is_confirmed_by_the_counter_with_its_exact_amount(world: World) -> None:
    order = await world.order()
    started = await world.pay(order, "qr_bank_transfer", tipAmount=72)
    qr = started.body["qr"]
    path = f"/qr-payments/{qr['qrPaymentId']}"

    other_amount = await world.call("POST", f"{path}/confirm", "counter", {"amount": 480}, key=f"less {order['id']}")
    body = {"amount": 552, "bankReference": "NAB 4711"}
    confirmed = await world.call("POST", f"{path}/confirm", "counter", body, key=f"all {order['id']}")
    again = await world.call("POST", f"{path}/confirm", "counter", body, key=f"twice {order['id']}")

    shown = (await world.call("GET", path, "customer")).body
    paid = (await world.call("GET", f"/orders/{order['id']}", "customer")).body
    assert (started.body["status"], qr["status"], qr["format"]) == ("pending", "generated", "link")
    assert qr["bankDetails"]["bsb"] == "062000"
    assert (other_amount.status, other_amount.body["code"]) == (422, "transfer_amount_differs")
    assert (confirmed.status, confirmed.body["status"]) == (200, "completed")
    assert confirmed.body["externalTransactionId"] == "NAB 4711"
    assert (again.status, again.body["code"]) == (422, "qr_payment_not_open")
    assert (shown["status"], paid["status"]) == ("paid", "paid")


async def test_the_image_of_a_transfer_is_drawn_only_when_asked_for(world: World) -> None:
    order = await world.order()

    body = {"orderId": order["id"], "paymentMethod": "qr_bank_transfer", "amount": 100}
    plain = await world.call("POST", "/payments", "customer", body, key=f"plain {order['id']}")
    drawn = await world.call("POST", "/payments?include=qrCodeData", "customer", body, key=f"drawn {order['id']}")

    assert "qrCodeData" not in plain.body
    assert drawn.body["qrCodeData"].startswith("data:image/svg+xml")


@pytest.mark.parametrize("method", PAYCONIC_METHODS)
async def test_what_the_guest_approves_at_the_provider_pays_the_order(world: World, method: str) -> None:
    order = await world.order()
    started = await world.pay(order, method, tipAmount=48)

    await world.control("POST", f"/payments/{started.body['gatewayPaymentId']}/approve")

    payment = await world.until(started.body["paymentId"], "completed")
    paid = (await world.call("GET", f"/orders/{order['id']}", "customer")).body
    charge = next(charge for charge in await world.charges() if charge["reference"] == payment["paymentId"])
    assert (started.status, started.body["status"], started.body["mode"]) == (201, "pending", "test")
    assert started.body["redirectUrl"].startswith(world.sandbox.url)
    assert [(step.get("from"), step["to"], step["evidence"]) for step in payment["history"]] == [
        (None, "pending", "guest"),
        ("pending", "completed", "query"),
    ]
    assert (charge["amount"], charge["currency"], charge["status"]) == (528, "AUD", "succeeded")
    assert (paid["status"], payment["needsReview"]) == ("paid", False)


@pytest.mark.parametrize("method", PAYCONIC_METHODS)
async def test_what_the_guests_bank_declines_leaves_the_bill_open_for_another_way(world: World, method: str) -> None:
    order = await world.order()
    started = await world.pay(order, method)

    await world.control("POST", f"/payments/{started.body['gatewayPaymentId']}/decline")

    payment = await world.until(started.body["paymentId"], "failed")
    open_still = (await world.call("GET", f"/orders/{order['id']}", "customer")).body
    otherwise = await world.pay(order, "customer_credit")
    assert payment["failedAt"] is not None
    assert "redirectUrl" not in payment
    assert (open_still["status"], open_still["outstandingAmount"]) == ("pending", 480)
    assert (otherwise.status, otherwise.body["status"]) == (201, "completed")


async def test_a_payment_that_the_provider_approves_at_once_is_completed_in_the_answer(world: World) -> None:
    await world.control("POST", "/mode", {"autoApprove": True})
    order = await world.order()

    started = await world.pay(order, "payconic_card")

    paid = (await world.call("GET", f"/orders/{order['id']}", "customer")).body
    assert (started.status, started.body["status"]) == (201, "completed")
    assert paid["status"] == "paid"


async def test_staff_ask_the_provider_now_and_learn_what_it_knows(world: World) -> None:
    await world.control("POST", "/mode", {"webhooks": False})
    order = await world.order()
    started = await world.pay(order, "payconic_card")
    path = f"/payments/{started.body['paymentId']}/verify"
    early = await world.call("POST", path, "staff")
    await world.control("POST", f"/payments/{started.body['gatewayPaymentId']}/approve")

    late = await world.call("POST", path, "staff")

    assert (early.status, early.body["status"], early.body["amount"]) == (200, "pending", 480)
    assert (late.status, late.body["status"]) == (200, "completed")
    assert late.body["verifiedAt"].endswith("Z")


async def test_the_callers_metadata_comes_back_as_it_was_and_steers_nothing(world: World) -> None:
    order = await world.order()

    metadata = {"status": "completed", "amount": 1, "seat": ["window", 2]}
    started = await world.pay(order, "cash", metadata=metadata)

    assert started.body["metadata"] == metadata
    assert (started.body["status"], started.body["amount"]) == ("pending", 480)
