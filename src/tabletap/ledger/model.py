"""Journals and entries. Pure.

Amounts are signed minor units: a debit is positive, a credit negative. What we own or are owed (`provider:…`, `bank`,
`cash_drawer`) grows by debits; what we owe or earned (`customer_credit:…`, `tips_payable`, `sales`) grows by credits.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from tabletap.kernel.ids import Id

SALES = "sales"
TIPS_PAYABLE = "tips_payable"
BANK = "bank"
CASH_DRAWER = "cash_drawer"
CASH_ROUNDING = "cash_rounding"
SAFE = "safe"
"""Cash that is in no drawer: floats come from it, and what is counted at the end goes into it."""
CASH_DIFFERENCE = "cash_difference"
"""What a drawer had more or less than it should have when it was counted."""
PETTY_CASH = "petty_cash"
"""Small things that were paid for out of a drawer."""
CREDIT_PROMOTION = "credit_promotion"
"""What was given away as credit: a cost."""
CREDIT_BREAKAGE = "credit_breakage"
"""Credit that was bought and never spent: earned when it expires."""
TAX_PAYABLE = "tax_payable"
PROVIDER_FEES = "provider_fees"
REFUNDS_PENDING = "refunds_pending"
SUSPENSE = "suspense"
DISPUTES = "disputes"


def customer_credit(customer_id: Id) -> str:
    """The account of what we owe a customer in credit."""
    return f"customer_credit:{customer_id}"


def tips_payable(staff_id: Id) -> str:
    """The account of what a worker is still to get of the tips; `TIPS_PAYABLE` alone is what is not shared out yet."""
    return f"{TIPS_PAYABLE}:{staff_id}"


def provider(account_id: Id) -> str:
    """The account of what a payment provider holds for us."""
    return f"provider:{account_id}"


class Journal(msgspec.Struct, frozen=True):
    """One money event: a row of `journal`. Its entries sum to zero."""

    cafe_id: Id
    id: Id
    kind: str
    currency: str
    mode: str
    order_id: Id | None
    payment_id: Id | None
    refund_id: Id | None
    at: datetime
    source_id: Id | None = None
    """What else caused it: a drawer session, a line of a statement, a tip distribution, a credit lot."""


class Entry(msgspec.Struct, frozen=True):
    """One line of a journal: a row of `entry`."""

    cafe_id: Id
    journal_id: Id
    n: int
    account: str
    amount_minor: int


def entries_of(journal: Journal, amounts: Mapping[str, int]) -> list[Entry]:
    """The journal's lines by account; accounts with nothing to book are left out.

    Raises ValueError unless they sum to zero: the database would refuse them anyway, here the place is known.
    """
    if sum(amounts.values()) != 0:
        raise ValueError(f"a {journal.kind} journal does not sum to zero: {dict(amounts)}")
    booked = [(account, amount) for account, amount in amounts.items() if amount]
    return [Entry(journal.cafe_id, journal.id, n, account, amount) for n, (account, amount) in enumerate(booked, 1)]
