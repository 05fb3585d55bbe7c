"""A request that is refused leaves every money table as it was."""

from typing import Any

import pytest

from tabletap.kernel.ids import new_id
from tests.support.world import Answer, World, money_row_counts

pytestmark = pytest.mark.asyncio(loop_scope="package")

ORDER = "the order of this test"
NOTHING = object()

BAD_STARTS: list[tuple[str, dict[str, Any], int, str]] = [
    ("an unknown field", {"cvv": "123"}, 400, "invalid_request"),
    ("an amount as text", {"amount": "480"}, 400, "invalid_request"),
    ("an amount that is true", {"amount": True}, 400, "invalid_request"),
    ("a fraction", {"amount": 4.8}, 400, "invalid_request"),
    ("a whole number written as a fraction", {"amount": 480.5}, 400, "invalid_request"),
    ("a number beyond every column", {"amount": 2**70}, 400, "invalid_request"),
    ("an amount that no bill reaches", {"amount": 10**13}, 422, "invalid_amount"),
    ("a negative amount", {"amount": -1}, 422, "invalid_amount"),
    ("nothing", {"amount": 0}, 422, "invalid_amount"),
    ("more than is outstanding", {"amount": 481}, 422, "amount_exceeds_outstanding"),
    ("a negative tip", {"tipAmount": -50}, 422, "invalid_amount"),
    ("a fraction of a tip", {"tipAmount": 0.5}, 400, "invalid_request"),
    ("a tip beyond the configuration", {"tipAmount": 400}, 422, "tip_not_allowed"),
    ("no method", {"paymentMethod": NOTHING}, 400, "invalid_request"),
    ("an unknown method", {"paymentMethod": "bitcoin"}, 422, "method_not_offered"),
    ("no order", {"orderId": NOTHING}, 400, "invalid_request"),
    ("an order that is no id", {"orderId": "1 OR 1=1"}, 400, "invalid_request"),
    ("an order that is not there", {"orderId": new_id()}, 404, "order_not_found"),
    ("a share that is not there", {"splitId": new_id()}, 404, "split_not_found"),
    ("another cafe", {"cafeId": new_id()}, 403, "other_cafe"),
    ("another currency", {"currency": "EUR"}, 422, "currency_mismatch"),
    ("another customer", {"customerId": new_id()}, 403, "not_allowed"),
    ("a trap as return address", {"returnUrl": "https://evil.example.org/"}, 422, "return_url_not_allowed"),
    ("too much metadata", {"metadata": {str(n): n for n in range(21)}}, 422, "metadata_too_large"),
    ("metadata above 4 KiB", {"metadata": {"note": "x" * 5_000}}, 422, "metadata_too_large"),
    ("a card number", {"metadata": {"card": "4111 1111 1111 1111"}}, 422, "card_number_refused"),
]
METHODS = ("customer_credit", "cash", "qr_bank_transfer", "payconic_card")


def changed(body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**body, **changes}.items() if value is not NOTHING}


def seen(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body["code"]


async def test_bad_starts_are_refused_with_their_code_and_change_nothing(still_world: World) -> None:
    world = still_world
    order = await world.order()
    before, charges = await money_row_counts(world), await world.charges()

    for method in METHODS:
        good = {"orderId": order["id"], "paymentMethod": method}
        for what, changes, status, code in BAD_STARTS:
            answer = await world.call("POST", "/payments", "customer", changed(good, **changes), key=new_id())
            assert seen(answer) == (status, code), (method, what, answer)
            assert answer.headers["Content-Type"].startswith("application/problem+json")

    assert await money_row_counts(world) == before
    assert await world.charges() == charges
    assert (await world.call("GET", f"/orders/{order['id']}", "customer")).body == order


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"orderId": "\\u0000"}'])
async def test_a_body_that_is_no_request_changes_nothing(still_world: World, body: bytes) -> None:
    before = await money_row_counts(still_world)

    answer = await still_world.call("POST", "/payments", "customer", body, key=new_id())

    assert seen(answer) == (400, "invalid_request")
    assert await money_row_counts(still_world) == before


async def test_a_body_without_end_changes_nothing(still_world: World) -> None:
    before = await money_row_counts(still_world)

    answer = await still_world.call("POST", "/payments", "customer", b'{"metadata": "' + b"x" * 70_000, key=new_id())

    assert answer.status == 413
    assert await money_row_counts(still_world) == before


async def test_keys_and_tokens_that_are_missing_or_wrong_change_nothing(still_world: World) -> None:
    world = still_world
    order = await world.order()
    used = new_id()
    await world.pay(order, "customer_credit", key=used, amount=100)
    body = {"orderId": order["id"], "paymentMethod": "customer_credit", "amount": 200}
    before = await money_row_counts(world)

    assert seen(await world.call("POST", "/payments", "customer", body)) == (400, "idempotency_key_required")
    assert seen(await world.call("POST", "/payments", "customer", body, key="x" * 256)) == (400, "invalid_request")
    assert seen(await world.call("POST", "/payments", "customer", body, key=used)) == (422, "idempotency_key_reused")
    assert seen(await world.call("POST", "/payments", None, body, key=new_id())) == (401, "token_invalid")
    assert seen(await world.call("POST", "/payments", "nobody", body, key=new_id())) == (401, "token_invalid")
    assert seen(await world.call("POST", "/payments", "kitchen", body, key=new_id())) == (403, "not_allowed")
    assert seen(await world.call("POST", "/payments", "friend", body, key=new_id())) == (403, "not_allowed")
    assert seen(await world.call("POST", "/payments", "other:manager", body, key=new_id())) == (404, "order_not_found")

    assert await money_row_counts(world) == before


async def test_bad_refunds_cash_and_confirmations_change_nothing(still_world: World) -> None:
    world = still_world
    orders = [await world.order() for _ in range(3)]
    paid = (await world.pay(orders[0], "customer_credit")).body["paymentId"]
    cash = (await world.pay(orders[1], "cash")).body["paymentId"]
    transfer = (await world.pay(orders[2], "qr_bank_transfer")).body["qr"]["qrPaymentId"]
    before = await money_row_counts(world)

    bad: list[tuple[str, Any, int, str]] = [
        (f"/payments/{paid}/refunds", {"amount": 481}, 422, "refund_too_large"),
        (f"/payments/{paid}/refunds", {"amount": 0}, 422, "invalid_amount"),
        (f"/payments/{paid}/refunds", {"amount": -480}, 422, "invalid_amount"),
        (f"/payments/{paid}/refunds", {"amount": 0.1}, 400, "invalid_request"),
        (f"/payments/{paid}/refunds", {"destination": "my account"}, 400, "invalid_request"),
        (f"/payments/{paid}/refunds", {"orderId": orders[0]["id"]}, 400, "invalid_request"),
        (f"/payments/{cash}/refunds", {}, 422, "payment_not_refundable"),
        (f"/payments/{new_id()}/refunds", {}, 404, "payment_not_found"),
        ("/payments/nothing/refunds", {}, 404, "payment_not_found"),
        (f"/payments/{cash}/cash", {"received": 479}, 422, "cash_too_little"),
        (f"/payments/{cash}/cash", {"received": -480}, 422, "invalid_amount"),
        (f"/payments/{cash}/cash", {"received": "480"}, 400, "invalid_request"),
        (f"/payments/{cash}/cash", {}, 400, "invalid_request"),
        (f"/payments/{paid}/cash", {"received": 480}, 422, "payment_not_open_cash"),
        (f"/qr-payments/{transfer}/confirm", {"amount": 479}, 422, "transfer_amount_differs"),
        (f"/qr-payments/{transfer}/confirm", {"amount": 0}, 422, "invalid_amount"),
        (f"/qr-payments/{new_id()}/confirm", {"amount": 480}, 404, "qr_payment_not_found"),
    ]
    for path, body, status, code in bad:
        assert seen(await world.call("POST", path, "manager", body, key=new_id())) == (status, code), (path, body)

    assert await money_row_counts(world) == before


async def test_bad_moves_of_credit_change_nothing(still_world: World) -> None:
    world = still_world
    good = {"customerId": world.home.people["customer"].person_id, "amount": 100, "reason": "a gift"}
    before = await money_row_counts(world)

    bad: list[tuple[str, dict[str, Any], int, str]] = [
        ("add", {"amount": 0}, 422, "invalid_amount"),
        ("add", {"amount": -1}, 422, "invalid_amount"),
        ("add", {"amount": 1.5}, 400, "invalid_request"),
        ("add", {"reason": NOTHING}, 400, "invalid_request"),
        ("add", {"balance": 1}, 400, "invalid_request"),
        ("add", {"customerId": world.other.people["customer"].person_id}, 404, "customer_not_found"),
        ("add", {"cafeId": world.other.id}, 403, "other_cafe"),
        ("add", {"currency": "EUR"}, 422, "currency_mismatch"),
        ("deduct", {"amount": 1_000_000}, 422, "insufficient_credit"),
        ("deduct", {"customerId": world.home.people["friend"].person_id}, 422, "insufficient_credit"),
    ]
    for what, changes, status, code in bad:
        answer = await world.call("POST", f"/credits/{what}", "manager", changed(good, **changes), key=new_id())
        assert seen(answer) == (status, code), (what, changes)

    assert await money_row_counts(world) == before


async def test_bad_splits_change_nothing(still_world: World) -> None:
    world = still_world
    order = await world.order()
    before = await money_row_counts(world)
    path = f"/orders/{order['id']}/splits"

    bad: list[tuple[dict[str, Any], int]] = [
        ({"method": "equal", "count": 0}, 422),
        ({"method": "equal", "count": 2.5}, 400),
        ({"method": "fairly", "count": 2}, 400),
        ({"method": "equal", "shares": [{"amount": 480}]}, 400),
        ({"method": "percentage", "shares": [{"basisPoints": 9_999}]}, 422),
        ({"method": "custom", "shares": [{"amount": 481}]}, 422),
        ({"method": "custom", "shares": [{"amount": 481}, {"amount": -1}]}, 422),
    ]
    for body, status in bad:
        assert (await world.call("POST", path, "customer", body)).status == status, body
    assert (await world.call("POST", path, "friend", {"method": "equal", "count": 2})).status == 403
    assert (await world.call("POST", f"{path}/{new_id()}/claim", "customer")).status == 404

    assert await money_row_counts(world) == before
