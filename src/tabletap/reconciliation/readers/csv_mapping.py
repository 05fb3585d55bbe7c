"""How a bank writes its CSV files: which column is what, and how dates and amounts are written. Kept per cafe."""

from typing import Annotated, Literal

import msgspec

Column = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
"""The name in the header, in any case, or the column's number from 1 on."""
DateFormat = Literal["YYYY-MM-DD", "DD/MM/YYYY", "MM/DD/YYYY", "DD.MM.YYYY", "DD-MM-YYYY", "YYYYMMDD"]


class CsvMapping(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """Which column of a CSV file is what. Either `amount`, or `credit` and `debit`."""

    date: Column
    amount: Column | None = None
    """Money that came is positive, money that left negative."""
    credit: Column | None = None
    debit: Column | None = None
    description: Annotated[tuple[Column, ...], msgspec.Meta(max_length=10)] = ()
    """What the payer and the bank wrote; several columns are joined."""
    reference: Column | None = None
    end_to_end_id: Column | None = None
    bank_reference: Column | None = None
    counterparty_name: Column | None = None
    counterparty_account: Column | None = None
    value_date: Column | None = None
    currency: Column | None = None
    account: Column | None = None
    balance: Column | None = None
    """The balance after each line: then every line is checked against it."""
    date_format: DateFormat = "YYYY-MM-DD"
    decimal: Literal[".", ","] = "."
    delimiter: Literal[",", ";", "\t", "|"] = ","
    header: bool = True
    skip_lines: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    """Lines above the header, or above the first line where there is none."""
