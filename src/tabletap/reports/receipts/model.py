"""What a receipt says. Pure.

Prices contain tax; the tax of each rate is the sum of the tax within its lines, so that the rates sum to the tax of the
order to the cent. What was not paid in full has no number and says so.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

import msgspec

from tabletap.cafes.model import BusinessDetails, Cafe, business_details_of
from tabletap.kernel.ids import Id
from tabletap.orders.model import Order, OrderItem, tax_within
from tabletap.payments.model import Payment, Refund


class ReceiptRow(msgspec.Struct, frozen=True):
    """The number of an order's receipt: a row of `receipt`. Numbers have no gap within a cafe."""

    cafe_id: Id
    id: Id
    order_id: Id
    number: int
    issued_at: datetime


class ReceiptMail(msgspec.Struct, frozen=True):
    """A receipt that is sent by mail: a row of `receipt_mail`."""

    cafe_id: Id
    id: Id
    order_id: Id
    address: str
    status: str
    attempts: int
    error: str | None
    asked_by: Id
    asked_at: datetime
    sent_at: datetime | None
    version: int


class LineView(msgspec.Struct, rename="camel", frozen=True):
    """A line of the order with its modifiers in words."""

    name: str
    modifiers: list[str]
    quantity: int
    unit_price: int
    total: int


class TaxView(msgspec.Struct, rename="camel", frozen=True):
    """The tax within the lines of one rate, in basis points: `base` + `tax` = `gross`."""

    rate: int
    base: int
    tax: int
    gross: int


class PaymentLineView(msgspec.Struct, rename="camel", frozen=True):
    """A payment, or what went back of one (below zero)."""

    kind: str
    payment_method: str
    amount: int
    tip: int
    rounding: int
    at: datetime


class ReceiptView(msgspec.Struct, rename="camel", frozen=True, kw_only=True, omit_defaults=True):
    """A receipt. `outstandingAmount` above zero: it is none yet, and has no number."""

    cafe: str
    business: BusinessDetails
    currency: str
    time_zone: str
    order_number: int
    placed_at: datetime
    lines: list[LineView]
    taxes: list[TaxView]
    total_amount: int
    tax_amount: int
    payments: list[PaymentLineView]
    tip_amount: int
    outstanding_amount: int
    is_test: bool
    number: int | None = None
    issued_at: datetime | None = None
    table_number: str | None = None
    takeaway_name: str | None = None


def receipt_of(
    cafe: Cafe,
    order: Order,
    items: Iterable[OrderItem],
    payments: Iterable[Payment],
    refunds: Iterable[Refund],
    row: ReceiptRow | None,
) -> ReceiptView:
    """Everything that stands on the receipt of an order."""
    standing = [item for item in items if not item.voided]
    done = [payment for payment in payments if payment.state == "completed"]
    methods = {payment.id: payment.method for payment in done}
    lines = [
        PaymentLineView(
            "payment", each.method, each.amount_minor, each.tip_minor, each.rounding_minor,
            each.completed_at or each.updated_at,
        )
        for each in done
    ] + [
        PaymentLineView(
            "refund", "customer_credit" if each.destination == "credit" else methods.get(each.payment_id, ""),
            each.tip_minor - each.amount_minor, -each.tip_minor, -each.rounding_minor, each.processed_at,
        )
        for each in refunds
        if each.status == "completed" and each.processed_at is not None
    ]  # fmt: skip
    return ReceiptView(
        cafe=cafe.name,
        business=business_details_of(cafe),
        currency=order.currency,
        time_zone=cafe.time_zone,
        order_number=order.order_number,
        placed_at=order.created_at,
        lines=_lines(order, standing),
        taxes=_taxes(standing),
        total_amount=order.total_minor,
        tax_amount=order.tax_minor,
        payments=sorted(lines, key=lambda line: line.at),
        tip_amount=sum(line.tip for line in lines),
        outstanding_amount=order.outstanding_minor,
        is_test=any(payment.mode == "test" for payment in done),
        number=row.number if row else None,
        issued_at=row.issued_at if row else None,
        table_number=order.table_number,
        takeaway_name=order.takeaway_name,
    )


def _lines(order: Order, items: list[OrderItem]) -> list[LineView]:
    if order.kind == "top_up":
        return [LineView("Credit bought", [], 1, order.total_minor, order.total_minor)]
    return [
        LineView(
            item.name, [str(modifier["name"]) for modifier in item.modifiers], item.quantity, item.unit_price_minor,
            item.total_minor,
        )
        for item in items
    ]  # fmt: skip


def _taxes(items: list[OrderItem]) -> list[TaxView]:
    gross: dict[int, int] = defaultdict(int)
    tax: dict[int, int] = defaultdict(int)
    for item in items:
        gross[item.tax_basis_points] += item.total_minor
        tax[item.tax_basis_points] += tax_within(item.total_minor, item.tax_basis_points)
    return [TaxView(rate, gross[rate] - tax[rate], tax[rate], gross[rate]) for rate in sorted(gross)]
