"""Who may do what with money, and what is not there for whom."""

from datetime import UTC, datetime, timedelta

import pytest

from tabletap.identity.tokens import Tokens
from tabletap.kernel.clock import SystemClock
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Role
from tests.support.world import SECRET, World

pytestmark = pytest.mark.asyncio(loop_scope="package")


class YesterdaysClock(SystemClock):
    """A day late."""

    def now(self) -> datetime:
        return datetime.now(UTC) - timedelta(days=1)


async def test_a_customer_cannot_pay_in_another_customers_name(world: World) -> None:
    order = await world.order()

    friend = world.home.people["friend"].person_id
    refused = await world.pay(order, "customer_credit", customerId=friend)
    own = await world.pay(order, "customer_credit", customerId=world.home.people["customer"].person_id)

    assert (refused.status, refused.body["code"]) == (403, "not_allowed")
    assert own.status == 201


async def test_an_order_of_another_cafe_is_not_there(world: World) -> None:
    order = await world.order()

    for who in ("other:manager", "other:counter", "other:customer"):
        refused = await world.pay(order, "cash", who)
        assert (refused.status, refused.body["code"]) == (404, "order_not_found"), who


async def test_another_customers_order_is_not_yours(world: World) -> None:
    order = await world.order()

    refused = await world.pay(order, "cash", "friend")

    assert (refused.status, refused.body["code"]) == (403, "not_allowed")


async def test_a_customer_of_another_cafe_is_not_there_for_staff(world: World) -> None:
    order = await world.order()

    refused = await world.pay(order, "customer_credit", "counter", customerId=world.other.people["customer"].person_id)

    assert (refused.status, refused.body["code"]) == (404, "customer_not_found")


async def test_the_kitchen_has_no_hand_in_the_till(world: World) -> None:
    order = await world.order()
    payment_id = (await world.pay(order, "cash")).body["paymentId"]
    paths = {
        "/payments": {"orderId": order["id"], "paymentMethod": "cash"},
        f"/payments/{payment_id}/cash": {"received": 480},
        f"/payments/{payment_id}/refunds": {},
        f"/qr-payments/{new_id()}/confirm": {"amount": 480},
        "/credits/add": {"customerId": new_id(), "amount": 1, "reason": "please"},
        "/credits/deduct": {"customerId": new_id(), "amount": 1, "reason": "please"},
        f"/orders/{order['id']}/splits": {"method": "equal", "count": 2},
    }

    answers = {path: await world.call("POST", path, "kitchen", body, key=new_id()) for path, body in paths.items()}

    assert {path: (answer.status, answer.body["code"]) for path, answer in answers.items()} == dict.fromkeys(
        paths, (403, "not_allowed")
    )


@pytest.mark.parametrize(
    ("path", "body", "allowed"),
    [
        ("cash", {"received": 480}, {"counter", "manager", "admin"}),
        ("refunds", {}, {"manager", "admin"}),
        ("verify", {}, {"staff", "counter", "manager", "admin"}),
    ],
)
async def test_each_step_has_its_role(world: World, path: str, body: dict[str, int], allowed: set[str]) -> None:
    order = await world.order()
    payment_id = (await world.pay(order, "cash")).body["paymentId"]

    for who in ("customer", "kitchen", "staff", "counter", "manager", "admin"):
        answer = await world.call("POST", f"/payments/{payment_id}/{path}", who, body, key=new_id())
        assert (answer.status == 403) == (who not in allowed), (who, answer)


async def test_a_guest_pays_by_every_method_but_credit(world: World) -> None:
    code = world.home.tables[1].code
    guest = (await world.call("POST", "/auth/guest", None, {"tableCode": code})).body["accessToken"]
    order = await world.order(guest, items={"Espresso": 3})

    by_credit = await world.pay(order, "customer_credit", guest)
    others = [
        await world.pay(order, method, guest, amount=210)
        for method in (
            "cash",
            "qr_bank_transfer",
            "payconic_card",
            "payconic_bank_transfer",
            "payconic_digital_wallet",
        )
    ]

    assert (by_credit.status, by_credit.body["code"]) == (422, "method_not_offered")
    assert [answer.status for answer in others] == [201] * 5


async def test_a_token_that_is_bad_old_or_missing_opens_nothing(world: World) -> None:
    order = await world.order()
    person = world.home.people["customer"]
    roles = frozenset({Role.CUSTOMER})
    expired = Tokens(SECRET, YesterdaysClock()).issue(cafe_id=world.home.id, person_id=person.person_id, roles=roles)
    forged = Tokens(SECRET[::-1], SystemClock()).issue(cafe_id=world.home.id, person_id=person.person_id, roles=roles)

    answers = [await world.pay(order, "customer_credit", token) for token in ("nonsense", forged, expired)]
    body = {"orderId": order["id"], "paymentMethod": "customer_credit"}
    answers.append(await world.call("POST", "/payments", None, body, key=new_id()))

    assert [(answer.status, answer.body["code"]) for answer in answers] == [
        (401, "token_invalid"),
        (401, "token_invalid"),
        (401, "token_expired"),
        (401, "token_invalid"),
    ]
    assert all(answer.headers["WWW-Authenticate"].startswith("Bearer") for answer in answers)


async def test_for_another_cafe_a_payment_is_not_there_and_for_a_stranger_it_is_not_theirs(world: World) -> None:
    order = await world.order()
    payment = (await world.pay(order, "qr_bank_transfer")).body
    path = f"/payments/{payment['paymentId']}"
    qr_path = f"/qr-payments/{payment['qr']['qrPaymentId']}"

    for who in ("other:manager", "other:customer", "friend"):
        for verb, what in (("GET", path), ("GET", f"{path}/status"), ("POST", f"{path}/cancel"), ("GET", qr_path)):
            answer = await world.call(verb, what, who)
            assert answer.status == (403 if who == "friend" else 404), (who, verb, what, answer)
    for what, body in (("cash", {"received": 480}), ("refunds", {}), ("verify", {})):
        answer = await world.call("POST", f"{path}/{what}", "other:manager", body, key=new_id())
        assert (answer.status, answer.body["code"]) == (404, "payment_not_found"), what
    confirmed = await world.call("POST", f"{qr_path}/confirm", "other:manager", {"amount": 480}, key=new_id())
    assert (confirmed.status, confirmed.body["code"]) == (404, "qr_payment_not_found")
    assert (await world.call("GET", f"{path}/refunds", "other:manager")).status == 404
    assert (await world.call("GET", f"/payments?orderId={order['id']}", "other:manager")).body["items"] == []
    assert (await world.payment(payment["paymentId"]))["status"] == "pending"


async def test_the_counter_moves_credit_up_to_a_limit_and_a_manager_more(world: World) -> None:
    body = {"customerId": world.home.people["friend"].person_id, "amount": 1, "reason": "sorry"}
    large = {**body, "amount": 1_000_000}

    by_staff = await world.call("POST", "/credits/add", "staff", body, key=new_id())
    by_counter = await world.call("POST", "/credits/add", "counter", body, key=new_id())
    too_much = await world.call("POST", "/credits/add", "counter", large, key=new_id())
    by_manager = await world.call("POST", "/credits/add", "manager", large, key=new_id())
    back = await world.call("POST", "/credits/deduct", "manager", {**body, "amount": 1_000_001}, key=new_id())

    assert (by_staff.status, by_counter.status) == (403, 201)
    assert (too_much.status, too_much.body["code"]) == (403, "credit_limit_exceeded")
    assert (by_manager.status, back.status, back.body["balanceAfter"]) == (201, 201, 0)


async def test_a_customer_sees_only_their_own_credit(world: World) -> None:
    friend = world.home.people["friend"].person_id

    of_friend = await world.call("GET", f"/credits/balance?customerId={friend}", "customer")
    by_staff = await world.call("GET", f"/credits/balance?customerId={friend}", "staff")
    by_other_cafe = await world.call("GET", f"/credits/balance?customerId={friend}", "other:manager")

    assert (of_friend.status, by_staff.status, by_other_cafe.status) == (403, 200, 404)
