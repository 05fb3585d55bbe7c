"""What camt.053 and camt.054 can say: batches, charges, returns, pages, versions, what is not booked yet."""

import pytest

from tabletap.reconciliation.model import Statement, StatementLine
from tabletap.reconciliation.readers.errors import StatementBalanceWrong, StatementUnreadable
from tabletap.reconciliation.readers.reading import read
from tests.reconciliation.readers.written import balance, camt, entry, major, side


def only(content: bytes) -> Statement:
    (statement,) = read(content)
    return statement


def lines(moved: int, *entries: str, version: str = "08") -> tuple[StatementLine, ...]:
    """The lines of a statement that begins with 100.00 and adds up."""
    balances = balance("OPBD", 10_000) + balance("CLBD", 10_000 + moved)
    return only(camt(balances + "".join(entries), version=version)).lines


def transaction(amount_minor: int | None, inside: str = "") -> str:
    """A transaction of a batch, with an amount of its own or without."""
    own = ""
    if amount_minor is not None:
        own = f"<Amt Ccy='EUR'>{major(amount_minor)}</Amt><CdtDbtInd>{side(amount_minor)}</CdtDbtInd>"
    return f"<TxDtls>{own}{inside}</TxDtls>"


@pytest.mark.parametrize("version", [f"{number:02}" for number in range(2, 14)])
def test_every_version_of_the_message_is_read(version: str) -> None:
    (line,) = lines(480, entry(480), version=version)

    assert (line.amount_minor, line.bank_reference) == (480, "BANK-1")


@pytest.mark.parametrize("version", ["01", "14", "99"])
def test_a_version_that_nobody_has_seen_is_refused(version: str) -> None:
    with pytest.raises(StatementUnreadable, match=f"001.{version}"):
        lines(480, entry(480), version=version)


def test_a_report_within_the_day_is_refused_with_advice() -> None:
    with pytest.raises(StatementUnreadable, match=r"camt\.053"):
        read(camt(entry(480), message="camt.052", kind="Rpt"))


def test_a_notification_has_no_balances_and_needs_none() -> None:
    statement = only(camt(entry(480), message="camt.054", kind="Ntfctn"))

    assert (statement.format, statement.opening_minor, statement.closing_minor) == ("camt.054", None, None)
    assert [line.amount_minor for line in statement.lines] == [480]


def test_every_transaction_of_a_batch_is_a_line_of_its_own() -> None:
    batch = entry(
        1_480,
        transaction(480, "<Refs><EndToEndId>A</EndToEndId></Refs>")
        + transaction(1_500, "<Refs><EndToEndId>B</EndToEndId><AcctSvcrRef>OWN</AcctSvcrRef></Refs>")
        + transaction(-500, "<Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>"),
    )

    found = lines(1_480, batch)

    assert [(line.line_number, line.amount_minor) for line in found] == [(1, 480), (2, 1_500), (3, -500)]
    assert [line.end_to_end_id for line in found] == ["A", "B", None]
    assert [line.bank_reference for line in found] == ["BANK-1", "OWN", "BANK-1"]


@pytest.mark.parametrize("second", [999, 1_001, None])
def test_a_batch_whose_transactions_do_not_add_up_is_refused(second: int | None) -> None:
    with pytest.raises(StatementUnreadable, match="Entry 1"):
        lines(1_480, entry(1_480, transaction(480) + transaction(second)))


def test_a_batch_without_single_amounts_is_one_line_with_all_texts() -> None:
    texts = "<RmtInf><Ustrd>first</Ustrd></RmtInf>", "<RmtInf><Ustrd>second</Ustrd></RmtInf>"

    (line,) = lines(980, entry(980, "".join(transaction(None, text) for text in texts)))

    assert (line.amount_minor, line.remittance) == (980, "first second")


def test_charges_that_the_bank_took_off_explain_what_is_less() -> None:
    charged = "<Chrgs><Rcrd><Amt Ccy='EUR'>0.25</Amt></Rcrd></Chrgs>"

    alone = lines(455, entry(455, transaction(480, charged)))
    batch = lines(955, entry(955, transaction(480, charged) + transaction(500)))

    assert [line.amount_minor for line in alone] == [455]
    assert [line.amount_minor for line in batch] == [480, 500, -25]


def test_charges_explain_no_more_than_they_are() -> None:
    with pytest.raises(StatementUnreadable):
        lines(454, entry(454, transaction(480, "<Chrgs><Amt Ccy='EUR'>0.25</Amt></Chrgs>")))


def test_the_amount_in_another_currency_does_not_stand_for_the_one_booked() -> None:
    foreign = "<TxDtls><AmtDtls><TxAmt><Amt Ccy='USD'>5.00</Amt></TxAmt></AmtDtls></TxDtls>"

    (line,) = lines(480, entry(480, foreign))

    assert (line.amount_minor, line.currency) == (480, "EUR")


def test_what_is_not_booked_yet_is_only_counted() -> None:
    waiting = [entry(999, status=f"<Cd>{code}</Cd>") for code in ("PDNG", "INFO", "FUTR")]
    content = camt(balance("OPBD", 0) + balance("CLBD", 480) + entry(480, status="BOOK") + "".join(waiting))

    statement = only(content)

    assert ([line.amount_minor for line in statement.lines], statement.pending) == ([480], 3)


def test_a_returned_payment_names_whom_it_had_gone_to() -> None:
    parties = "<RltdPties><Dbtr><Nm>Us</Nm></Dbtr><Cdtr><Nm>Guest</Nm></Cdtr></RltdPties>"
    back = entry(480, transaction(480, parties), more="<RvslInd>true</RvslInd>")
    bounced = entry(480, transaction(480, f"{parties}<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>"))

    found = lines(960, back, bounced)

    assert [(line.amount_minor, line.reversal, line.counterparty_name) for line in found] == [(480, True, "Guest")] * 2


def test_names_accounts_and_references_are_found_where_each_version_has_them() -> None:
    structured = (
        "<Strd><CdtrRefInf><Tp><CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry><Issr>BBA</Issr></Tp><Ref>010806817183</Ref>"
        "</CdtrRefInf></Strd><Strd><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf></Strd>"
    )
    old = (
        "<RltdPties><Dbtr><Nm> Ann\n  Guest </Nm></Dbtr><DbtrAcct><Id><Othr><Id>062-000 1</Id></Othr></Id></DbtrAcct>"
        f"</RltdPties><RmtInf><Ustrd>two bills</Ustrd>{structured}</RmtInf>"
    )

    (line,) = lines(480, entry(480, transaction(None, old)), version="02")

    assert (line.counterparty_name, line.counterparty_account) == ("Ann Guest", "062-000 1")
    assert (line.structured_reference, line.remittance) == ("010806817183", "two bills RF18539007547034")


def test_lines_of_nothing_are_left_out() -> None:
    assert [line.line_number for line in lines(480, entry(0), entry(480))] == [2]


def test_a_page_begins_and_ends_with_the_balances_between_pages() -> None:
    first = only(camt(balance("OPBD", 0) + balance("ITBD", 480) + entry(480)))
    middle = only(camt(balance("ITBD", 480) + balance("ITBD", 980) + entry(500)))
    last = only(camt(balance("ITBD", 980) + balance("CLBD", 1_000) + entry(20)))

    assert [(each.opening_minor, each.closing_minor) for each in (first, middle, last)] == [
        (0, 480),
        (480, 980),
        (980, 1_000),
    ]


@pytest.mark.parametrize(
    "balances",
    [
        pytest.param(balance("OPBD", 0), id="no closing"),
        pytest.param(balance("CLBD", 480), id="no opening"),
        pytest.param("", id="none"),
        pytest.param(balance("CLAV", 480) + balance("OPAV", 0), id="what is available only"),
    ],
)
def test_a_statement_without_its_balances_is_refused(balances: str) -> None:
    with pytest.raises(StatementUnreadable, match="balance"):
        read(camt(balances + entry(480)))


def test_a_statement_that_does_not_add_up_is_refused_with_both_figures() -> None:
    with pytest.raises(StatementBalanceWrong, match=r"104\.80.*104\.79"):
        lines(479, entry(480))


@pytest.mark.parametrize("amount", ["4.801", "-4.80", "4,80", "1e3", "", "4.80.1", "9" * 30, "٤"])
def test_an_amount_that_is_none_is_refused(amount: str) -> None:
    with pytest.raises(StatementUnreadable):
        lines(480, entry(480).replace(">4.80<", f">{amount}<"))


@pytest.mark.parametrize("amount", ["4.8", "4.80000", "+4.80", "0004.80"])
def test_an_amount_is_read_exactly_however_it_is_written(amount: str) -> None:
    assert [line.amount_minor for line in lines(480, entry(480).replace(">4.80<", f">{amount}<"))] == [480]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("CRDT", "BOTH", id="neither credit nor debit"),
        pytest.param("Ccy='EUR'>4.80", "Ccy='AUD'>4.80", id="another currency"),
        pytest.param("2026-11-20", "2026-11-31", id="no such day"),
        pytest.param("BookgDt", "OtherDt", id="no date"),
        pytest.param("BANK-1", "B" * 200, id="an endless reference"),
    ],
)
def test_a_damaged_entry_is_refused_and_named(before: str, after: str) -> None:
    with pytest.raises(StatementUnreadable, match=r"Entry 1|date"):
        lines(480, entry(480).replace(before, after))


def test_the_same_statement_twice_in_a_file_is_refused() -> None:
    inside = balance("OPBD", 0) + balance("CLBD", 480) + entry(480)
    once = camt(inside).decode()
    statement = once[once.index("<Stmt>") : once.index("</Msg>")]

    with pytest.raises(StatementUnreadable, match="twice"):
        read(once.replace("</Msg>", f"{statement}</Msg>").encode())


def test_a_file_may_hold_the_statements_of_several_days() -> None:
    first = camt(balance("OPBD", 0) + balance("CLBD", 480) + entry(480)).decode()
    second = first[first.index("<Stmt>") : first.index("</Msg>")].replace("<Id>S1</Id>", "<Id>S2</Id>")

    found = read(first.replace("</Msg>", f"{second}</Msg>").encode())

    assert [each.statement_id for each in found] == ["S1", "S2"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252"])
def test_any_encoding_that_the_file_names_is_read(encoding: str) -> None:
    said = transaction(480, "<RltdPties><Dbtr><Nm>Käthe</Nm></Dbtr></RltdPties>")
    content = camt(balance("OPBD", 0) + balance("CLBD", 480) + entry(480, said)).decode()

    statement = only(f"<?xml version='1.0' encoding='{encoding}'?>{content}".encode(encoding))

    assert statement.lines[0].counterparty_name == "Käthe"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "klingon", "base64", "shift_jis"])
def test_text_that_is_not_in_the_encoding_it_names_is_refused(encoding: str) -> None:
    content = camt(entry(480, transaction(480, "<RltdPties><Dbtr><Nm>K\xe4the</Nm></Dbtr></RltdPties>"))).decode()

    with pytest.raises(StatementUnreadable):
        read(f"<?xml version='1.0' encoding='{encoding}'?>{content}".encode("latin-1"))
