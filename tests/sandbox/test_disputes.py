"""Disputes: the guest's bank takes money back for a while, or for good."""

import sqlite3
from pathlib import Path

from tabletap.sandbox import start_sandbox
from tests.sandbox.conftest import merchant_of
from tests.sandbox.merchant import ACCOUNT, Merchant


async def test_a_dispute_holds_money_until_it_is_won(merchant: Merchant) -> None:
    payment = await merchant.paid()
    path = f"/payments/{payment['id']}"

    opened = await merchant.control("POST", f"{path}/dispute", {"amount": 300, "reason": "not received"})
    held = await merchant.charges()
    too_much = await merchant.call("POST", f"{path}/refunds", {"amount": 181, "reference": "r"})
    closed = await merchant.control("POST", f"{path}/dispute/close", {"outcome": "won"})

    (dispute,) = opened["disputes"]
    assert (dispute["amount"], dispute["status"], dispute["reason"]) == (300, "open", "not received")
    assert "closedAt" not in dispute
    assert [(charge["amount"], charge["disputed"]) for charge in held] == [(480, 300)]
    assert (too_much.status, too_much.body["code"]) == (422, "sandbox_refund_exceeds_charge")
    assert [(each["status"], each["closedAt"] is not None) for each in closed["disputes"]] == [("won", True)]
    assert [charge["disputed"] for charge in await merchant.charges()] == [0]


async def test_a_lost_dispute_keeps_its_money(merchant: Merchant) -> None:
    payment = await merchant.paid()
    await merchant.control("POST", f"/payments/{payment['id']}/dispute", {})
    await merchant.control("POST", f"/payments/{payment['id']}/dispute/close", {"outcome": "lost"})

    found = await merchant.call("GET", "/payments?reference=payment-1")
    notices = await merchant.callbacks(3)

    assert [charge["disputed"] for charge in await merchant.charges()] == [480]
    assert [each["status"] for each in found.body["items"][0]["disputes"]] == ["lost"]
    told = {notice.body["eventType"]: notice.body for notice in notices}
    assert set(told) == {"payment.succeeded", "dispute.opened", "dispute.closed"}
    assert (told["dispute.closed"]["amount"], told["dispute.closed"]["status"]) == (480, "lost")
    assert told["dispute.opened"]["disputeId"] == told["dispute.closed"]["disputeId"]


async def test_only_what_was_charged_and_is_left_can_be_disputed(merchant: Merchant) -> None:
    waiting, paid = await merchant.start(reference="p-1"), await merchant.paid(reference="p-2")

    async def refused(payment: dict[str, object], path: str, body: dict[str, object]) -> tuple[int, str]:
        address = f"{merchant.url}/control/payments/{payment['id']}/{path}"
        async with merchant.session.post(address, json=body) as answer:
            return answer.status, (await answer.json())["code"]

    assert await refused(waiting, "dispute", {}) == (422, "sandbox_not_charged")
    assert await refused(paid, "dispute", {"amount": 481}) == (422, "sandbox_dispute_exceeds_charge")
    assert await refused(paid, "dispute/close", {"outcome": "won"}) == (409, "sandbox_no_open_dispute")
    assert (await refused(paid, "dispute/close", {"outcome": "draw"}))[0] == 400


async def test_a_state_file_of_an_earlier_version_is_brought_up_to_date(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    before = await start_sandbox(state, [ACCOUNT])
    async with merchant_of(before.url) as merchant:
        payment = await merchant.paid()
        await merchant.callbacks(1)
    await before.stop()
    with sqlite3.connect(state) as connection:
        connection.execute("ALTER TABLE payment DROP COLUMN disputed")
        connection.execute("ALTER TABLE notice DROP COLUMN given_up")
        connection.execute("DROP TABLE dispute")
    connection.close()

    after = await start_sandbox(state, [ACCOUNT])
    async with merchant_of(after.url) as merchant:
        disputed = await merchant.control("POST", f"/payments/{payment['id']}/dispute", {})
    await after.stop()

    assert [each["amount"] for each in disputed["disputes"]] == [480]
