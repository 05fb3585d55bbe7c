"""Figures of payments. Pure.

A payment counts where it completed, a refund where it was processed, a charge-back where its dispute was lost: the
figures of a day never change because of what happens on another. What failed, expired or was cancelled is counted and
never summed. Credit that is spent is no new money: `takings` leaves it out; credit that is bought is in it. What goes
back as credit stays with us: it counts with the credit, whatever it had been paid with.
"""

from collections.abc import Iterable
from datetime import date

import msgspec

CREDIT = "customer_credit"


class Figures(msgspec.Struct, rename="camel", frozen=True):
    """What payments came to. `net` is gross and tips less what went back."""

    count: int = 0
    gross_amount: int = 0
    """For orders, tips not among them."""
    tip_amount: int = 0
    refunded_amount: int = 0
    charged_back_amount: int = 0
    net_amount: int = 0


class MethodFigures(Figures, frozen=True, kw_only=True):
    """Of one method."""

    payment_method: str


class HourFigures(Figures, frozen=True, kw_only=True):
    """Of one hour of the clock, over all the days."""

    hour: int


class DayFigures(Figures, frozen=True, kw_only=True):
    """Of one business day."""

    business_day: date


class DayMethodFigures(Figures, frozen=True, kw_only=True):
    """Of one method on one business day: the lines of the CSV."""

    business_day: date
    payment_method: str


class StatusCount(msgspec.Struct, rename="camel", frozen=True):
    """How many payments that were started in the period are in a state now."""

    status: str
    count: int


class StatisticsView(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """`GET /payments/statistics`."""

    from_: date = msgspec.field(name="from")
    to: date
    currency: str
    time_zone: str
    mode: str
    totals: Figures
    takings: Figures
    """Without credit that was spent: what came in as money."""
    by_method: list[MethodFigures]
    by_status: list[StatusCount]
    by_hour: list[HourFigures]
    by_day: list[DayFigures]


class Moved(msgspec.Struct, frozen=True):
    """Money that moved: so many payments, or what went back of earlier ones, in one quarter of an hour."""

    day: date
    hour: int
    method: str
    count: int = 0
    gross: int = 0
    tip: int = 0
    refunded: int = 0
    charged_back: int = 0


def summed(moved: Iterable[Moved]) -> Figures:
    """The figures of all that moved."""
    count = gross = tip = refunded = charged_back = 0
    for each in moved:
        count += each.count
        gross += each.gross
        tip += each.tip
        refunded += each.refunded
        charged_back += each.charged_back
    return Figures(count, gross, tip, refunded, charged_back, gross + tip - refunded - charged_back)


def joined(moved: list[Moved]) -> Moved:
    """Several that belong to one day, hour and method as one."""
    first, total = moved[0], summed(moved)
    if len(moved) == 1:
        return first
    return Moved(
        first.day, first.hour, first.method, total.count, total.gross_amount, total.tip_amount, total.refunded_amount,
        total.charged_back_amount,
    )  # fmt: skip
