"""Statements over HTTP: uploaded, refused, looked through, decided."""

import io
from typing import Any

import aiohttp
import pytest

from tabletap.http.routes.bank_statements import MAX_STATEMENT_BYTES
from tabletap.kernel.ids import new_id
from tests.reconciliation.bank import awaited, payment
from tests.support.world import Answer, World, money_row_counts

pytestmark = pytest.mark.asyncio(loop_scope="package")

MT940 = """:20:STATEMENT
:25:06200012345678
:28C:1/1
:60F:C261119AUD100,00
{lines}:62F:C261120AUD{closing}
"""


def statement(*lines: tuple[int, str]) -> bytes:
    """An MT940 of incoming transfers."""
    booked = "".join(
        f":61:2611201120C{amount // 100},{amount % 100:02}NTRFNONREF//{new_id()[-12:]}\n:86:{text}\n"
        for amount, text in lines
    )
    closing = 10_000 + sum(amount for amount, _ in lines)
    return MT940.format(lines=booked, closing=f"{closing // 100},{closing % 100:02}").encode()


async def upload(world: World, file: bytes, who: str = "manager", query: str = "") -> Answer:
    """Send a file as it is."""
    return await world.call(
        "POST", f"/bank-statements{query}", who, file, **{"Content-Type": "application/octet-stream"}
    )


async def test_a_statement_is_uploaded_looked_through_and_decided(world: World) -> None:
    wanted, over = await awaited(world), await awaited(world)
    file = statement((480, wanted["reference"]), (530, over["reference"]), (123_456, "nobody knows"))

    dry = await upload(world, file, query="?dryRun=true")
    first = await upload(world, file)
    again = await upload(world, file)

    assert (dry.status, dry.body["dryRun"], dry.body["tally"]) == (200, True, first.body["tally"])
    assert first.body["tally"]["matched"] == {"lines": 1, "amount": 480}
    assert first.body["tally"]["overpaid"] == {"lines": 1, "amount": 530}
    assert (first.body["alreadyImported"], first.body["newLines"]) == (False, 3)
    assert (again.status, again.body["alreadyImported"], again.body["newLines"]) == (200, True, 0)
    taken = first.body["statements"][0]
    assert (taken["format"], taken["openingBalance"], taken["closingBalance"]) == ("mt940", 10_000, 134_466)
    listed = (await world.call("GET", "/bank-statements?limit=1", "manager")).body["items"][0]
    assert (listed["bankStatementId"], listed["status"]) == (taken["bankStatementId"], "done")
    path = f"/bank-lines?status=overpaid&bankStatementId={taken['bankStatementId']}"
    line = (await world.call("GET", path, "manager")).body["items"][0]
    decided = await world.call(
        "POST", f"/bank-lines/{line['bankLineId']}/credit", "manager", {"reason": "too much"}, key=new_id()
    )
    assert (decided.status, decided.body["status"]) == (200, "matched")
    shown = await world.call("GET", f"/bank-lines/{line['bankLineId']}", "manager")
    assert [match["targetId"] for match in shown.body["matches"]] == [over["paymentId"]]


async def test_a_file_may_come_in_a_form(world: World) -> None:
    wanted = await awaited(world)
    form = aiohttp.FormData()
    form.add_field("file", statement((480, wanted["reference"])), filename="day.sta")
    headers = {"Authorization": f"Bearer {world.home.tokens['manager']}"}

    async with world.session.post(f"{world.url}/api/v1/bank-statements", data=form, headers=headers) as response:
        body = await response.json()

    assert (response.status, body["tally"]["matched"]["lines"]) == (200, 1)


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda file: file.replace(b":62F:C261120AUD1", b":62F:C261120AUD2"), "statement_balance_wrong"),
        (lambda file: file[: len(file) // 2], "statement_unreadable"),
        (
            lambda file: b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><Document>&b;</Document>",
            "statement_unreadable",
        ),
        (lambda file: b"hello", "statement_unreadable"),
        (lambda file: b"", "statement_unreadable"),
    ],
    ids=["balance", "cut", "bomb", "text", "nothing"],
)
async def test_a_damaged_file_is_refused_whole(world: World, damage: Any, code: str) -> None:
    wanted = await awaited(world)
    file = damage(statement((480, wanted["reference"]), (520, "more")))
    before = await money_row_counts(world)

    refused = await upload(world, file)

    assert (refused.status, refused.body["code"]) == (422, code)
    assert await money_row_counts(world) == before
    assert (await payment(world, wanted["paymentId"])).state == "pending"


async def test_a_file_may_have_ten_mebibytes_and_no_more(world: World) -> None:
    headers = {"Authorization": f"Bearer {world.home.tokens['manager']}"}
    codes = []
    for size in (MAX_STATEMENT_BYTES, MAX_STATEMENT_BYTES + 1):
        body = io.BytesIO(b"x" * size)
        async with world.session.post(f"{world.url}/api/v1/bank-statements", data=body, headers=headers) as response:
            codes.append((response.status, (await response.json(content_type=None))["code"]))

    assert codes == [(422, "statement_unreadable"), (413, "request_too_large")]


@pytest.mark.parametrize("who", ["counter", "staff", "kitchen", "customer"])
async def test_only_managers_see_the_bank(world: World, who: str) -> None:
    for verb, path in (
        ("POST", "/bank-statements"),
        ("GET", "/bank-statements"),
        ("GET", "/bank-lines"),
        ("GET", f"/bank-lines/{new_id()}"),
        ("GET", "/payouts"),
    ):
        answer = await world.call(verb, path, who, b"x" if verb == "POST" else None)
        assert (answer.status, answer.body["code"]) == (403, "not_allowed"), path


async def test_what_is_not_there_is_not_found(world: World) -> None:
    for path, code in (
        (f"/bank-lines/{new_id()}", "bank_line_not_found"),
        (f"/payouts/{new_id()}", "payout_not_found"),
    ):
        answer = await world.call("GET", path, "manager")
        assert (answer.status, answer.body["code"]) == (404, code)
    unknown = await world.call("GET", "/bank-lines?status=lost", "manager")
    assert (unknown.status, unknown.body["code"]) == (400, "invalid_request")


async def test_a_payout_is_reported_over_http(world: World) -> None:
    paid = (await world.pay(await world.order(), "payconic_card")).body
    await world.control("POST", f"/payments/{paid['paymentId']}/approve")
    await world.until(paid["paymentId"], "completed")
    lines = [{"kind": "payment", "reference": paid["paymentId"], "amount": 480, "feeAmount": 9}]
    body = {"payoutId": new_id(), "paidOn": "2026-11-20", "currency": "AUD", "netAmount": 471, "lines": lines}

    taken = await world.call("POST", "/payouts", "manager", body)
    wrong = await world.call("POST", "/payouts", "manager", {**body, "payoutId": new_id(), "netAmount": 472})

    assert (taken.status, taken.body["feeAmount"], taken.body["differences"]) == (200, 9, [])
    assert (wrong.status, wrong.body["code"]) == (422, "payout_refused")
    shown = await world.call("GET", f"/payouts/{taken.body['payoutId']}", "manager")
    assert shown.body["lines"][0]["paymentId"] == paid["paymentId"]
