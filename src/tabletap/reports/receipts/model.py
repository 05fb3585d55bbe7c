"""What a receipt says. Pure.

Prices contain tax; the tax of each rate is the sum of the tax within its lines, so that the rates sum to the tax of the
order to the cent. What is not paid in full has no number and says so. What went back is a credit note below the
receipt that it belongs to, with the tax that went back. The receipt of one payment is the same with that payment alone.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

import msgspec

from tabletap.cafes.model import BusinessDetails, Cafe, business_details_of
from tabletap.kernel.ids import Id
from tabletap.orders.model import Order, OrderItem, in_proportion, tax_within
from tabletap.payments.model import Payment, Refund, Share


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


class PartView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """What one payment has to do with the bill: `amount` of it, with `tax` in it, and the share that it paid."""

    payment_id: Id
    amount: int
    tax: int
    share: str | None = None


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
    is_copy: bool = False
    """It was issued before."""
    is_cancelled: bool = False
    refunded_amount: int = 0
    """What went back of the bill, tips not among it: the credit note."""
    tax_refunded_amount: int = 0
    part: PartView | None = None
    """Of the receipt of one payment."""


class Behind(msgspec.Struct, frozen=True):
    """The rows that a receipt is made of."""

    cafe: Cafe
    order: Order
    items: list[OrderItem]
    payments: list[Payment]
    refunds: list[Refund]
    shares: list[Share] = []


def is_settled(order: Order) -> bool:
    """Whether an order can have a receipt: all of it was paid, whatever went back since."""
    return order.payment_status != "unpaid" and order.outstanding_minor == 0


def receipt_of(behind: Behind, row: ReceiptRow | None, *, is_copy: bool = False) -> ReceiptView:
    """Everything that stands on the receipt of an order. What was added after it was issued has to be paid first."""
    cafe, order = behind.cafe, behind.order
    standing = [item for item in behind.items if not item.voided]
    done = [payment for payment in behind.payments if payment.state == "completed"]
    issued = row if row is not None and is_settled(order) else None
    is_cancelled = order.status == "cancelled"
    lines = _payment_lines(done, behind.refunds)
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
        payments=lines,
        tip_amount=sum(line.tip for line in lines),
        outstanding_amount=0 if is_cancelled else order.outstanding_minor,
        is_test=any(payment.mode == "test" for payment in done),
        number=issued.number if issued else None,
        issued_at=issued.issued_at if issued else None,
        table_number=order.table_number,
        takeaway_name=order.takeaway_name,
        is_copy=is_copy and issued is not None,
        is_cancelled=is_cancelled,
        refunded_amount=order.refunded_minor,
        tax_refunded_amount=order.tax_refunded_minor,
    )


def part_of(whole: ReceiptView, behind: Behind, payment: Payment) -> ReceiptView:
    """The receipt of one payment of an order: what it paid, and what went back of it."""
    order = behind.order
    back = [refund for refund in behind.refunds if refund.payment_id == payment.id]
    lines = _payment_lines([payment], back)
    label = next((share.label for share in behind.shares if share.id == payment.split_id), None)
    refunded_minor = sum(refund.order_minor for refund in back if refund.status == "completed")
    return msgspec.structs.replace(
        whole,
        payments=lines,
        tip_amount=sum(line.tip for line in lines),
        is_test=payment.mode == "test",
        refunded_amount=refunded_minor,
        tax_refunded_amount=in_proportion(order.tax_minor, refunded_minor, order.total_minor),
        part=PartView(payment.id, payment.amount_minor, _tax_in(behind, payment), label),
    )


def _tax_in(behind: Behind, payment: Payment) -> int:
    """What this payment added to the tax that was paid: so the parts of a bill sum to its tax."""
    order = behind.order
    done = [each for each in behind.payments if each.state == "completed"]
    earlier = sum(_of_bill(each) for each in done if _turn(each) < _turn(payment))
    before, after = (
        in_proportion(order.tax_minor, paid, order.total_minor) for paid in (earlier, earlier + _of_bill(payment))
    )
    return after - before


def _of_bill(payment: Payment) -> int:
    return payment.amount_minor - payment.suspense_minor


def _turn(payment: Payment) -> tuple[datetime, Id]:
    return payment.completed_at or payment.updated_at, payment.id


def _payment_lines(done: Iterable[Payment], refunds: Iterable[Refund]) -> list[PaymentLineView]:
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
    return sorted(lines, key=lambda line: line.at)


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
