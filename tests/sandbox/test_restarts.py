"""What was charged stays charged, whatever happens to the process."""

import asyncio
import signal
from pathlib import Path

import pytest

from tabletap.sandbox import Timing, start_sandbox
from tabletap.sandbox.errors import AddressInUse, StateInUse, StateUnreadable
from tests.sandbox.alone import sandbox_alone
from tests.sandbox.conftest import QUICK, merchant_of
from tests.sandbox.merchant import ACCOUNT
from tests.support.jobs import assert_eventually


async def test_a_killed_sandbox_keeps_its_charges_and_its_pending_callbacks(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    async with sandbox_alone(state) as (url, process), merchant_of(url) as merchant:
        # given a charge whose answer is lost, a refund, and a merchant that takes no callback
        merchant.statuses = [503] * 10_000
        await merchant.control("POST", "/mode", {"autoApprove": True})
        lost = await merchant.start(key="k-1")
        await merchant.call("POST", f"/payments/{lost['id']}/refunds", {"amount": 80, "reference": "refund-1"})
        burst = [asyncio.create_task(merchant.start(reference=f"burst-{number}")) for number in range(30)]
        answered = {payment["reference"] for payment in await asyncio.gather(*burst)}

        # when
        process.send_signal(signal.SIGKILL)
        await process.wait()
        merchant.statuses, merchant.heard = [], []

        # then
        async with sandbox_alone(state) as (url_after, _):
            merchant.url = url_after
            notices = await merchant.callbacks(32)
            charges = {charge["reference"]: charge for charge in await merchant.charges()}
            assert answered | {"payment-1"} == set(charges)
            assert charges["payment-1"]["refunded"] == 80
            assert {notice.body["reference"] for notice in notices} == set(charges)
            assert all(notice.is_genuine for notice in notices)
            assert (await merchant.start(key="k-1"))["id"] == lost["id"]
            assert await merchant.control("GET", "/mode") == {"autoApprove": True, "webhooks": True}


async def test_a_sandbox_killed_while_an_answer_is_lost_has_charged_once(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    async with sandbox_alone(state) as (url, process), merchant_of(url) as merchant:
        # given
        await merchant.fault("timeout_after")
        start = asyncio.create_task(merchant.call("POST", "/payments", merchant.order(), key="k"))
        await merchant.callbacks(1)

        # when
        process.send_signal(signal.SIGKILL)
        await asyncio.gather(start, return_exceptions=True)

        # then
        async with sandbox_alone(state) as (url_after, _):
            merchant.url = url_after
            again = await merchant.start(key="k")
            assert again["status"] == "succeeded"
            assert [charge["id"] for charge in await merchant.charges()] == [again["id"]]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    async with sandbox_alone(tmp_path / "state.db") as (url, process):
        async with merchant_of(url) as merchant:
            await merchant.start()

        process.send_signal(number)

        assert await process.wait() == 0


async def test_late_money_arrives_after_a_restart_too(tmp_path: Path) -> None:
    # given
    state = tmp_path / "state.db"
    before = await start_sandbox(state, [ACCOUNT], timing=Timing(late_success_ms=150))
    async with merchant_of(before.url) as merchant:
        await merchant.fault("late_success")
        await merchant.paid()
        assert await merchant.charges() == []
        await before.stop()

        # when
        after = await start_sandbox(state, timing=QUICK)
        merchant.url = after.url
        await merchant.callbacks(2)

        # then: the restarted sandbox may have said the first thing twice, so the money may still be on its way
        async def charged() -> bool:
            return len(await merchant.charges()) == 1

        await assert_eventually(charged)
        await after.stop()


async def test_two_sandboxes_never_share_a_state_or_a_port(tmp_path: Path) -> None:
    # given
    first = await start_sandbox(tmp_path / "state.db", [ACCOUNT])
    port = int(first.url.rsplit(":", 1)[1])

    # when, then
    with pytest.raises(StateInUse):
        await start_sandbox(tmp_path / "state.db", [ACCOUNT])
    with pytest.raises(AddressInUse):
        await start_sandbox(tmp_path / "other.db", [ACCOUNT], port=port)
    await first.stop()


async def test_a_file_that_is_no_state_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear guest, " * 100)

    with pytest.raises(StateUnreadable):
        await start_sandbox(letter)
    with pytest.raises(StateUnreadable):
        await start_sandbox(tmp_path)

    assert letter.read_text() == "Dear guest, " * 100
