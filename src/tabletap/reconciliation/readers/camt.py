"""camt.053 (the day's statement) and camt.054 (notification) of ISO 20022, versions 2 to 13, read as a stream."""

import re
from collections.abc import Iterator
from datetime import date
from typing import BinaryIO, Literal
from xml.etree.ElementTree import Element

from tabletap.reconciliation.model import Statement, StatementLine
from tabletap.reconciliation.readers.camt_details import (
    CREDIT,
    DEBIT,
    Detail,
    amount_at,
    charges_of,
    detail_of,
    sum_of_charges,
    word,
)
from tabletap.reconciliation.readers.errors import StatementUnreadable
from tabletap.reconciliation.readers.values import (
    MAX_BALANCE_MINOR,
    iso_day,
    known_exponent,
    minor_of,
    reference_of,
    require_balance,
    text_of,
)
from tabletap.reconciliation.readers.xml import Tree, walk

_NAMESPACE = re.compile(r"\{urn:iso:std:iso:20022:tech:xsd:(camt\.05\d)\.001\.(\d{2})\}")
_VERSIONS = range(2, 14)
MAX_BALANCES = 10_000
"""Of several kinds for each day of some years."""
_STATEMENTS = {"camt.053": "Stmt", "camt.054": "Ntfctn"}
_OPENING, _CLOSING, _BETWEEN = ("OPBD", "PRCD"), ("CLBD",), "ITBD"


def read_camt(file: BinaryIO) -> Iterator[Statement]:
    """The statements of a message one by one. Raises StatementUnreadable, StatementBalanceWrong."""
    tree, message, draft = Tree(), "", None
    namespace = ""
    for event, element in walk(file, tree):
        if event == "start":
            if not message and (match := _NAMESPACE.match(element.tag)):
                namespace, message = match[0], _known(match[1], match[2])
            if message and element.tag.startswith(namespace):
                element.tag = element.tag.removeprefix(namespace)
            if message and element.tag == _STATEMENTS[message] and draft is None:
                draft = Draft("camt.053" if message == "camt.053" else "camt.054")
        elif draft is not None:
            if draft.take(element, tree.open[-1].tag if tree.open else ""):
                tree.let_go(element)
            if element.tag == _STATEMENTS[message]:
                yield draft.finish(element)
                tree.let_go(element)
                draft = None
    if not message:
        raise StatementUnreadable("This XML is not a bank statement: camt.053 and camt.054 of ISO 20022 are read.")


def _known(message: str, version: str) -> str:
    if message == "camt.052":
        raise StatementUnreadable(
            "This is a report within the day (camt.052): its bookings may still change. Take the day's camt.053."
        )
    if message not in _STATEMENTS or int(version) not in _VERSIONS:
        raise StatementUnreadable(f"{message}.001.{version} is not read; camt.053 and camt.054, 02 to 13, are.")
    return message


class Draft:
    """One statement while it is being read."""

    def __init__(self, message: Literal["camt.053", "camt.054"]) -> None:
        self.format = message
        self.currency = ""
        self.lines: list[StatementLine] = []
        self.pending = self.places = 0
        self._entries = self._balance_count = 0
        self._details: list[Detail] = []
        self._balances: list[tuple[str, date, int]] = []

    def take(self, element: Element, parent: str) -> bool:
        """An element has ended within the statement; True when nothing of it is needed any more."""
        inside = parent in {"Stmt", "Ntfctn"}
        if element.tag == "TxDtls" and parent == "NtryDtls":
            self._details.append(detail_of(element, at=self._at))
        elif element.tag == "Ntry" and inside:
            self._entry(element)
        elif element.tag == "Bal" and inside:
            self._balance(element)
        else:
            if element.tag == "Acct" and inside:
                self.currency = word(element, "Ccy") or ""
            return False
        return True

    @property
    def _at(self) -> str:
        return f"Entry {self._entries + 1}"

    def finish(self, element: Element) -> Statement:
        """The statement, its balances checked."""
        if not self.currency:
            raise StatementUnreadable("The statement does not say which currency its account has.")
        known_exponent(self.currency, at="The statement")
        opening = closing = None
        if self.format == "camt.053":
            opening, closing = self._ends()
            moved = sum(line.amount_minor for line in self.lines)
            require_balance(opening, moved, closing, self.currency, at="The statement does not add up")
        days = [day for _, day, _ in self._balances]
        account = word(element, "Acct/Id/IBAN") or word(element, "Acct/Id/Othr/Id")
        return Statement(
            format=self.format,
            account=reference_of(account, at="The account"),
            statement_id=reference_of(word(element, "Id"), at="The statement's id"),
            currency=self.currency,
            opening_minor=opening,
            closing_minor=closing,
            from_date=self._day(element, "FrToDt/FrDtTm") or min(days, default=None),
            to_date=self._day(element, "FrToDt/ToDtTm") or max(days, default=None),
            lines=tuple(self.lines),
            pending=self.pending,
        )

    @staticmethod
    def _day(element: Element, *paths: str) -> date | None:
        found = next((text for path in paths if (text := word(element, path))), None)
        return iso_day(found, at="A date") if found else None

    def _balance(self, element: Element) -> None:
        self._balance_count += 1
        if self._balance_count > MAX_BALANCES:
            raise StatementUnreadable(f"The statement has more than {MAX_BALANCES} balances: no bank writes that.")
        code = word(element, "Tp/CdOrPrtry/Cd")
        if code not in {*_OPENING, *_CLOSING, _BETWEEN}:
            return
        amount = self._amount(element, "The balance", MAX_BALANCE_MINOR)
        day = self._day(element, "Dt/Dt", "Dt/DtTm")
        if day is None:
            raise StatementUnreadable(f"The balance {code} has no date.")
        self._balances.append((code, day, amount))

    def _ends(self) -> tuple[int, int]:
        """Opening and closing balance: of several days the first and the last, of pages the ones between."""

        def of(*codes: str) -> list[int]:
            return [amount for code, _, amount in sorted(self._balances, key=lambda each: each[1]) if code in codes]

        between = of(_BETWEEN)
        opening = of("OPBD") or of("PRCD") or between
        closing = of(*_CLOSING) or between[1 if opening is between else 0 :]
        if not opening or not closing:
            raise StatementUnreadable("The statement lacks its opening or closing balance (OPBD, CLBD).")
        return opening[0], closing[-1]

    def _amount(self, element: Element, at: str, most: int | None = None) -> int:
        """The signed amount of an entry or balance, in the currency of the account."""
        found, indicator = amount_at(element, "Amt"), word(element, "CdtDbtInd")
        if found is None or indicator not in {CREDIT, DEBIT}:
            raise StatementUnreadable(f"{at} lacks its amount, or does not say whether it is a credit or a debit.")
        self.currency = self.currency or found[1]
        if found[1] != self.currency:
            raise StatementUnreadable(f"{at} is in {found[1][:8]!r}, the account in {self.currency}.")
        limit = {} if most is None else {"most": most}
        minor = minor_of(found[0], self.currency, at=at, **limit)
        return minor if indicator == CREDIT else -minor

    def _entry(self, element: Element) -> None:
        """A booking: one line, or one for each transaction of a batch. What is not booked yet is only counted."""
        at, details = self._at, self._details
        self._entries, self._details = self._entries + 1, []
        status = word(element, "Sts/Cd") or word(element, "Sts/Prtry") or word(element, "Sts") or "BOOK"
        if status != "BOOK":
            self.pending += 1
            return
        amount = self._amount(element, at)
        if len(details) > 1 and all(detail.amount is None for detail in details):
            details = [_together(details, at)]
        parts = self._parts(element, amount, details, at)
        if sum(parts) != amount:
            raise StatementUnreadable(f"{at}: the transactions do not add up to the amount that was booked.")
        for part, detail in zip(parts, [*details, *[None] * (len(parts) - len(details))], strict=True):
            self.places += 1
            if part:
                self.lines.append(self._line(element, part, detail, at))

    def _parts(self, element: Element, amount: int, details: list[Detail], at: str) -> list[int]:
        """What of the entry each transaction is. Charges that the bank took off explain what is less."""
        if not details:
            return [amount]
        sign = 1 if amount >= 0 else -1
        parts = [self._part(detail, sign, amount if len(details) == 1 else None, at) for detail in details]
        missing = amount - sum(parts)
        if missing and missing == -self._charges(element, details, at):
            return [amount] if len(details) == 1 else [*parts, missing]
        return parts

    def _part(self, detail: Detail, sign: int, whole: int | None, at: str) -> int:
        if detail.amount is None or detail.amount[1] != self.currency:
            if whole is None:
                raise StatementUnreadable(f"{at}: a transaction of the batch lacks its amount in {self.currency}.")
            return whole
        minor = minor_of(detail.amount[0], self.currency, at=at)
        if detail.indicator is not None:
            sign = 1 if detail.indicator == CREDIT else -1
        return sign * minor

    def _charges(self, element: Element, details: list[Detail], at: str) -> int:
        own = sum(sum_of_charges(detail.charges, self.currency, at=at) for detail in details)
        return own or sum_of_charges(charges_of(element), self.currency, at=at)

    def _line(self, element: Element, amount: int, detail: Detail | None, at: str) -> StatementLine:
        valued = self._day(element, "ValDt/Dt", "ValDt/DtTm")
        booked = self._day(element, "BookgDt/Dt", "BookgDt/DtTm") or valued
        if booked is None:
            raise StatementUnreadable(f"{at} has no date.")
        said = word(element, "AddtlNtryInf") or ""
        reversal = word(element, "RvslInd") in {"true", "1"} or (detail is not None and detail.returned)
        name, account = detail.parties["Dbtr" if (amount > 0) != reversal else "Cdtr"] if detail else (None, None)
        own = detail.bank_reference if detail else None
        return StatementLine(
            line_number=self.places,
            amount_minor=amount,
            currency=self.currency,
            booked_on=booked,
            value_on=valued,
            end_to_end_id=detail.end_to_end_id if detail else None,
            structured_reference=detail.structured_reference if detail else None,
            remittance=(detail.remittance if detail else "") or text_of(said, at=at),
            counterparty_name=name,
            counterparty_account=account,
            bank_reference=own or reference_of(word(element, "AcctSvcrRef"), at=at),
            reversal=reversal,
        )


def _together(details: list[Detail], at: str) -> Detail:
    """Transactions of a batch that the bank gives no amounts for: one line with all their texts."""
    said = [(each.structured_reference, each.end_to_end_id, each.remittance) for each in details]
    texts = [text for each in said for text in each if text]
    return Detail(
        amount=None,
        indicator=None,
        charges=(),
        end_to_end_id=None,
        bank_reference=None,
        structured_reference=None,
        remittance=text_of(" ".join(texts)[:1_000], at=at),
        parties={"Dbtr": (None, None), "Cdtr": (None, None)},
        returned=any(each.returned for each in details),
    )
