"""Cafes, customers, orders, splits and tips through the API."""

from tabletap.kernel.ids import new_id
from tests.http.conftest import Place


async def test_everybody_reads_the_menu_and_only_staff_the_rest(place: Place, other_place: Place) -> None:
    own = f"/cafes/{place.cafe.cafe_id}"

    menu = await place.anybody.get(f"{own}/menu")

    assert menu.status == 200
    assert menu.body["categories"][0]["items"][0]["price"] == 480
    assert (await place.anybody.get(own)).status == 401
    assert (await place.customer.get(own)).status == 403
    assert (await place.staff.get(own)).body["currency"] == "AUD"
    assert (await place.staff.get(f"{own}/tables")).body["items"][0]["code"] == place.table_code
    other = await other_place.manager.get(own)
    assert (other.status, other.code) == (404, "cafe_not_found")
    assert (await place.anybody.get("/cafes/not-an-id/menu")).code == "cafe_not_found"
    assert (await place.anybody.get(f"/cafes/{new_id()}/menu")).code == "cafe_not_found"


async def test_a_manager_changes_the_settings_they_name(place: Place) -> None:
    own = f"/cafes/{place.cafe.cafe_id}"
    details = {"accountName": "Blue Door", "bsb": "062-000", "accountNumber": "12345678"}

    changed = await place.manager.send("PUT", f"/api/v1{own}", {"bankDetails": details, "expiryMinutes": {"cash": 5}})
    wrong = await place.manager.send("PUT", f"/api/v1{own}", {"bankDetails": {"accountName": "X", "iban": "BE00"}})
    unknown = await place.manager.send("PUT", f"/api/v1{own}", {"colour": "blue"})
    shapeless = await place.manager.send("PUT", f"/api/v1{own}", {"bankDetails": {"accountName": 1}})

    assert changed.status == 200
    assert changed.body["bankDetails"]["bsb"] == "062000"
    assert changed.body["name"] == "Blue Door"
    assert (wrong.status, wrong.code) == (422, "bank_details_invalid")
    assert (unknown.status, unknown.code) == (400, "invalid_request")
    assert (shapeless.status, shapeless.code) == (400, "invalid_request")
    assert (await place.staff.send("PUT", f"/api/v1{own}", {"name": "Mine"})).status == 403


async def test_staff_open_customer_accounts_and_page_through_them(place: Place, other_place: Place) -> None:
    made = [await place.staff.post("/customers", {"name": f"Guest {n}"}) for n in range(3)]
    first = (await place.staff.get("/customers?limit=2")).body
    rest = (await place.staff.get(f"/customers?limit=2&cursor={first['nextCursor']}")).body

    assert [reply.status for reply in made] == [201, 201, 201]
    assert [customer["name"] for customer in first["items"] + rest["items"]] == ["Guest 2", "Guest 1", "Guest 0", "Ada"]
    assert "nextCursor" not in rest
    assert (await place.staff.get("/customers?limit=0")).code == "invalid_request"
    assert (await place.staff.get("/customers?cursor=!")).code == "invalid_request"
    assert (await place.customer.post("/customers", {})).status == 403

    path = f"/customers/{made[0].body['id']}"
    renamed = await place.staff.send("PATCH", f"/api/v1{path}", {"name": "Grace"})
    tier = await place.staff.send("PATCH", f"/api/v1{path}", {"tier": "premium"})
    elsewhere = await other_place.manager.get(path)
    assert renamed.body["name"] == "Grace"
    assert tier.status == 403
    assert (elsewhere.status, elsewhere.code) == (404, "customer_not_found")


async def test_an_order_is_priced_by_the_server(place: Place) -> None:
    line = {"menuItemId": place.flat_white, "quantity": 2, "modifierIds": [place.oat_milk], "note": "extra hot"}

    placed = await place.customer.post("/orders", {"items": [line], "expectedTotalAmount": 1_100})
    read = await place.customer.get(f"/orders/{placed.body['id']}")

    assert placed.status == 201
    assert placed.body["totalAmount"] == placed.body["outstandingAmount"] == 1_100
    assert placed.body["status"] == "pending"
    assert placed.body["paymentStatus"] == "unpaid"
    assert placed.body["createdAt"].endswith("Z")
    assert read.body == placed.body


async def test_an_order_that_cannot_be_is_refused(place: Place, other_place: Place) -> None:
    async def refused(**changes: object) -> tuple[int, str]:
        body = {"items": [{"menuItemId": place.flat_white, "quantity": 1}], **changes}
        reply = await place.customer.post("/orders", body)
        return reply.status, reply.code

    priced = [{"menuItemId": place.flat_white, "quantity": 1, "price": 1}]
    theirs = [{"menuItemId": other_place.flat_white, "quantity": 1}]
    assert await refused(expectedTotalAmount=470) == (409, "price_changed")
    assert await refused(items=theirs) == (422, "item_unavailable")
    assert await refused(items=[]) == (400, "invalid_request")
    assert await refused(items=[{"menuItemId": place.flat_white, "quantity": 0}]) == (400, "invalid_request")
    assert await refused(items=priced) == (
        400,
        "invalid_request",
    )
    assert await refused(cafeId=other_place.cafe.cafe_id) == (403, "other_cafe")
    assert await refused(currency="EUR") == (422, "currency_mismatch")
    assert await refused(takeawayName="4111 1111 1111 1111") == (422, "card_number_refused")
    assert (await place.kitchen.post("/orders", {"items": []})).status == 403
    assert (await place.manager.get("/orders")).body["items"] == []


async def test_orders_are_seen_by_their_people_and_nobody_else(place: Place, other_place: Place) -> None:
    guest, friend = await place.guest(), await place.guest()
    order = await place.order(guest)
    path = f"/orders/{order['id']}"

    for caller in (guest, friend, place.staff, place.kitchen):
        assert (await caller.get(path)).body["id"] == order["id"]
        assert [each["id"] for each in (await caller.get("/orders?status=pending")).body["items"]] == [order["id"]]
    for caller, refusal in ((place.customer, (403, "not_allowed")), (other_place.manager, (404, "order_not_found"))):
        assert ((await caller.get(path)).status, (await caller.get(path)).code) == refusal
        assert (await caller.get("/orders")).body["items"] == []
    assert (await place.staff.get("/orders/42")).code == "order_not_found"
    assert (await place.staff.get(f"/orders/{order['id'].upper()}x")).code == "order_not_found"


async def test_the_kitchen_moves_a_paid_order_on(place: Place) -> None:
    order, _ = await place.paid_order()
    path = f"/orders/{order['id']}/status"

    version = (await place.kitchen.get(f"/orders/{order['id']}")).body["version"]
    stale = await place.kitchen.post(path, {"status": "preparing", "expectedVersion": version - 1})
    moved = await place.kitchen.post(path, {"status": "preparing", "expectedVersion": version})
    skipped = await place.kitchen.post(path, {"status": "collected"})
    nobody = await place.kitchen.post(path, {"status": "paid"})
    unknown = await place.kitchen.post(path, {"status": "eaten"})

    assert (stale.status, stale.code) == (409, "version_conflict")
    assert (moved.status, moved.body["status"]) == (200, "preparing")
    assert (skipped.status, skipped.code) == (422, "transition_not_allowed")
    assert (nobody.status, nobody.code) == (422, "transition_not_allowed")
    assert (unknown.status, unknown.code) == (400, "invalid_request")


async def test_cancelling_a_paid_order_gives_the_money_back_once(place: Place) -> None:
    order, payment = await place.paid_order()
    path, body = f"/orders/{order['id']}/status", {"status": "cancelled", "reason": "closed early"}

    without_key = await place.manager.post(path, body)
    by_staff = await place.staff.pay(path, body)
    first = await place.manager.post(path, body, key="once")
    again = await place.manager.post(path, body, key="once")
    refunds = await place.manager.get(f"/payments/{payment['paymentId']}/refunds")

    assert (without_key.status, without_key.code) == (400, "idempotency_key_required")
    assert by_staff.status == 403
    assert (first.status, first.body["status"]) == (200, "cancelled")
    assert again.body == first.body
    assert again.headers["idempotency-replayed"] == "true"
    assert [refund["refundAmount"] for refund in refunds.body["items"]] == [480]


async def test_a_bill_is_split_claimed_and_paid_share_by_share(place: Place) -> None:
    guest, friend = await place.guest(), await place.guest()
    order = await place.order(guest, quantity=3)
    path = f"/orders/{order['id']}/splits"

    split = await guest.post(path, {"method": "equal", "count": 2})
    mine, theirs = split.body["shares"]
    claimed = await guest.post(f"{path}/{mine['splitId']}/claim")
    taken = await friend.post(f"{path}/{mine['splitId']}/claim")
    payment = {"orderId": order["id"], "paymentMethod": "cash", "splitId": mine["splitId"]}
    paying = await guest.pay("/payments", payment)
    released = await guest.send("DELETE", f"/api/v1{path}/{theirs['splitId']}/claim")
    seen = await friend.get(path)

    assert split.status == 201
    assert [share["amount"] for share in split.body["shares"]] == [720, 720]
    assert claimed.status == 200
    assert claimed.body["shares"][0]["status"] == "claimed"
    assert (taken.status, taken.code) == (409, "split_claimed")
    assert int(taken.headers["retry-after"]) > 0
    assert (paying.status, paying.body["amount"]) == (201, 720)
    assert released.status == 200
    assert seen.body["outstandingAmount"] == 1_440
    assert (await guest.post(f"{path}/{new_id()}/claim")).code == "split_not_found"
    assert (await guest.post(f"{path}/x/claim")).code == "split_not_found"


async def test_a_split_that_does_not_sum_is_refused_and_one_can_be_undone(place: Place) -> None:
    order = await place.order(quantity=2)
    path = f"/orders/{order['id']}/splits"

    short = await place.counter.post(path, {"method": "custom", "shares": [{"amount": 480}, {"amount": 479}]})
    percent = {"method": "percentage", "shares": [{"basisPoints": 7_500, "label": "Ada"}, {"basisPoints": 2_500}]}
    made = await place.counter.post(path, percent)
    undone = await place.counter.send("DELETE", f"/api/v1{path}")

    assert (short.status, short.code) == (422, "split_not_possible")
    assert [share["amount"] for share in made.body["shares"]] == [720, 240]
    assert made.body["shares"][0]["label"] == "Ada"
    assert (undone.status, undone.body["shares"]) == (200, [])


async def test_tips_are_configured_by_the_manager_and_calculated_for_everybody(place: Place) -> None:
    guest = await place.guest()
    order = await place.order(guest)
    configuration = (await guest.get("/tip-configuration")).body

    quoted = await guest.post("/tips/calculate", {"orderId": order["id"], "percentage": 1_000})
    fixed = await guest.post("/tips/calculate", {"orderId": order["id"], "fixedAmount": 100})
    both = await guest.post("/tips/calculate", {"orderId": order["id"], "percentage": 1_000, "fixedAmount": 1})
    too_much = await guest.post("/tips/calculate", {"orderId": order["id"], "percentage": 9_000})
    changed = await place.manager.send("PUT", "/api/v1/tip-configuration", {**configuration, "tipEnabled": False})
    unsound = await place.manager.send("PUT", "/api/v1/tip-configuration", {"maxTipPercentage": 0})

    assert configuration["percentages"] == [1_000, 1_500, 2_000]
    assert quoted.status == 200
    assert (quoted.body["tipAmount"], quoted.body["totalAmount"], quoted.body["tipPercentage"]) == (48, 528, 1_000)
    assert fixed.body["tipAmount"] == 100
    assert (both.status, both.code) == (400, "invalid_request")
    assert (too_much.status, too_much.code) == (422, "tip_not_allowed")
    assert changed.body["tipEnabled"] is False
    assert (unsound.status, unsound.code) == (422, "tip_configuration_invalid")
    assert (await place.staff.send("PUT", "/api/v1/tip-configuration", configuration)).status == 403
