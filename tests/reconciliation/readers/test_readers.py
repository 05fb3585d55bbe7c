"""Statements as banks write them, against readers that nobody here wrote, and broken in every way there is."""

import io
import random
from contextlib import suppress
from decimal import Decimal

import mt940
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ofxtools.Parser import OFXTree
from pycamt.parser import Camt053Parser

from tabletap.kernel.errors import Refusal
from tabletap.reconciliation.model import Statement
from tabletap.reconciliation.readers.errors import StatementBalanceWrong, StatementUnreadable
from tabletap.reconciliation.readers.reading import read
from tests.reconciliation.mock_bank import Credit, days_statement

MT940 = b""":20:STARTUMSE
:25:DE02120300000000202051
:28C:00001/001
:60F:C261119EUR1000,00
:61:2611201120C4,80NMSCNONREF//BANK-1
:86:Order RF18539007547034
:61:2611201120D12,50NTRFNONREF//BANK-2
:86:Rent
:62F:C261120EUR992,30
-
"""
OFX = b"""OFXHEADER:100
DATA:OFXSGML
VERSION:102
SECURITY:NONE
ENCODING:USASCII
CHARSET:1252
COMPRESSION:NONE
OLDFILEUID:NONE
NEWFILEUID:NONE

<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20261120<LANGUAGE>ENG</SONRS>
</SIGNONMSGSRSV1><BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS><CURDEF>AUD
<BANKACCTFROM><BANKID>062000<ACCTID>12345678<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20261120<DTEND>20261120
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20261120<TRNAMT>4.80<FITID>B1<NAME>A PAYER<MEMO>0123456789B5</STMTTRN>
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20261120<TRNAMT>-12.50<FITID>B2<NAME>LANDLORD</STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>992.30<DTASOF>20261120</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""
_SENT = [
    Credit(amount=480, reference="RF18539007547034", note="hello"),
    Credit(amount=999, note="a long text without a reference, which the bank wraps", wrap=35, debtor="José"),
    Credit(amount=480, end_to_end_id="E2E-1", note="the same again"),
]


@pytest.fixture(scope="module")
def camt() -> bytes:
    """A day's camt.053 by a bank that nobody here wrote."""
    return days_statement("2026-11-20", _SENT)[1]


def only(statements: tuple[Statement, ...]) -> Statement:
    (statement,) = statements
    return statement


def test_a_camt_file_says_what_pycamt_reads_in_it(camt: bytes) -> None:
    ours = only(read(camt))

    theirs = Camt053Parser(camt).get_transactions()
    assert [line.amount_minor for line in ours.lines] == [int(Decimal(each["Amount"]) * 100) for each in theirs]
    assert [line.counterparty_name for line in ours.lines] == [each["DebtorName"] for each in theirs]
    assert [line.booked_on.isoformat() for line in ours.lines] == [each["BookingDate"] for each in theirs]
    assert [line.bank_reference for line in ours.lines] == [each["TransactionID"] for each in theirs]
    assert [line.end_to_end_id or "NOTPROVIDED" for line in ours.lines] == [each["EndToEndId"] for each in theirs]
    assert ours.lines[0].structured_reference == theirs[0]["RemittanceInformation"] == "RF18539007547034"
    assert ours.opening_minor is not None
    assert ours.closing_minor == ours.opening_minor + 480 + 999 + 480


def test_a_wrapped_text_comes_back_whole(camt: bytes) -> None:
    text = only(read(camt)).lines[1].remittance

    assert text.replace(" ", "") == _SENT[1].note.replace(" ", "")


def test_an_mt940_file_says_what_mt940_reads_in_it() -> None:
    ours = only(read(MT940))

    theirs = list(mt940.parse(MT940.decode()))
    assert [line.amount_minor for line in ours.lines] == [int(each.data["amount"].amount * 100) for each in theirs]
    assert [line.bank_reference for line in ours.lines] == [each.data["bank_reference"] for each in theirs]
    assert [line.booked_on for line in ours.lines] == [each.data["date"] for each in theirs]
    assert (ours.format, ours.opening_minor, ours.closing_minor) == ("mt940", 100_000, 99_230)
    assert "RF18539007547034" in ours.lines[0].remittance


def test_an_ofx_file_says_what_ofxtools_reads_in_it() -> None:
    ours = only(read(OFX))

    tree = OFXTree()
    tree.parse(io.BytesIO(OFX))
    theirs = tree.convert().statements[0].transactions
    assert [line.amount_minor for line in ours.lines] == [int(each.trnamt * 100) for each in theirs]
    assert [line.bank_reference for line in ours.lines] == [each.fitid for each in theirs]
    assert [line.booked_on for line in ours.lines] == [each.dtposted.date() for each in theirs]
    assert (ours.format, ours.currency, ours.closing_minor) == ("ofx", "AUD", 99_230)


def test_a_file_that_is_cut_off_anywhere_is_refused_whole(camt: bytes) -> None:
    end = camt.rstrip().rfind(b">")

    for cut in range(0, end, 7):
        with pytest.raises(Refusal):
            read(camt[:cut])


@pytest.mark.parametrize("name", ["mt940", "ofx"])
def test_other_formats_that_are_cut_off_are_refused_or_were_complete(name: str) -> None:
    whole = {"mt940": MT940, "ofx": OFX}[name]
    complete = read(whole)

    for cut in range(0, len(whole), 3):
        try:
            found = read(whole[:cut])
        except Refusal:
            continue
        assert [each.lines for each in found] == [each.lines for each in complete], cut


@given(st.integers(0, 2**32))
def test_flipped_bytes_never_do_more_than_refuse(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - the same bytes for the same seed
    for whole in (MT940, OFX):
        broken = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            broken[dice.randrange(len(broken))] ^= 1 << dice.randrange(8)
        with suppress(Refusal):
            assert isinstance(read(bytes(broken)), tuple)


def test_a_changed_balance_is_refused_with_both_figures() -> None:
    with pytest.raises(StatementBalanceWrong, match=r"992\.30.*992\.31"):
        read(MT940.replace(b":62F:C261120EUR992,30", b":62F:C261120EUR992,31"))


def test_a_changed_amount_is_refused(camt: bytes) -> None:
    with pytest.raises(StatementBalanceWrong):
        read(camt.replace(b">9.99<", b">9.98<"))


_BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;">]>'
    b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">&lol2;</Document>'
)
_OUTSIDE = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">&x;</Document>'
)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(_BOMB, id="entity bomb"),
        pytest.param(_OUTSIDE, id="outside entity"),
        pytest.param(b"<a>" * 10_000, id="depth"),
        pytest.param(b"\x00" * 500, id="zeros"),
        pytest.param(b"%PDF-1.7 something", id="pdf"),
        pytest.param(b"PK\x03\x04 something", id="zip"),
        pytest.param(b"<html><body>Sign in to your bank</body></html>", id="web page"),
        pytest.param("<Document>né</Document>".encode("utf-16"), id="utf-16"),
    ],
)
def test_what_is_no_statement_is_refused_with_a_sentence(content: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        read(content)

    assert isinstance(refused.value, StatementUnreadable) or refused.value.code == "statement_mapping_needed"
    assert str(refused.value.detail).endswith(".")


_OFX_HEAD = b"OFXHEADER:100\n\n<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR<BANKTRANLIST>"
_CAMT_HEAD = b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.08'><Msg><Stmt>"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(_OFX_HEAD + b"<MEMO><![CDATA[x" * 100_000, id="sections that never end"),
        pytest.param(_OFX_HEAD + b"<X>" * 200_000, id="elements that never end"),
        pytest.param(_OFX_HEAD + b"<STMTTRN><MEMO>" + b"x" * 1_000_000, id="a text that never ends"),
        pytest.param(_CAMT_HEAD + b"<Bal/>" * 150_000, id="nothing but balances"),
        pytest.param(_CAMT_HEAD + b"<X/>" * 200_000, id="nothing but something else"),
    ],
)
def test_a_file_made_to_keep_us_busy_is_given_up_early(content: bytes) -> None:
    with pytest.raises(StatementUnreadable):
        read(content)


def test_sections_of_ofx_are_text_like_any_other() -> None:
    marked = OFX.replace(b"<NAME>A PAYER", b"<NAME><![CDATA[A & B <Payer>]]>").replace(b"LANDLORD", b"LAND &amp; LORD")

    assert [line.counterparty_name for line in only(read(marked)).lines] == ["A & B <Payer>", "LAND & LORD"]
