"""Changing the webhook secret without losing a notice, and counting those that were not signed."""

import hmac

import pytest

from tests.support.books import rows
from tests.support.world import WEBHOOK_SECRET, World
from tests.webhooks.provider import account_of, notice, notify, sign

pytestmark = pytest.mark.asyncio(loop_scope="package")

ACCOUNT = "/provider-accounts/payconic"
OURS = "the-secret-that-the-provider-made"


async def rotate(world: World, **body: object) -> dict[str, str]:
    account = await account_of(world, world.home.id)
    answer = await world.call("POST", f"/provider-accounts/{account.id}/webhook-secret", "manager", body)
    assert answer.status == 200, answer
    shown: dict[str, str] = answer.body
    return shown


async def answers_to(world: World, *secrets: str) -> list[int]:
    """How notices are answered that are signed with these secrets."""
    raws = [notice("payout.sent", None) for _ in secrets]
    return [(await notify(world, raw, sign(raw, secret))).status for raw, secret in zip(raws, secrets, strict=True)]


async def test_after_a_rotation_both_secrets_are_valid_and_later_only_the_new_one(own_world: World) -> None:
    world = own_world

    new = (await rotate(world))["webhookSecret"]
    both = await answers_to(world, WEBHOOK_SECRET, new, "another secret")
    shown = (await world.call("GET", ACCOUNT, "manager")).body
    await world.let_time_pass(hours=23, minutes=59)
    still = await answers_to(world, WEBHOOK_SECRET, new)
    await world.let_time_pass(minutes=2)
    world.home.tokens["manager"] = world.app.services.tokens.issue(
        cafe_id=world.home.id, person_id=world.home.people["manager"].person_id,
        roles=world.home.people["manager"].roles,
    )  # fmt: skip

    assert (both, still) == ([200, 200, 401], [200, 200])
    assert await answers_to(world, WEBHOOK_SECRET, new) == [401, 200]
    assert shown["previousSecretValidUntil"] > shown["webhookSecret"]["setAt"]
    assert "previousSecretValidUntil" not in (await world.call("GET", ACCOUNT, "manager")).body


async def test_two_secrets_are_valid_at_most(own_world: World) -> None:
    first = (await rotate(own_world))["webhookSecret"]
    second = (await rotate(own_world, previousValidHours=1))["webhookSecret"]

    assert await answers_to(own_world, WEBHOOK_SECRET, first, second) == [401, 200, 200]


async def test_a_secret_that_leaked_ends_at_once(own_world: World) -> None:
    shown = await rotate(own_world, webhookSecret=OURS, previousValidHours=0)

    assert (shown["webhookSecret"], "previousSecretValidUntil" in shown) == (OURS, False)
    assert await answers_to(own_world, WEBHOOK_SECRET, OURS) == [401, 200]


async def test_the_same_secret_given_again_rotates_nothing_out(own_world: World) -> None:
    world = own_world
    account = await account_of(world, world.home.id)

    answer = await world.call("PUT", ACCOUNT, "manager", {"webhookSecret": WEBHOOK_SECRET, "apiKey": account.api_key})

    assert answer.status == 200
    assert await account_of(world, world.home.id) == account
    assert "previousSecretValidUntil" not in answer.body


@pytest.mark.parametrize("hours", [-1, 169, 1.5])
async def test_how_long_the_previous_secret_lives_has_bounds(world: World, hours: float) -> None:
    account = await account_of(world, world.home.id)

    answer = await world.call(
        "POST", f"/provider-accounts/{account.id}/webhook-secret", "manager", {"previousValidHours": hours}
    )

    assert (answer.status, answer.body["code"]) == (400, "invalid_request")


async def test_refused_notices_are_counted_for_the_account_and_nothing_of_them_is_kept(own_world: World) -> None:
    world = own_world
    raw = notice("payment.succeeded", None, note="never to be stored")

    answers = [(await notify(world, raw, each)).status for each in (None, "", "nonsense", sign(raw, "wrong secret"))]
    await world.let_time_pass(seconds=2)
    answers.append((await notify(world, raw, sign(raw + b" "))).status)

    shown = (await world.call("GET", ACCOUNT, "manager")).body
    others = (await world.call("GET", ACCOUNT, "other:manager")).body
    assert answers == [401] * 5
    assert (shown["refusedNotices"], others["refusedNotices"]) == (5, 0)
    assert "lastRefusedAt" in shown
    assert await rows(world, "SELECT refused_count FROM provider_account WHERE refused_count > 0") == [(5,)]
    assert await rows(world, "SELECT id FROM webhook_inbox") == []


@pytest.mark.parametrize(
    "signature", ["a", "0" * 63, "0" * 65, "0" * 8_000, "g" * 64, "\u00e4" * 64, " ", "sha256=" + "0" * 64, "[]", "%00"]
)
async def test_an_odd_signature_is_401_and_never_an_error_of_ours(world: World, signature: str) -> None:
    answer = await notify(world, notice("payment.succeeded", None), signature)

    assert (answer.status, answer.body["code"]) == (401, "webhook_signature_invalid")


async def test_every_valid_secret_is_compared_in_constant_time(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rotate(own_world, webhookSecret=OURS)
    compared: list[tuple[bytes, bytes]] = []
    raw = notice("payout.sent", None)
    in_constant_time = hmac.compare_digest

    def watched(given: bytes, expected: bytes) -> bool:
        compared.append((given, expected))
        return in_constant_time(given, expected)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    for secret in (OURS, WEBHOOK_SECRET, "wrong secret"):
        compared.clear()
        await notify(own_world, raw, sign(raw, secret))
        assert [expected for _, expected in compared] == [sign(raw, each).encode() for each in (OURS, WEBHOOK_SECRET)]
