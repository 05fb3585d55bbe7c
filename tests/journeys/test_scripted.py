"""One whole service from outside, as `tabletap demo --scripted` drives it, on both engines."""

import re
from pathlib import Path

import pytest

from tabletap.kernel.ids import new_id
from tests.cli.commands import tabletap
from tests.support.services import create_database, drop_database

STEPS = (
    "scans the code of table 1",
    "by payconic_card: pending",
    "by payconic_bank_transfer: pending",
    "by payconic_digital_wallet: pending",
    "by customer_credit: completed",
    "by cash: pending",
    "by qr_bank_transfer: pending",
    "with a tip of",
    "equally:",
    "kitchen moves order",
    "to ready",
    "to collected",
    "back",
)
EVENTS = (
    "order_created order_status_changed new_paid_order order_in_preparation order_ready payment_initiated "
    "payment_state_sync payment_refunded credit_added credit_deducted split_changed"
).split()


@pytest.mark.slow
async def test_a_whole_service_happens(engine_name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    # given
    settings: dict[str, str] = {}
    maintenance_url, name = "", f"scripted_{new_id().replace('-', '')}"
    if engine_name == "postgres":
        maintenance_url = request.getfixturevalue("postgres_url")
        settings["TABLETAP_DATABASE_URL"] = await create_database(maintenance_url, name)

    # when
    done = await tabletap(tmp_path, "demo", "--scripted", "--port", "0", **settings)

    # then
    assert done.code == 0, done.err + done.out[-3000:]
    assert done.err == ""
    assert [step for step in STEPS if step not in done.out] == []
    heard = re.findall(r"heard (\w+) in (\S+) seq (\d+)", done.out)
    assert {event for event, _, _ in heard} == set(EVENTS)
    for stream in {stream for _, stream, _ in heard}:
        seqs = [int(seq) for _, of, seq in heard if of == stream]
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs))), stream
    assert re.search(r"unbroken: seals: [1-9]\d+, ", done.out)
    assert done.out.splitlines()[-1].startswith("The whole service happened")
    if maintenance_url:
        await drop_database(maintenance_url, name)
