"""The bodies and query parameters that callers send (contract section 2), and the service requests they stand for.

Only shapes are judged here; what an amount or a text may be is the services' business.
"""

from typing import Annotated, Any, Literal

import msgspec

from tabletap.infra.paging import DEFAULT_LIMIT
from tabletap.kernel.ids import GivenId
from tabletap.orders.model import Line, OrderStatus, PlaceOrder
from tabletap.payments.changing import ChangeOrder
from tabletap.payments.counter import ConfirmTransfer
from tabletap.payments.model import DisputeStatus, RefundStatus
from tabletap.payments.moving import MoveOrder
from tabletap.payments.order_refunds import ExpectedRefund, RefundOrder
from tabletap.payments.refunds import ConfirmRefund, RefundPayment
from tabletap.payments.reviewing import ReviewAction, ReviewPayment
from tabletap.payments.service import StartPayment
from tabletap.payments.top_ups import TopUp

ShortText = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
LongText = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
Address = Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]
Secret = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
Version = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class Given(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What every request has in common: camelCase names, and no others than these."""


class Nothing(Given, frozen=True):
    """The body of a request that needs none: nothing at all, or an empty object."""


NOTHING = Nothing()


# --- signing in -------------------------------------------------------------------------


class LoginRequest(Given, frozen=True):
    """`POST /auth/login`."""

    email: Annotated[str, msgspec.Meta(min_length=1, max_length=254)]
    password: Secret
    cafe_id: GivenId | None = None


class RefreshRequest(Given, frozen=True):
    """`POST /auth/refresh` and `/auth/logout`."""

    refresh_token: Secret


class GuestRequest(Given, frozen=True):
    """`POST /auth/guest`."""

    table_code: Secret


# --- orders -----------------------------------------------------------------------------


class LineRequest(Given, frozen=True):
    """One line of an order."""

    menu_item_id: GivenId
    quantity: int
    modifier_ids: Annotated[tuple[GivenId, ...], msgspec.Meta(max_length=30)] = ()
    note: LongText | None = None

    def wanted(self) -> Line:
        """As the service takes it."""
        return Line(
            menu_item_id=self.menu_item_id, quantity=self.quantity, modifier_ids=self.modifier_ids, note=self.note
        )


class OrderRequest(Given, frozen=True):
    """`POST /orders`."""

    items: tuple[LineRequest, ...]
    table_id: GivenId | None = None
    takeaway_name: ShortText | None = None
    client_order_id: ShortText | None = None
    expected_total_amount: int | None = None
    cafe_id: GivenId | None = None
    currency: Word | None = None

    def wanted(self) -> PlaceOrder:
        """As the service takes it."""
        return PlaceOrder(
            items=tuple(item.wanted() for item in self.items),
            table_id=self.table_id,
            takeaway_name=self.takeaway_name,
            client_order_id=self.client_order_id,
            expected_total_minor=self.expected_total_amount,
            cafe_id=self.cafe_id,
            currency=self.currency,
        )


class ChangeOrderRequest(Given, frozen=True):
    """`PATCH /orders/{id}`: lines to add, and the ids of lines to take off."""

    expected_version: Version
    add: Annotated[tuple[LineRequest, ...], msgspec.Meta(max_length=100)] = ()
    void: Annotated[tuple[GivenId, ...], msgspec.Meta(max_length=100)] = ()

    def wanted(self) -> ChangeOrder:
        """As the service takes it."""
        add = tuple(line.wanted() for line in self.add)
        return ChangeOrder(expected_version=self.expected_version, add=add, void=self.void)


class StatusRequest(Given, frozen=True):
    """`POST /orders/{id}/status`."""

    status: OrderStatus
    expected_version: Version | None = None
    reason: LongText | None = None

    def wanted(self) -> MoveOrder:
        """As the service takes it."""
        return MoveOrder(status=self.status, expected_version=self.expected_version, reason=self.reason)


# --- payments ---------------------------------------------------------------------------


class PaymentRequest(Given, frozen=True):
    """`POST /payments`."""

    order_id: GivenId
    payment_method: Word
    amount: int | None = None
    tip_amount: int = 0
    credit_amount: int | None = None
    """Of the amount, what the customer's credit pays; the method pays the rest and the tip."""
    customer_id: GivenId | None = None
    split_id: GivenId | None = None
    return_url: Address | None = None
    metadata: dict[str, Any] | None = None
    cafe_id: GivenId | None = None
    currency: Word | None = None

    def wanted(self) -> StartPayment:
        """As the service takes it."""
        return StartPayment(
            order_id=self.order_id,
            method=self.payment_method,
            amount_minor=self.amount,
            tip_minor=self.tip_amount,
            credit_minor=self.credit_amount,
            customer_id=self.customer_id,
            split_id=self.split_id,
            return_url=self.return_url,
            metadata=self.metadata,
            cafe_id=self.cafe_id,
            currency=self.currency,
        )


class TopUpRequest(Given, frozen=True):
    """`POST /credits/top-ups`: customers buy for themselves, staff name a customer."""

    amount: int
    customer_id: GivenId | None = None
    client_order_id: ShortText | None = None
    cafe_id: GivenId | None = None
    currency: Word | None = None

    def wanted(self) -> TopUp:
        """As the service takes it."""
        return TopUp(
            amount_minor=self.amount,
            customer_id=self.customer_id,
            client_order_id=self.client_order_id,
            cafe_id=self.cafe_id,
            currency=self.currency,
        )


class RefundRequest(Given, frozen=True):
    """`POST /payments/{id}/refunds`; no amount means all that is left. Without a reason the refund says so."""

    amount: int | None = None
    reason: LongText | None = None
    destination: Literal["original", "credit"] = "original"
    include_tips: bool = True

    def wanted(self) -> RefundPayment:
        """As the service takes it."""
        return RefundPayment(
            amount_minor=self.amount,
            reason=self.reason,
            destination=self.destination,
            include_tips=self.include_tips,
        )


ALL_THAT_IS_LEFT = RefundRequest()


class PlannedRefundRequest(Given, frozen=True):
    """One refund of the plan that was shown."""

    payment_id: GivenId
    amount: int


class OrderRefundRequest(Given, frozen=True):
    """`POST /orders/{id}/refunds`; no amount means all that is left. Another plan than the expected one is refused."""

    amount: int | None = None
    include_tips: bool = True
    destination: Literal["original", "credit"] = "original"
    reason: LongText | None = None
    expected_plan: Annotated[tuple[PlannedRefundRequest, ...], msgspec.Meta(max_length=200)] | None = None

    def wanted(self) -> RefundOrder:
        """As the service takes it."""
        shown = self.expected_plan
        return RefundOrder(
            amount_minor=self.amount,
            include_tips=self.include_tips,
            destination=self.destination,
            reason=self.reason,
            expected_plan=None
            if shown is None
            else tuple(ExpectedRefund(payment_id=each.payment_id, amount_minor=each.amount) for each in shown),
        )


ALL_OF_THE_ORDER = OrderRefundRequest()


class ConfirmRefundRequest(Given, frozen=True):
    """`POST /refunds/{id}/confirm`: the transfer was sent, or it will not be."""

    sent: bool = True
    bank_reference: ShortText | None = None
    reason: LongText | None = None

    def wanted(self) -> ConfirmRefund:
        """As the service takes it."""
        return ConfirmRefund(sent=self.sent, bank_reference=self.bank_reference, reason=self.reason)


SENT = ConfirmRefundRequest()


class ReviewRequest(Given, frozen=True):
    """`POST /payments/{id}/review`."""

    action: ReviewAction
    reason: LongText

    def wanted(self) -> ReviewPayment:
        """As the service takes it."""
        return ReviewPayment(action=self.action, reason=self.reason)


class ReleaseRequest(Given, frozen=True):
    """`POST /payments/{id}/release`."""

    reason: LongText


class CashRequest(Given, frozen=True):
    """`POST /payments/{id}/cash`."""

    received: int


class ConfirmRequest(Given, frozen=True):
    """`POST /qr-payments/{id}/confirm`."""

    amount: int
    bank_reference: ShortText | None = None
    accept_difference: bool = False
    """Another amount than what is due is what came: less pays in part, more waits for a decision."""

    def wanted(self) -> ConfirmTransfer:
        """As the service takes it."""
        return ConfirmTransfer(
            amount_minor=self.amount, bank_reference=self.bank_reference, accept_difference=self.accept_difference
        )


# --- credit and tips --------------------------------------------------------------------


class CreditRequest(Given, frozen=True):
    """`POST /credits/add` and `/credits/deduct`."""

    customer_id: GivenId
    amount: int
    reason: LongText
    order_id: GivenId | None = None
    metadata: dict[str, Any] | None = None
    cafe_id: GivenId | None = None
    currency: Word | None = None


class TipRequest(Given, frozen=True):
    """`POST /tips/calculate`: one of the two."""

    order_id: GivenId
    percentage: int | None = None
    fixed_amount: int | None = None


# --- query parameters -------------------------------------------------------------------


class PageQuery(Given, frozen=True):
    """Which page of a list."""

    limit: int = DEFAULT_LIMIT
    cursor: Secret | None = None


class OrdersQuery(PageQuery, frozen=True):
    """`GET /orders`."""

    status: OrderStatus | None = None


class PaymentsQuery(PageQuery, frozen=True):
    """`GET /payments`; `needsReview=true`: those that a person has to look at."""

    order_id: GivenId | None = None
    needs_review: Literal["true"] | None = None


class DisputesQuery(PageQuery, frozen=True):
    """`GET /disputes`."""

    status: DisputeStatus | None = None


class RefundsQuery(PageQuery, frozen=True):
    """`GET /refunds`."""

    status: RefundStatus | None = None


class PaymentQuery(Given, frozen=True):
    """`GET /payments/{id}` and `POST /payments`: the image only for those who want it."""

    include: Literal["qrCodeData"] | None = None


class CustomerQuery(Given, frozen=True):
    """`GET /credits/balance`; customers need not name themselves."""

    customer_id: GivenId | None = None


class CreditHistoryQuery(PageQuery, frozen=True):
    """`GET /credits/history`."""

    customer_id: GivenId | None = None


class EventsQuery(Given, frozen=True):
    """`GET /events`: after a cursor `epoch:seq`, or `0` from the oldest that is kept."""

    stream: Secret
    after: Annotated[str, msgspec.Meta(pattern=r"^(0|[0-9]{1,9}:[0-9]{1,15})$")] = "0"
    limit: int = DEFAULT_LIMIT
