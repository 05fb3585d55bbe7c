"""The ledger as an accountant reads it, over HTTP."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from tabletap.cafes.business_day import business_day_of
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import new_id
from tabletap.ledger.service import balances, post
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def world(traded: World) -> World:
    return traded


async def got(world: World, path: str, who: str = "manager", status: int = 200) -> Any:
    answer = await world.call("GET", path, who)
    assert answer.status == status, answer
    return answer.body


async def collected(world: World, path: str) -> list[dict[str, Any]]:
    """Every page of a list."""
    items: list[dict[str, Any]] = []
    page = await got(world, path)
    while True:
        items += page["items"]
        if "nextCursor" not in page:
            return items
        page = await got(world, f"{path}{'&' if '?' in path else '?'}cursor={page['nextCursor']}")


async def test_accounts_have_the_balances_of_their_entries_and_sum_to_zero(world: World) -> None:
    accounts = await collected(world, "/ledger/accounts?limit=2")
    trial = await got(world, "/ledger/trial-balance")

    booked = await world.app.db.read(world.home.id, lambda reader: balances(reader, world.home.id))
    assert {each["account"]: each["balance"] for each in accounts} == booked
    assert [each["account"] for each in accounts] == sorted(booked)
    assert {each["currency"] for each in accounts} == {"AUD"}
    kinds = {each["account"].partition(":")[0]: each["kind"] for each in accounts}
    assert (kinds["sales"], kinds["cash_drawer"], kinds["customer_credit"]) == ("income", "asset", "liability")
    assert trial["total"] == trial["debitTotal"] + trial["creditTotal"] == 0
    assert len({each["account"] for each in trial["accounts"]}) == len(trial["accounts"])


async def test_a_statement_runs_from_its_opening_to_its_closing_balance(world: World) -> None:
    for account in await collected(world, "/ledger/accounts"):
        path = f"/ledger/accounts/{account['account']}/entries"
        whole = await got(world, f"{path}?limit=200")
        pages = await collected(world, f"{path}?limit=1")

        assert pages == whole["items"]
        assert whole["openingBalance"] == 0
        assert whole["closingBalance"] == account["balance"] == whole["items"][-1]["balance"]
        balance = 0
        for line in whole["items"]:
            balance += line["amount"]
            assert line["balance"] == balance


async def test_a_period_of_business_days_opens_where_the_one_before_closed(world: World) -> None:
    cafe = world.home.cafe
    today = business_day_of(cafe, world.clock.now()).date
    yesterday, tomorrow = today - timedelta(days=1), today + timedelta(days=1)
    moment = business_day_of(cafe, world.clock.now()).starts_at - timedelta(seconds=1)

    async def late_last_night(tx: Transaction) -> None:
        tx.now = moment
        post(tx, "test", "AUD", {"bank": 700, "suspense": -700})

    await world.app.db.transaction(cafe.cafe_id, late_last_night)
    before = await got(world, f"/ledger/accounts/bank/entries?to={yesterday}")
    during = await got(world, f"/ledger/accounts/bank/entries?from={today}&to={today}")
    after = await got(world, f"/ledger/accounts/bank/entries?from={tomorrow}")

    assert (before["openingBalance"], before["closingBalance"]) == (0, 700)
    assert (during["openingBalance"], during["items"], during["closingBalance"]) == (700, [], 700)
    assert (after["openingBalance"], after["closingBalance"]) == (700, 700)
    assert (during["from"], during["to"]) == (str(today), str(today))


async def test_a_statement_is_a_table_for_a_spreadsheet_as_well(world: World) -> None:
    path = f"{world.url}/api/v1/ledger/accounts/sales/entries"
    head = {"Authorization": f"Bearer {world.home.tokens['manager']}"}
    statement = await got(world, "/ledger/accounts/sales/entries?limit=200")

    async with world.session.get(f"{path}?format=csv", headers=head) as response:
        assert response.content_type == "text/csv"
        rows = list(csv.reader(io.StringIO(await response.text())))
    async with world.session.get(path, headers={**head, "Accept": "text/csv"}) as response:
        assert list(csv.reader(io.StringIO(await response.text()))) == rows

    first, *lines, last = rows[1:]
    assert (first[1], first[3], last[1]) == ("opening balance", "0.00", "closing balance")
    assert len(lines) == len(statement["items"])
    assert [line[5] for line in lines] == [line["journalId"] for line in statement["items"]]
    assert last[3] == lines[-1][3] == f"{statement['closingBalance'] / 100:.2f}"


async def test_journals_are_found_by_day_kind_order_and_payment(world: World) -> None:
    today = business_day_of(world.home.cafe, world.clock.now()).date
    everything = await collected(world, "/ledger/journals?limit=3")
    refund = next(each for each in everything if each["kind"] == "refund")

    assert len({each["id"] for each in everything}) == len(everything)
    assert [each["at"] for each in everything] == sorted((each["at"] for each in everything), reverse=True)
    assert all(sum(line["amount"] for line in each["entries"]) == 0 for each in everything)
    assert await collected(world, f"/ledger/journals?day={today}") == [e for e in everything if e["kind"] != "test"]
    assert await collected(world, f"/ledger/journals?day={today + timedelta(days=2)}") == []
    assert await collected(world, "/ledger/journals?kind=refund") == [refund]
    of_payment = [each for each in everything if each.get("paymentId") == refund["paymentId"]]
    assert len(of_payment) == 2
    assert await collected(world, f"/ledger/journals?paymentId={refund['paymentId']}") == of_payment
    assert await collected(world, f"/ledger/journals?orderId={refund['orderId']}") == of_payment
    both = f"orderId={refund['orderId']}&paymentId={refund['paymentId']}&kind=refund"
    assert await collected(world, f"/ledger/journals?{both}") == [refund]
    assert await got(world, f"/ledger/journals/{refund['id']}") == refund


async def test_what_is_not_there_is_404_and_what_is_malformed_400(world: World) -> None:
    journal = (await got(world, "/ledger/journals?limit=1"))["items"][0]

    for path, code in (
        ("/ledger/accounts/nobody/entries", "ledger_account_not_found"),
        (f"/ledger/accounts/customer_credit:{new_id()}/entries", "ledger_account_not_found"),
        (f"/ledger/journals/{new_id()}", "journal_not_found"),
        ("/ledger/journals/1", "journal_not_found"),
    ):
        assert (await got(world, path, status=404))["code"] == code
    assert (await got(world, f"/ledger/journals/{journal['id']}", "other:manager", 404))["code"] == "journal_not_found"
    for path in (
        "/ledger/accounts?cursor=x",
        "/ledger/accounts/sales/entries?cursor=eA",
        "/ledger/accounts/sales/entries?from=2026-02-30",
        "/ledger/accounts/sales/entries?from=2026-02-02&to=2026-02-01",
        "/ledger/accounts/sales/entries?to=9999-12-31",
        "/ledger/accounts/sales/entries?limit=0",
        "/ledger/journals?day=today",
        "/ledger/journals?orderId=1",
        "/ledger/journals?cursor=AAAA",
    ):
        assert (await got(world, path, status=400))["code"] == "invalid_request", path


@pytest.mark.parametrize("path", ["/ledger/accounts", "/ledger/trial-balance", "/ledger/journals", "/audit/heads"])
async def test_the_books_are_the_managers_alone(world: World, path: str) -> None:
    for who in ("counter", "staff", "kitchen", "customer"):
        await got(world, path, who, 403)
    assert (await world.call("GET", path)).status == 401


async def test_the_signed_heads_and_the_key_that_checks_them_are_shown(world: World) -> None:
    heads, key = await got(world, "/audit/heads"), await got(world, "/audit/key")

    assert [head["businessDay"] for head in heads["items"]] == ["2026-11-23"]
    assert heads["items"][0]["keyId"] == key["keyId"] == key["keys"][0]["keyId"]
    assert await got(world, "/audit/key", "other:manager") == {"keyId": None, "keys": []}
