"""A bank statement as read from a file, whatever its format: amounts are signed minor units, nothing is matched yet."""

from datetime import date
from typing import Literal

import msgspec

StatementFormat = Literal["camt.053", "camt.054", "mt940", "ofx", "csv"]


class StatementLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One booking on the account: a credit is positive, a debit negative."""

    line_number: int
    """Its place in the statement, from 1 on; the details of a batch count one by one."""
    amount_minor: int
    currency: str
    booked_on: date
    value_on: date | None
    end_to_end_id: str | None
    structured_reference: str | None
    """An RF creditor reference or a Belgian one, as the bank gives it."""
    remittance: str
    """The unstructured text, its parts joined by a blank."""
    counterparty_name: str | None
    counterparty_account: str | None
    """An IBAN, or what the country uses instead: BSB and account number."""
    bank_reference: str | None
    """The bank's own id of the booking."""
    reversal: bool = False
    """True when the bank takes back an earlier booking."""


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """The bookings of one account over some days, with the balances the bank gives (None: it gives none)."""

    format: StatementFormat
    account: str | None
    statement_id: str | None
    currency: str
    opening_minor: int | None
    closing_minor: int | None
    from_date: date | None
    to_date: date | None
    lines: tuple[StatementLine, ...]
    pending: int = 0
    """Entries the bank had not booked yet; they are left out."""
