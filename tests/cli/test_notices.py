"""`tabletap webhooks`: what providers told a cafe, worked off and sent again from the command line."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tabletap.cli.notices import moment_of
from tabletap.kernel.ids import new_id
from tests.cli.commands import Demo, Done, demo
from tests.cli.conftest import Command


@pytest.fixture
def webhooks(command: Command, tmp_path: Path) -> Callable[..., Awaitable[Done]]:
    """Run the command beside a demo that uses the folder: on a thread, for it has an event loop of its own."""

    async def run(*arguments: str) -> Done:
        return await asyncio.to_thread(command, "webhooks", *arguments, TABLETAP_DATA_DIR=str(tmp_path / "data"))

    return run


async def paid_by_card(cafe: Demo) -> str:
    payment = await cafe.pay_by_card(new_id())
    await cafe.control("POST", f"/payments/{payment['gatewayPaymentId']}/approve")
    return str((await cafe.until_completed(payment["paymentId"]))["paymentId"])


async def test_notices_are_listed_worked_off_again_and_sent_again(
    tmp_path: Path, webhooks: Callable[..., Awaitable[Done]]
) -> None:
    async with demo(tmp_path) as cafe:
        cafe_id = str(cafe.ready["cafeId"])
        empty = await webhooks("list", "--cafe", cafe_id)
        payment_id = await paid_by_card(cafe)

        listed = await webhooks("list", "--cafe", cafe_id)
        _, inbox = await cafe.call("GET", "/webhooks/inbox", "manager")
        [notice] = inbox["items"]
        replayed = await webhooks("replay", notice["noticeId"], "--cafe", cafe_id)
        since = await webhooks("replay", "--since", "1h", "--cafe", cafe_id)
        sent = await webhooks("redeliver", payment_id, "--cafe", cafe_id)
        held = await webhooks("list", "--cafe", cafe_id, "--state", "held")
        other = str(cafe.ready["otherCafe"]["cafeId"])
        foreign = [
            await webhooks("replay", notice["noticeId"], "--cafe", other),
            await webhooks("redeliver", payment_id, "--cafe", other),
        ]

    assert (empty.code, empty.out.strip()) == (0, "Nothing came in.")
    assert (listed.code, listed.err) == (0, "")
    assert notice["noticeId"] in listed.out
    assert f"payment {payment_id}: " in listed.out
    for done in (replayed, since):
        assert (done.code, done.err) == (0, "")
        assert "Notices to be worked off again: 1." in done.out
        assert f"{notice['noticeId']} payment.succeeded: handled, payment {payment_id}: completed" in done.out
    assert (sent.code, sent.out.splitlines()) == (
        0, ["payment.succeeded: sent again, answered with 200", "Notices sent again: 1."],
    )  # fmt: skip
    assert held.out.strip() == "There is no notice that is held."
    assert [each.code for each in foreign] == [1, 1]
    assert foreign[0].sentence == "There is no notice with that id in this cafe's inbox."
    assert foreign[1].sentence == "There is no payment with that id in this cafe."


async def test_what_nobody_works_off_now_waits_for_the_next_server(
    tmp_path: Path, webhooks: Callable[..., Awaitable[Done]]
) -> None:
    async with demo(tmp_path) as cafe:
        cafe_id, payment_id = str(cafe.ready["cafeId"]), await paid_by_card(cafe)
        await cafe.stop()

    replayed = await webhooks("replay", "--since", "1h", "--cafe", cafe_id, "--wait", "0")
    asked = await webhooks("redeliver", payment_id, "--cafe", cafe_id)

    assert (replayed.code, asked.code) == (0, 0)
    assert "1 of them wait for `tabletap serve` or `tabletap work`" in replayed.out
    assert asked.out.strip() == "The provider will be asked about this payment by `tabletap serve` or `tabletap work`."


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["replay", "--cafe", "x"], "name one notice"),
        (["replay", "some-notice", "--since", "1h", "--cafe", "x"], "name one notice"),
        (["replay", "--since", "yesterday", "--cafe", "x"], "neither like 24h nor a time"),
        (["list", "--cafe", "x", "--state", "lost"], "Invalid value for '--state'"),
        (["list"], "Missing option '--cafe'"),
        (["redeliver", "--cafe", "x"], "Missing argument 'PAYMENT'"),
    ],
)
def test_wrong_usage_is_exit_code_two(command: Command, arguments: list[str], words: str) -> None:
    done = command("webhooks", *arguments)

    assert done.code == 2
    assert words in " ".join(done.err.replace("│", " ").split())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["list", "--cafe", "x"], "There is no cafe with that id."),
        (["replay", "x", "--cafe", new_id()], "There is no cafe with that id."),
        (["redeliver", "x", "--cafe", new_id()], "There is no payment with that id in this cafe."),
        (["redeliver", new_id(), "--cafe", new_id()], "There is no cafe with that id."),
    ],
)
def test_what_is_not_there_is_said_in_one_sentence(command: Command, arguments: list[str], sentence: str) -> None:
    command("migrate")

    done = command("webhooks", *arguments)

    assert (done.code, done.sentence) == (1, sentence)


def test_since_is_a_duration_or_a_time() -> None:
    now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    assert moment_of("90m", now) == now - timedelta(minutes=90)
    assert moment_of("24h", now) == now - timedelta(days=1)
    assert moment_of("7d", now) == now - timedelta(days=7)
    assert moment_of("2026-11-22T09:00:00Z", now) == now - timedelta(days=1)
    assert moment_of("2026-11-22T20:00:00+11:00", now) == now - timedelta(days=1)
    assert moment_of("2026-11-22", now) == datetime(2026, 11, 22, tzinfo=UTC)


def test_check_shows_keys_masked_and_says_when_they_open_nothing(command: Command) -> None:
    key, secret = "3f9a5c7e1b2d4860af37c9e51d82b604", "9c7e3a1f3f9a5c7e1b2d4860af37c9e51d82b604"
    provider = {
        "TABLETAP_PAYCONIC_API_URL": "https://api.payconic.invalid",
        "TABLETAP_PAYCONIC_MERCHANT_ID": "m",
        "TABLETAP_PAYCONIC_API_KEY": "sk_live_0123456789",
        "TABLETAP_PAYCONIC_WEBHOOK_SECRET": "whsec_0123456789",
    }
    command("migrate")
    without = command("cafe", "create", "--name", "Blue Door", **provider)
    created = command("cafe", "create", "--name", "Blue Door", TABLETAP_JWT_SECRET=secret, **provider)

    sound = command("check", TABLETAP_JWT_SECRET=secret, TABLETAP_ENCRYPTION_KEYS=f"{key},{key[::-1]}")
    lost = command("check", TABLETAP_JWT_SECRET=secret[::-1])
    weak = command("check", TABLETAP_ENCRYPTION_KEYS="too short")

    assert (without.code, created.code) == (1, 0), created
    assert without.sentence.startswith("TABLETAP_JWT_SECRET is missing")
    assert "•••••• (2 keys)" in sound.out
    assert "all open, accounts: 1" in sound.out
    assert lost.code == 1
    assert "1 of 1 provider accounts have secrets that were sealed with another key" in lost.sentence
    assert weak.sentence.startswith("TABLETAP_ENCRYPTION_KEYS must be a list of what `openssl rand -hex 32` prints")
    for shown in (sound, lost, weak, created):
        for never in (key, secret, "too short", "sk_live_0123456789", "whsec_0123456789"):
            assert never not in shown.out + shown.err
