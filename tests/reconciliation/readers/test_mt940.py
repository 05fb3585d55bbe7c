"""MT940 as banks of different countries write it: details of three kinds, marks of reversal, pages, envelopes."""

from datetime import date

import mt940
import pytest

from tabletap.kernel.errors import Refusal
from tabletap.reconciliation.model import Statement, StatementLine
from tabletap.reconciliation.readers.errors import StatementBalanceWrong
from tabletap.reconciliation.readers.reading import read


def only(content: str) -> Statement:
    (statement,) = read(content.encode())
    return statement


def message(
    bookings: str, closing: str = "C261120EUR104,80", opening: str = "C261119EUR100,00", page: str = "F"
) -> str:
    """One message; bookings are whole fields 61 and 86."""
    return f":20:REF\n:25:DE02120300000000202051\n:28C:7/1\n:60{page}:{opening}\n{bookings}\n:62{page}:{closing}\n-\n"


def line(details: str, booking: str = "2611201120C4,80NTRFNONREF//BANK-1") -> StatementLine:
    return only(message(f":61:{booking}\n:86:{details}")).lines[0]


def test_the_numbered_subfields_of_german_banks() -> None:
    details = (
        "166?00GUTSCHRIFT?10931?20EREF+E2E-4711?21KREF+NONREF?22SVWZ+RF18539007547034 the\n"
        "?23 rest?30COBADEFFXXX?31DE89370400440532013000?32ANNEGRET GUEST-WITH-A-LONG-N?33AME?34011"
    )

    found = line(details)

    assert (found.end_to_end_id, found.remittance) == ("E2E-4711", "RF18539007547034 the rest")
    assert found.counterparty_account == "DE89370400440532013000"
    assert found.counterparty_name == "ANNEGRET GUEST-WITH-A-LONG-NAME"
    theirs = mt940.models.Transactions(options=mt940.Options.all())
    (said,) = theirs.parse(message(f":61:2611201120C4,80NTRFNONREF//BANK-1\n:86:{details}"))
    assert said.data["end_to_end_reference"].strip() == found.end_to_end_id
    assert said.data["applicant_iban"] == found.counterparty_account
    assert said.data["applicant_name"] == found.counterparty_name


def test_a_text_that_was_cut_within_a_word_is_whole_again() -> None:
    found = line("166?20SVWZ+Reference RF1853900754?217034 thanks")

    assert "RF18539007547034" in found.remittance
    assert found.remittance == "Reference RF18539007547034 thanks"


def test_the_named_subfields_of_dutch_and_belgian_banks() -> None:
    ing = line("/EREF/E2E-1//CNTP/NL41INGB0000000001/INGBNL2A/A GUEST///REMI/USTD//Order RF18539007547034/")
    abn = line("/TRTP/SEPA OVERBOEKING/IBAN/NL41INGB0000000001/BIC/INGBNL2A/NAME/A GUEST/REMI/coffee/EREF/E2E-1")
    structured = line("/REMI/STRD/CUR/RF18539007547034/")

    assert (ing.end_to_end_id, ing.remittance) == ("E2E-1", "Order RF18539007547034")
    assert [each.counterparty_account for each in (ing, abn)] == ["NL41INGB0000000001"] * 2
    assert [each.counterparty_name for each in (ing, abn)] == ["A GUEST"] * 2
    assert (abn.remittance, abn.end_to_end_id) == ("coffee", "E2E-1")
    assert (structured.structured_reference, structured.remittance) == ("RF18539007547034", "")


def test_free_text_is_the_text() -> None:
    assert line("Coffee for\ntwo").remittance == "Coffee for two"
    assert line("x" * 65 + "\nyy").remittance == "x" * 65 + "yy"


def test_details_of_the_booking_line_serve_where_there_is_no_field_86() -> None:
    statement = only(message(":61:2611201120C4,80NTRFTABLE 4//BANK-1\nfrom a friend"))

    assert (statement.lines[0].remittance, statement.lines[0].end_to_end_id) == ("from a friend", "TABLE 4")


@pytest.mark.parametrize(
    ("mark", "closing", "amount", "reversal"),
    [
        ("C", "104,80", 480, False),
        ("D", "95,20", -480, False),
        ("RC", "95,20", -480, True),
        ("RD", "104,80", 480, True),
    ],
)
def test_a_reversed_credit_takes_money_away(mark: str, closing: str, amount: int, reversal: bool) -> None:
    found = only(message(f":61:2611201120{mark}R4,80NTRFNONREF", closing=f"C261120EUR{closing}")).lines[0]

    assert (found.amount_minor, found.reversal, found.bank_reference) == (amount, reversal, None)


@pytest.mark.parametrize(
    ("written", "booked"),
    [
        ("2612311231", date(2026, 12, 31)),
        ("2612310102", date(2027, 1, 2)),
        ("2701021231", date(2026, 12, 31)),
        ("2402290229", date(2024, 2, 29)),
        ("261120", date(2026, 11, 20)),
    ],
)
def test_the_booking_day_takes_its_year_from_the_value_day(written: str, booked: date) -> None:
    assert line("x", f"{written}C4,80NTRFNONREF").booked_on == booked


def test_pages_of_one_statement_go_on_where_the_page_before_ended() -> None:
    first = message(":61:2611201120C4,80NTRFNONREF", page="M")
    second = message(":61:2611201120C0,20NTRFNONREF", "C261120EUR105,00", "C261120EUR104,80", page="M")

    assert [each.closing_minor for each in read((first + second).encode())] == [10_480, 10_500]
    with pytest.raises(StatementBalanceWrong, match="page"):
        read((first + second.replace("104,80", "104,90").replace("105,00", "105,10")).encode())


@pytest.mark.parametrize(
    "around",
    [
        pytest.param("{before}", id="nothing"),
        pytest.param("{{1:F01BANKDEFFAXXX0000000000}}{{2:I940X}}{{4:\n{before}}}", id="envelope"),
        pytest.param("BANKNL2A\n940\nBANKNL2A\n{before}", id="the bank's name"),
        pytest.param("\ufeff{before}", id="byte order mark"),
    ],
)
def test_what_stands_around_a_message_does_not_matter(around: str) -> None:
    content = around.format(before=message(":61:2611201120C4,80NTRFNONREF"))

    assert [each.amount_minor for each in only(content).lines] == [480]


def test_lines_may_end_as_windows_ends_them() -> None:
    assert only(message(":61:2611201120C4,80NTRFNONREF\n:86:a\nb").replace("\n", "\r\n")).lines[0].remittance == "a b"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(":62F:", ":99F:", id="no closing balance"),
        pytest.param(":60F:", ":99F:", id="no opening balance"),
        pytest.param("C261120EUR104", "C261120AUD104", id="balances in two currencies"),
        pytest.param("EUR", "XXX", id="no such currency"),
        pytest.param("C4,80", "X4,80", id="no mark"),
        pytest.param("C4,80", "C4,805", id="too many decimals"),
        pytest.param("2611201120C", "2613201120C", id="no such month"),
        pytest.param(":20:REF", "", id="no beginning"),
    ],
)
def test_a_damaged_message_is_refused(before: str, after: str) -> None:
    with pytest.raises(Refusal):
        read(message(":61:2611201120C4,80NTRFNONREF").replace(before, after).encode())


def test_names_in_the_old_character_set_are_read() -> None:
    content = message(":61:2611201120C4,80NTRFNONREF\n:86:166?20x?32Käthe").encode("cp1252")

    assert read(content)[0].lines[0].counterparty_name == "Käthe"
