"""What was sold. Pure.

A line counts on the business day on which its bill was paid in full; lines that were taken off a bill do not count.
Money goes back in amounts and not in items: what went back stands beside the total and is in none of the lines.
"""

from collections.abc import Callable, Iterable
from datetime import date
from typing import TypeVar

import msgspec

K = TypeVar("K")


class SoldItem(msgspec.Struct, rename="camel", frozen=True):
    """One thing of the menu, under the name and at the tax rate (basis points) at which it was sold."""

    menu_item_id: str
    name: str
    category: str
    tax_rate: int
    quantity: int
    gross_amount: int
    tax_amount: int


class CategorySales(msgspec.Struct, rename="camel", frozen=True):
    """Everything of one category."""

    category: str
    quantity: int
    gross_amount: int
    tax_amount: int


class TaxSales(msgspec.Struct, rename="camel", frozen=True):
    """Everything at one tax rate: `base` + `tax` = `gross`."""

    tax_rate: int
    base_amount: int
    tax_amount: int
    gross_amount: int


class SalesView(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """`GET /reports/sales`."""

    from_: date = msgspec.field(name="from")
    to: date
    currency: str
    time_zone: str
    mode: str
    items: list[SoldItem]
    by_category: list[CategorySales]
    by_tax_rate: list[TaxSales]
    quantity: int
    gross_amount: int
    tax_amount: int
    refunded_amount: int
    """Of bills, whenever they were paid; tips not among it."""


def by_category(items: Iterable[SoldItem]) -> list[CategorySales]:
    """The categories, by name."""
    return [
        CategorySales(category, _quantity(those), _gross(those), _tax(those))
        for category, those in sorted(_grouped(items, lambda item: item.category).items())
    ]


def by_tax_rate(items: Iterable[SoldItem]) -> list[TaxSales]:
    """The tax rates, the lowest first."""
    return [
        TaxSales(rate, _gross(those) - _tax(those), _tax(those), _gross(those))
        for rate, those in sorted(_grouped(items, lambda item: item.tax_rate).items())
    ]


def totals(items: list[SoldItem]) -> tuple[int, int, int]:
    """How many pieces, what they came to, and the tax in it."""
    return _quantity(items), _gross(items), _tax(items)


def _grouped(items: Iterable[SoldItem], key: Callable[[SoldItem], K]) -> dict[K, list[SoldItem]]:
    groups: dict[K, list[SoldItem]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def _quantity(items: list[SoldItem]) -> int:
    return sum(item.quantity for item in items)


def _gross(items: list[SoldItem]) -> int:
    return sum(item.gross_amount for item in items)


def _tax(items: list[SoldItem]) -> int:
    return sum(item.tax_amount for item in items)
