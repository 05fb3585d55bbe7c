"""CSV files: the cafe says once which column is what, then every cell is read exactly or the file is refused whole."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tabletap.kernel.money import parse_major
from tabletap.reconciliation.readers.csv_mapping import CsvMapping
from tabletap.reconciliation.readers.errors import StatementBalanceWrong, StatementMappingNeeded, StatementUnreadable
from tabletap.reconciliation.readers.reading import read
from tests.reconciliation.bank import awaited
from tests.support.world import World

AUSTRALIAN = {
    "date": "Date",
    "amount": "Amount",
    "description": ["Description"],
    "balance": "Balance",
    "dateFormat": "DD/MM/YYYY",
}
EUROPEAN = CsvMapping(
    date="Datum", credit="Bij", debit="Af", description=("Naam", "Mededeling"), counterparty_name="Naam",
    counterparty_account="Rekening", currency="Munt", date_format="DD.MM.YYYY", decimal=",", delimiter=";",
    skip_lines=1,
)  # fmt: skip


def rows(*lines: tuple[str, str, str]) -> bytes:
    """An Australian export, the oldest line first; the account begins with 100.00."""
    balance, written = 10_000, []
    for day, amount, text in lines:
        balance += parse_major(amount, "AUD")
        written.append(f'{day},"{amount}","{text}","{balance // 100}.{balance % 100:02}"')
    return "\n".join(["Date,Amount,Description,Balance", *written, ""]).encode()


@pytest_asyncio.fixture(loop_scope="package")
async def mapped_world(own_world: World) -> AsyncIterator[World]:
    """A world whose cafe has said how its bank writes files."""
    said = await own_world.call("PUT", "/bank-statements/mapping", "manager", AUSTRALIAN)
    assert said.status == 200, said
    yield own_world


async def upload(world: World, file: bytes) -> Any:
    """What the manager hears about a file."""
    return await world.call("POST", "/bank-statements", "manager", file)


@pytest.mark.asyncio(loop_scope="package")
async def test_a_file_is_read_once_the_cafe_has_said_how(mapped_world: World) -> None:
    wanted = await awaited(mapped_world)
    file = rows(("20/11/2026", "4.80", f"Osko {wanted['reference']}"), ("20/11/2026", "-50.00", "Rent"))

    taken = await upload(mapped_world, file)

    assert taken.status == 200, taken
    assert taken.body["tally"]["matched"] == {"lines": 1, "amount": 480}
    assert taken.body["tally"]["suspense"] == {"lines": 1, "amount": -5_000}
    assert taken.body["statements"][0]["openingBalance"] == 10_000
    assert (await mapped_world.call("GET", "/bank-statements/mapping", "manager")).body["mapping"]["amount"] == "Amount"


@pytest.mark.asyncio(loop_scope="package")
async def test_a_file_that_nobody_explained_says_what_is_missing(world: World) -> None:
    answer = await upload(world, rows(("20/11/2026", "4.80", "coffee")))

    assert (answer.status, answer.body["code"]) == (422, "statement_mapping_needed")
    assert (await world.call("GET", "/bank-statements/mapping", "manager")).body == {}
    wrong = await world.call("PUT", "/bank-statements/mapping", "manager", {"date": "Date", "colour": "red"})
    assert (wrong.status, wrong.body["code"]) == (400, "invalid_request")
    assert (await world.call("PUT", "/bank-statements/mapping", "counter", AUSTRALIAN)).status == 403


def test_european_files_have_two_columns_and_commas() -> None:
    file = (
        "Export van 20.11.2026\nDatum;Naam;Rekening;Bij;Af;Munt;Mededeling\n"
        "20.11.2026;J. Peeters;BE68 5390 0754 7034;1.234,50;;EUR;koffie\n"
        "21.11.2026;Huur;;;99,9;EUR;november\n"
    ).encode("cp1252")

    (found,) = read(file, mapping=EUROPEAN, account="BE1")

    assert [line.amount_minor for line in found.lines] == [123_450, -9_990]
    assert (found.currency, found.account, found.lines[0].counterparty_name) == ("EUR", "BE1", "J. Peeters")
    assert found.lines[0].remittance == "J. Peeters koffie"


@pytest.mark.parametrize("turned", [False, True])
def test_balances_are_checked_whichever_end_is_the_newer(turned: bool) -> None:
    mapping = CsvMapping(date="1", amount="2", description=("3",), balance="4", date_format="DD/MM/YYYY", header=False)
    lines = rows(("19/11/2026", "1.00", "a"), ("20/11/2026", "2.50", "b"), ("20/11/2026", "-3.00", "c")).splitlines()[
        1:
    ]
    file = b"\n".join(lines[::-1] if turned else lines)

    (found,) = read(file, mapping=mapping, currency="AUD")

    assert (found.opening_minor, found.closing_minor) == (10_000, 10_050)
    with pytest.raises(StatementBalanceWrong):
        read(file.replace(b'"2.50"', b'"2.51"'), mapping=mapping, currency="AUD")


@pytest.mark.parametrize(
    ("cell", "minor"),
    [("1,234.50", 123_450), ("-5", -500), ("5-", -500), ("(5.1)", -510), ("+0.01", 1), (".5", 50), ("1 000", 100_000)],
)
def test_amounts_are_read_as_people_write_them(cell: str, minor: int) -> None:
    mapping = CsvMapping(date="1", amount="2", header=False)

    assert read(f'2026-11-20,"{cell}"\n'.encode(), mapping=mapping, currency="AUD")[0].lines[0].amount_minor == minor


@pytest.mark.parametrize("cell", ["", "1.234,50", "1,23.00", "5.001", "five", "1e3", "--5x", "0x10"])
def test_what_is_not_an_amount_is_refused(cell: str) -> None:
    mapping = CsvMapping(date="1", amount="2", header=False)

    with pytest.raises(StatementUnreadable):
        read(f'2026-11-20,"{cell}"\n'.encode(), mapping=mapping, currency="AUD")


@pytest.mark.parametrize(
    ("file", "refusal"),
    [
        (b"Date,Amount\n31/02/2026,1.00\n", StatementUnreadable),
        (b"Date,Amount\n2026-11-20,1.00\n", StatementUnreadable),
        (b"Date,Amount\n20/11/2026\n", StatementUnreadable),
        (b"Date,Amount\n", StatementUnreadable),
        (b'Date,Amount\n20/11/2026,"1.00\n', StatementUnreadable),
        (b"Day,Amount\n20/11/2026,1.00\n", StatementMappingNeeded),
    ],
    ids=["no-day", "other-format", "too-few", "empty", "cut", "no-column"],
)
def test_a_file_that_is_not_as_was_said_is_refused(file: bytes, refusal: type[Exception]) -> None:
    mapping = CsvMapping(date="Date", amount="Amount", date_format="DD/MM/YYYY")

    with pytest.raises(refusal):
        read(file, mapping=mapping, currency="AUD")
