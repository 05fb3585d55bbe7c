"""CSV files that are read without a mapping, lines of nothing, and what is said of balances that do not follow."""

import pytest

from tabletap.reconciliation.readers.csv_layouts import BARE, BARE_WITH_BALANCE
from tabletap.reconciliation.readers.csv_mapping import CsvMapping
from tabletap.reconciliation.readers.errors import StatementBalanceWrong, StatementMappingNeeded, StatementUnreadable
from tabletap.reconciliation.readers.reading import read

WESTPAC = """Bank Account,Date,Narrative,Debit Amount,Credit Amount,Balance,Categories,Serial
062000123456,21/11/2026,"RENT, NOVEMBER",50.00,,54.80,OTHER,
062000123456,20/11/2026,OSKO 0123456789B5,,4.80,104.80,DEP,
"""
COMMONWEALTH = """21/11/2026,"-50.00","RENT","+1,054.80"
20/11/2026,"+4.80","OSKO 0123456789B5","+1,104.80"
"""


def test_the_layout_of_westpac_is_known() -> None:
    (found,) = read(WESTPAC.encode(), currency="AUD")

    assert [line.amount_minor for line in found.lines] == [-5_000, 480]
    assert (found.account, found.opening_minor, found.closing_minor) == ("062000123456", 10_000, 5_480)
    assert found.lines[0].remittance == "RENT, NOVEMBER"


def test_the_bare_layouts_of_australian_banks_are_known() -> None:
    (found,) = read(COMMONWEALTH.encode(), currency="AUD", account="062000123456")

    assert [line.amount_minor for line in found.lines] == [-5_000, 480]
    assert (found.account, found.opening_minor, found.closing_minor) == ("062000123456", 110_000, 105_480)
    assert [line.amount_minor for line in read(b"20/11/2026,4.80,OSKO\n", currency="NZD")[0].lines] == [480]
    assert BARE.balance is None
    assert BARE_WITH_BALANCE.balance == "4"


@pytest.mark.parametrize("currency", ["USD", "EUR", None])
def test_where_months_may_come_first_nothing_is_guessed(currency: str | None) -> None:
    with pytest.raises(StatementMappingNeeded, match="how dates"):
        read(COMMONWEALTH.encode(), currency=currency)


def test_an_unknown_layout_is_answered_with_its_columns() -> None:
    with pytest.raises(StatementMappingNeeded, match="'Buchungstag', 'Umsatz', 'Zweck'"):
        read(b"Buchungstag;Umsatz;Zweck\n20.11.2026;4,80;Kaffee\n", currency="EUR")


def test_what_has_no_columns_is_no_statement() -> None:
    with pytest.raises(StatementUnreadable):
        read(b"Dear customer\nyour statement is ready\n", currency="EUR")


def test_a_balance_that_does_not_follow_is_named_with_both_figures() -> None:
    with pytest.raises(StatementBalanceWrong, match=r"Line 2.*54\.80.*54\.90"):
        read(WESTPAC.replace("54.80", "54.90").encode(), currency="AUD")


def test_a_line_of_nothing_is_left_out_and_its_balance_checked() -> None:
    mapping = CsvMapping(date="1", amount="2", balance="3", header=False)
    file = b"2026-11-20,1.00,1.00\n2026-11-20,0.00,1.00\n2026-11-20,2.00,3.00\n"

    (found,) = read(file, mapping=mapping, currency="EUR")

    assert [(line.line_number, line.amount_minor) for line in found.lines] == [(1, 100), (3, 200)]
    with pytest.raises(StatementBalanceWrong):
        read(file.replace(b"0.00,1.00", b"0.00,1.01"), mapping=mapping, currency="EUR")


def test_a_balance_on_the_last_line_of_each_day_is_enough() -> None:
    mapping = CsvMapping(date="1", amount="2", balance="3", header=False)

    (found,) = read(
        b"2026-11-19,1.00,\n2026-11-19,1.00,12.00\n2026-11-20,1.00,\n2026-11-20,2.00,15.00\n",
        mapping=mapping,
        currency="EUR",
    )

    assert (found.opening_minor, found.closing_minor) == (1_000, 1_500)


def test_what_came_and_went_is_read_from_the_older_end() -> None:
    mapping = CsvMapping(date="1", amount="2", balance="3", header=False)

    (found,) = read(b"2026-11-20,-1.00,0.00\n2026-11-19,1.00,1.00\n", mapping=mapping, currency="EUR")

    assert (found.opening_minor, found.closing_minor) == (0, 0)
