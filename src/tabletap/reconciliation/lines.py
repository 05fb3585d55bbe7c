"""A line as a reader gives it becomes one that is kept: what it is known by, and which of our references it carries."""

import re
from datetime import datetime

from tabletap.kernel.cards import has_card_number
from tabletap.kernel.ids import Id, new_id
from tabletap.qr.references import references_in
from tabletap.reconciliation.matching import LineFacts
from tabletap.reconciliation.model import StatementLine
from tabletap.reconciliation.readers.identity import LineIdentity
from tabletap.reconciliation.records import BankLine

_WORDS = re.compile(r"[0-9A-Za-z]+")
_MOST_CHARACTERS = 2_000
"""No form of a bank has room for more; whoever writes more hides nothing behind it."""
_LONG_NUMBER = re.compile(r"\d(?:[ -]?\d){12,}")
_SHOWN_DIGITS = 4


Numbered = tuple[StatementLine, LineIdentity]
"""A line of a file with what tells it from all others."""


def compact_account(account: str) -> str:
    """An account as we compare it: letters and digits, capitals."""
    return "".join(_WORDS.findall(account)).upper()


def references_of(line: StatementLine) -> frozenset[str]:
    """Everything in the line that could be a reference of ours, wherever the payer or a bank put it."""
    said = (line.structured_reference, line.end_to_end_id, line.remittance)
    return frozenset(found for text in said if text for found in references_in(text[:_MOST_CHARACTERS]))


def facts_of(line: StatementLine) -> LineFacts:
    """What matching looks at."""
    said = (line.structured_reference, line.end_to_end_id, line.remittance)
    names = (line.bank_reference, line.end_to_end_id)
    return LineFacts(
        amount_minor=line.amount_minor,
        booked_on=line.booked_on.isoformat(),
        text=" ".join(text for text in said if text),
        bank_references=frozenset(name for name in names if name),
        counterparty_name=line.counterparty_name,
        counterparty_account=compact_account(line.counterparty_account) if line.counterparty_account else None,
        reversal=line.reversal,
    )


def row_of(cafe_id: Id, statement_id: Id, account: str, numbered: Numbered, now: datetime) -> BankLine:
    """The line as it is kept. Card numbers that a bank wrote into the text are not (money.md, "Never")."""
    line, identity = numbered
    return BankLine(
        cafe_id,
        new_id(),
        statement_id,
        line.line_number,
        account,
        identity.content_hash,
        identity.occurrence,
        line.amount_minor,
        line.currency,
        line.booked_on.isoformat(),
        line.value_on.isoformat() if line.value_on else None,
        line.bank_reference,
        line.end_to_end_id,
        line.structured_reference,
        without_cards(line.remittance),
        line.counterparty_name,
        compact_account(line.counterparty_account) if line.counterparty_account else None,
        line.reversal,
        now,
    )


def without_cards(text: str) -> str:
    """The text with the digits of card numbers dotted out, but for the last four."""
    return _LONG_NUMBER.sub(_dotted, text) if has_card_number(text) else text


def _dotted(found: re.Match[str]) -> str:
    number = found[0]
    if not has_card_number(number):
        return number
    hidden = sum(character.isdigit() for character in number) - _SHOWN_DIGITS
    dotted = []
    for character in number:
        dotted.append("*" if character.isdigit() and hidden > 0 else character)
        hidden -= character.isdigit()
    return "".join(dotted)
