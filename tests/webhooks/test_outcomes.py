"""What became of each notice: seen by managers of its cafe, never lost, worked off again when asked."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from tabletap.kernel.ids import new_id
from tabletap.webhooks.jobs import PATIENCE
from tests.support.books import journal_lines, rows
from tests.support.jobs import assert_eventually
from tests.support.world import World
from tests.webhooks.provider import INBOX, approve, card_payment, notice, notify, sign, told_of, until_told

pytestmark = pytest.mark.asyncio(loop_scope="package")

CARD = "4111 1111 1111 1111"


async def test_a_hundred_identical_notices_at_once_have_one_effect(own_world: World) -> None:
    world = own_world
    payment = await card_payment(world)
    await world.control("POST", "/mode", {"webhooks": False})
    await approve(world, payment)
    raw = notice("payment.succeeded", payment["paymentId"])

    answers = await asyncio.gather(
        *(notify(world, raw, sign(raw), **{"Payconic-Event-Id": "evt_the_same"}) for _ in range(100))
    )

    await world.until(payment["paymentId"], "completed")
    [told] = await until_told(world, payment["paymentId"], "handled")
    seen = await world.payment(payment["paymentId"])
    assert {answer.status for answer in answers} == {200}
    assert (told["attempts"], told["outcome"]) == (1, "changed")
    assert [step["to"] for step in seen["history"]] == ["pending", "completed"]
    assert [attempt["kind"] for attempt in seen["attempts"]] == ["start", "check"]
    booked = await journal_lines(world, payment["paymentId"])
    assert (len(booked), sum(booked.values())) == (2, 0)


async def test_a_hundred_different_notices_about_one_payment_move_it_once(own_world: World) -> None:
    world = own_world
    payment = await card_payment(world)
    await world.control("POST", "/mode", {"webhooks": False})
    await approve(world, payment)
    raws = [notice("payment.succeeded", payment["paymentId"]) for _ in range(100)]

    answers = await asyncio.gather(*(notify(world, raw, sign(raw)) for raw in raws))

    told = await until_told(world, payment["paymentId"], *["handled"] * 100)
    seen = await world.payment(payment["paymentId"])
    assert {answer.status for answer in answers} == {200}
    assert sum(each["outcome"] == "changed" for each in told) >= 1
    assert [step["to"] for step in seen["history"]] == ["pending", "completed"]
    assert await rows(world, "SELECT count(*) FROM journal WHERE payment_id IS NOT NULL") == [(1,)]


async def test_a_captured_notice_sent_again_under_other_names_only_makes_us_ask(world: World) -> None:
    payment = await card_payment(world)
    await approve(world, payment)
    before = await world.until(payment["paymentId"], "completed")
    raw = notice("payment.failed", payment["paymentId"], status="failed", amount=480, currency="AUD")

    for number in range(3):
        await notify(world, raw, sign(raw), **{"Payconic-Event-Id": f"evt_{new_id()}_{number}"})

    told = await until_told(world, payment["paymentId"], *["handled"] * 4)
    after = await world.payment(payment["paymentId"])
    assert [each["outcome"] for each in told[:3]] == ["unchanged"] * 3
    assert after["history"] == before["history"]
    assert {attempt["outcome"] for attempt in after["attempts"][2:]} == {"completed"}


async def test_the_inbox_says_what_became_of_a_notice(world: World) -> None:
    payment = await card_payment(world)

    await approve(world, payment)
    await world.until(payment["paymentId"], "completed")

    [told] = await until_told(world, payment["paymentId"], "handled")
    assert told["eventType"] == "payment.succeeded"
    assert (told["outcome"], told["statusBefore"], told["statusAfter"]) == ("changed", "pending", "completed")
    assert (told["paymentId"], told["orderId"]) == (payment["paymentId"], payment["orderId"])
    assert (told["paymentStatus"], told["attempts"]) == ("completed", 1)
    assert told["receivedAt"] <= told["handledAt"]
    assert "error" not in told


async def test_a_refunds_notice_says_how_the_refund_stands(world: World) -> None:
    payment = await card_payment(world)
    await approve(world, payment)
    await world.until(payment["paymentId"], "completed")

    await world.call("POST", f"/payments/{payment['paymentId']}/refunds", "manager", {"amount": 80}, key=new_id())

    told = (await until_told(world, payment["paymentId"], "handled", "handled"))[0]
    assert (told["eventType"], told["refundStatus"]) == ("refund.succeeded", "completed")
    assert told["paymentStatus"] == "partial_refund"


async def test_a_notice_shows_its_fields_and_nothing_secret(world: World) -> None:
    payment = await card_payment(world)
    raw = notice(
        "payment.succeeded", payment["paymentId"], orderId=f"card {CARD}", amount=480, currency="AUD", status=["odd"],
        metadata={"password": "hunter2"}, apiKey="sk_live_1", timestamp="x" * 500,
    )  # fmt: skip
    await notify(world, raw, sign(raw))
    [told] = await until_told(world, payment["paymentId"], "handled")

    shown = await world.call("GET", f"{INBOX}/{told['noticeId']}", "manager")

    assert shown.body["fields"] == {
        "eventType": "payment.succeeded",
        "reference": payment["paymentId"],
        "orderId": "••••••",
        "amount": 480,
        "currency": "AUD",
    }
    assert shown.body["otherFields"] == ["apiKey", "metadata", "nonce", "status", "timestamp"]
    for never in ("hunter2", "sk_live_1", CARD):
        assert never not in repr(shown.body)


@pytest.mark.parametrize(
    "raw", [b"this is not JSON", b"", b"[1]", b"null", b"\xff\xfe", b'{"eventType": "a\\u0000b\\u0007"}']
)
async def test_what_cannot_be_read_is_kept_and_shown(own_world: World, raw: bytes) -> None:
    answer = await notify(own_world, raw, sign(raw))

    [told] = (await own_world.call("GET", INBOX, "manager")).body["items"]
    shown = await own_world.call("GET", f"{INBOX}/{told['noticeId']}", "manager")
    replayed = await own_world.call("POST", f"{INBOX}/{told['noticeId']}/replay", "manager")
    assert answer.status == 200
    assert (told["state"], told["eventType"]) in {("kept", "unreadable"), ("kept", "ab")}
    assert shown.status == 200
    assert (replayed.status, replayed.body["code"]) == (422, "notice_not_replayable")


async def test_while_the_provider_is_away_a_notice_is_tried_again_and_says_why(own_world: World) -> None:
    world = own_world
    payment = await card_payment(world)
    await world.control("POST", "/faults", {"fault": "error_500", "times": 3, "on": ["query"]})

    raw = notice("payment.succeeded", payment["paymentId"])
    await notify(world, raw, sign(raw))

    async def was_tried() -> bool:
        [told] = await told_of(world, payment["paymentId"])
        return bool(told["attempts"])

    await assert_eventually(was_tried)
    [waiting] = await told_of(world, payment["paymentId"])
    await approve(world, payment)
    await world.let_time_pass(minutes=1)
    await world.let_time_pass(minutes=1)
    assert (waiting["state"], waiting["outcome"]) == ("received", "unanswered")
    assert "500" in waiting["error"]
    told = (await told_of(world, payment["paymentId"]))[-1]
    assert (told["state"], "error" in told, told["paymentStatus"]) == ("handled", False, "completed")
    assert told["attempts"] > 1


async def test_a_notice_that_fails_for_long_is_held_and_seen_and_works_when_replayed(own_world: World) -> None:
    world = own_world
    payment = await card_payment(world)
    await approve(world, payment)
    await world.until(payment["paymentId"], "completed")
    await until_told(world, payment["paymentId"], "handled")
    await world.control("POST", "/faults", {"fault": "error_500", "times": 1_000, "on": ["query"]})
    raw = notice("dispute.opened", payment["paymentId"])
    await notify(world, raw, sign(raw))

    for _ in range(PATIENCE.max_attempts):
        await world.let_time_pass(minutes=75)
    held = (await world.call("GET", f"{INBOX}?state=held", _token(world))).body["items"]
    await world.control("DELETE", "/faults")
    replayed = await world.call("POST", f"{INBOX}/{held[0]['noticeId']}/replay", _token(world))
    await world.let_time_pass(seconds=1)
    after = (await world.call("GET", f"{INBOX}/{held[0]['noticeId']}", _token(world))).body

    assert [(each["eventType"], each["attempts"]) for each in held] == [("dispute.opened", PATIENCE.max_attempts)]
    assert (held[0]["state"], held[0]["outcome"]) == ("held", "unanswered")
    assert "heldAt" in held[0]
    assert (replayed.status, replayed.body["state"]) == (202, "received")
    assert (after["state"], "heldAt" in after) == ("handled", False)
    assert (await world.call("GET", f"{INBOX}?state=held", _token(world))).body["items"] == []


def _token(world: World) -> str:
    """A manager's token of this moment: after so much time the first one is no longer good."""
    manager = world.home.people["manager"]
    return world.app.services.tokens.issue(cafe_id=world.home.id, person_id=manager.person_id, roles=manager.roles)


async def test_replaying_has_no_effect_twice(world: World) -> None:
    payment = await card_payment(world)
    await approve(world, payment)
    await world.until(payment["paymentId"], "completed")
    [told] = await until_told(world, payment["paymentId"], "handled")
    before = await world.payment(payment["paymentId"])

    answers = await asyncio.gather(
        *(world.call("POST", f"{INBOX}/{told['noticeId']}/replay", "manager", {}) for _ in range(10))
    )

    [again] = await until_told(world, payment["paymentId"], "handled")
    after = await world.payment(payment["paymentId"])
    assert {answer.status for answer in answers} == {202}
    assert (again["outcome"], again["statusBefore"], again["statusAfter"]) == ("unchanged", "completed", "completed")
    assert after["history"] == before["history"]


async def test_a_notice_whose_callback_was_lost_can_be_sent_again(world: World) -> None:
    payment = await card_payment(world)
    await world.control("POST", "/faults", {"fault": "drop_webhook"})
    await approve(world, payment)
    unheard = await told_of(world, payment["paymentId"])

    await world.control("POST", "/webhooks/redeliver", {"paymentId": payment["gatewayPaymentId"]})

    await world.until(payment["paymentId"], "completed")
    assert unheard == []
    await until_told(world, payment["paymentId"], "handled")


async def test_the_inbox_comes_in_pages_newest_first(own_world: World) -> None:
    world = own_world
    for number in range(5):
        raw = msgspec.json.encode({"eventType": f"payout.{number}"})
        await notify(world, raw, sign(raw))

    first = (await world.call("GET", f"{INBOX}?limit=2", "manager")).body
    second = (await world.call("GET", f"{INBOX}?limit=2&cursor={first['nextCursor']}", "manager")).body
    third = (await world.call("GET", f"{INBOX}?limit=2&cursor={second['nextCursor']}", "manager")).body

    types = [each["eventType"] for page in (first, second, third) for each in page["items"]]
    assert types == [f"payout.{number}" for number in (4, 3, 2, 1, 0)]
    assert "nextCursor" not in third
    assert len((await world.call("GET", f"{INBOX}?state=kept", "manager")).body["items"]) == 5
    assert (await world.call("GET", f"{INBOX}?state=handled", "manager")).body["items"] == []
    for query in ("state=lost", "limit=0", "limit=201", "cursor=nonsense", "since=today"):
        assert (await world.call("GET", f"{INBOX}?{query}", "manager")).body["code"] == "invalid_request"


async def test_a_cafes_inbox_is_seen_by_its_own_managers_alone(world: World) -> None:
    payment = await card_payment(world)
    raw = notice("payment.succeeded", payment["paymentId"])
    await notify(world, raw, sign(raw))
    [told] = await until_told(world, payment["paymentId"], "handled")
    one = f"{INBOX}/{told['noticeId']}"

    theirs = await told_of(world, payment["paymentId"], "other:manager")
    foreign = [
        await world.call("GET", one, "other:manager"),
        await world.call("POST", f"{one}/replay", "other:manager"),
    ]

    assert theirs == []
    assert [(each.status, each.body["code"]) for each in foreign] == [(404, "notice_not_found")] * 2
    for who in ("counter", "staff", "kitchen", "customer"):
        for verb, path in (("GET", INBOX), ("GET", one), ("POST", f"{one}/replay")):
            assert (await world.call(verb, path, who)).status == 403
    for path in (f"{INBOX}/{new_id()}", f"{INBOX}/nonsense"):
        assert (await world.call("GET", path, "manager")).body["code"] == "notice_not_found"
    assert (await world.call("GET", INBOX)).status == 401


async def test_another_providers_path_leads_nowhere(world: World) -> None:
    token = (await rows(world, f"SELECT token FROM provider_account WHERE cafe_id = '{world.home.id}'"))[0][0]  # noqa: S608 - our own id
    raw = notice("payment.succeeded", new_id())

    for provider in ("cash", "stripe", "Payconic"):
        answer = await world.call(
            "POST", f"/webhooks/{provider}/{token}", None, raw, **{"Payconic-Signature": sign(raw)}
        )
        assert (answer.status, answer.body["code"]) == (404, "webhook_account_not_found")


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (b'{"eventType": "payout.sent", "pan": 4111111111111111}', b'{"eventType":"payout.sent","pan":"\xe2\x80\xa2'),
        (b'{"eventType": "payout.sent", "metadata": {"card": ["4111-1111-1111-1111"]}}', b'{"eventType":"payout.sent"'),
        (b'{"eventType": "4111111111111111"}', b'{"eventType":"'),
        (b"card 4111 1111 1111 1111", b""),
    ],
)
async def test_a_card_number_in_a_notice_is_stored_nowhere(
    own_world: World, raw: bytes, kept: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    answer = await notify(own_world, raw, sign(raw), **{"Payconic-Event-Id": "evt-4111111111111111"})

    stored = await rows(own_world, "SELECT body, event_type, dedupe_id FROM webhook_inbox")
    again = await notify(own_world, raw, sign(raw), **{"Payconic-Event-Id": "evt-4111111111111111"})

    assert (answer.status, again.status) == (200, 200)
    assert len(stored) == 1 == len(await rows(own_world, "SELECT id FROM webhook_inbox"))
    assert stored[0][0].startswith(kept)
    assert "1111-1111" not in repr(stored) + caplog.text
    assert "1111 1111" not in repr(stored) + caplog.text
    assert "11111111" not in repr(stored) + caplog.text


async def test_what_a_notice_said_is_forgotten_after_ninety_days_and_what_became_of_it_is_not(own_world: World) -> None:
    world = own_world
    payment = await card_payment(world)
    await approve(world, payment)
    await until_told(world, payment["paymentId"], "handled")
    [(before,)] = await rows(world, "SELECT body FROM webhook_inbox")

    world.clock.ahead += timedelta(days=89)
    early = await world.app.services.webhooks.forget_old_bodies()
    world.clock.ahead += timedelta(days=2)
    late = [await world.app.services.webhooks.forget_old_bodies() for _ in range(2)]
    [notice_] = (await world.call("GET", INBOX, _token(world))).body["items"]
    shown = await world.call("GET", f"{INBOX}/{notice_['noticeId']}", _token(world))

    assert payment["paymentId"].encode() in before
    assert (early, late) == (0, [1, 0])
    assert await rows(world, "SELECT body FROM webhook_inbox") == [(b"",)]
    assert (notice_["outcome"], notice_["statusAfter"]) == ("changed", "completed")
    assert (shown.status, shown.body.get("fields")) == (200, None)
