"""From facts to what people hear: one fact becomes events, each written to the streams of those concerned."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from tabletap.audiences.events import AnnouncementMade
from tabletap.audiences.payloads import (
    Announced,
    AnnouncedToStaff,
    CreditAccountTold,
    CreditChanged,
    CreditChangedForOwner,
    DayTold,
    DisputeTold,
    DrawerTold,
    KitchenTicketChanged,
    OrderChangedTold,
    OrderInPreparation,
    OrderLine,
    OrderMoved,
    OrderPlaced,
    OrderPlacedInCafe,
    OrderReady,
    OrderReadyOnBoard,
    Payload,
    PaymentTold,
    QrScannedTold,
    RefundTold,
    SecurityEventTold,
    SplitTold,
    TipsDistributedTold,
    kitchen_item,
    kitchen_ticket,
)
from tabletap.audiences.streams import Audience, StreamName, of_cafe, of_order, of_payment, of_user, parse
from tabletap.credits.events import CreditAccountChanged, CreditMoved
from tabletap.kernel.events import Event, Fact
from tabletap.kernel.ids import Id, new_id
from tabletap.orders.events import OrderChanged, OrderCreated, OrderStatusChanged
from tabletap.orders.model import Order, OrderItem
from tabletap.payments.disputes.events import DisputeMoved
from tabletap.payments.events import PaymentInitiated, PaymentMoved, PaymentRefunded, SplitChanged
from tabletap.payments.model import Payment, PaymentState
from tabletap.payments.security.events import RefusalNoticed
from tabletap.payments.security.model import SEVERITIES
from tabletap.payments.views import split_view
from tabletap.qr.events import QrPaymentScanned
from tabletap.till.days.events import DayClosed
from tabletap.till.events import DrawerChanged
from tabletap.tips.sharing.events import TipDistributed

_encode = msgspec.json.Encoder().encode


class Telling(msgspec.Struct, frozen=True):
    """One named event before it is spread over its streams."""

    name: str
    heard: tuple[tuple[StreamName, Payload], ...]
    event_id: Id | None = None
    """Where the id was given to somebody already."""


def events_of(fact: Fact, cause_id: Id | None = None) -> list[Event]:
    """What is told of a fact: nothing, if nobody needs to hear.

    A named event has one id in all its streams; the events of one change share the cause.
    """
    tell = _TELLERS.get(type(fact))
    if tell is None:
        return []
    cause = cause_id or new_id()
    return [event for telling in tell(fact) for event in _spread(fact, telling, cause)]


def _spread(fact: Fact, telling: Telling, cause_id: Id) -> Iterable[Event]:
    event_id = telling.event_id or new_id()
    encoded: dict[int, bytes] = {}
    for stream, payload in telling.heard:
        data = encoded.get(id(payload)) or encoded.setdefault(id(payload), _encode(payload))
        yield Event(
            cafe_id=fact.cafe_id,
            stream=stream.key,
            name=telling.name,
            data=data,
            event_id=event_id,
            cause_id=cause_id,
            at=fact.at,
        )


def _telling(name: str, *heard: tuple[Payload, Iterable[StreamName | None]]) -> Telling:
    return Telling(name, tuple((stream, payload) for payload, streams in heard for stream in streams if stream))


def _in(cafe_id: Id, *audiences: Audience) -> list[StreamName]:
    return [of_cafe(audience, cafe_id) for audience in audiences]


def _order_created(fact: OrderCreated) -> list[Telling]:
    order = fact.order
    placed = OrderPlaced(
        order_id=order.id,
        order_number=order.order_number,
        status=order.status,
        total_amount=order.total_minor,
        currency=order.currency,
        version=order.version,
        table_number=order.table_number,
    )
    in_cafe = OrderPlacedInCafe(
        **msgspec.structs.asdict(placed),
        item_count=sum(item.quantity for item in fact.items if not item.voided),
        takeaway_name=order.takeaway_name,
    )
    cafe = _in(fact.cafe_id, Audience.STAFF, Audience.COUNTER, Audience.MANAGEMENT)
    return [_telling("order_created", (placed, [of_order(order.id)]), (in_cafe, cafe))]


def _order_status_changed(fact: OrderStatusChanged) -> list[Telling]:
    order = fact.order
    moved = OrderMoved(
        order_id=order.id,
        order_number=order.order_number,
        previous_status=fact.previous_status,
        status=order.status,
        version=order.version,
        reason=fact.reason,
    )
    cafe = _in(fact.cafe_id, Audience.STAFF, Audience.COUNTER, Audience.KITCHEN, Audience.MANAGEMENT)
    tellings = [_telling("order_status_changed", (moved, [of_order(order.id), *cafe]))]
    if fact.for_kitchen:
        ticket = kitchen_ticket(order, fact.items or [])
        tellings.append(_telling("new_paid_order", (ticket, _in(fact.cafe_id, Audience.KITCHEN))))
    if order.status == "preparing":
        tellings.append(_in_preparation(order))
    if order.status == "ready":
        tellings.append(_ready(order))
    return tellings


def _order_changed(fact: OrderChanged) -> list[Telling]:
    order = fact.order
    told = OrderChangedTold(
        order_id=order.id,
        order_number=order.order_number,
        status=order.status,
        payment_status=order.payment_status,
        total_amount=order.total_minor,
        outstanding_amount=order.outstanding_minor,
        currency=order.currency,
        version=order.version,
        added=[_line(item) for item in fact.added],
        voided=[_line(item) for item in fact.voided],
        table_number=order.table_number,
    )
    heard: list[tuple[Payload, Iterable[StreamName | None]]] = [
        (told, [of_order(order.id), *_in(fact.cafe_id, Audience.STAFF, Audience.COUNTER, Audience.MANAGEMENT)])
    ]
    if fact.for_kitchen:
        ticket = KitchenTicketChanged(
            **msgspec.structs.asdict(kitchen_ticket(order, fact.items)),
            added=[kitchen_item(item) for item in fact.added],
            voided=[kitchen_item(item) for item in fact.voided],
        )
        heard.append((ticket, _in(fact.cafe_id, Audience.KITCHEN)))
    return [_telling("order_changed", *heard)]


def _line(item: OrderItem) -> OrderLine:
    return OrderLine(order_item_id=item.id, name=item.name, quantity=item.quantity, total=item.total_minor)


def _in_preparation(order: Order) -> Telling:
    payload = OrderInPreparation(
        order_id=order.id, order_number=order.order_number, version=order.version, table_number=order.table_number
    )
    return _telling("order_in_preparation", (payload, _in(order.cafe_id, Audience.STAFF, Audience.COUNTER)))


def _ready(order: Order) -> Telling:
    ready = OrderReady(
        order_id=order.id, order_number=order.order_number, version=order.version, table_number=order.table_number
    )
    concerned = [of_order(order.id), *_in(order.cafe_id, Audience.STAFF, Audience.COUNTER)]
    on_board = OrderReadyOnBoard(order_number=order.order_number)
    return _telling("order_ready", (ready, concerned), (on_board, _in(order.cafe_id, Audience.BOARD)))


def payment_told(payment: Payment, previous: PaymentState | None = None) -> PaymentTold:
    """A payment as live screens hear of it; snapshots use it too."""
    return PaymentTold(
        payment_id=payment.id,
        order_id=payment.order_id,
        status=payment.shown_state,
        amount=payment.amount_minor,
        tip_amount=payment.tip_minor,
        total_amount=payment.total_minor,
        currency=payment.currency,
        payment_method=payment.method,
        retry_count=payment.check_count,
        last_updated=payment.updated_at,
        previous_status=previous,
        needs_review=payment.needs_review,
        review_reason=payment.review_reason,
    )


def _payer(payment: Payment) -> StreamName | None:
    """The payer's own stream; where staff act for nobody in particular there is none."""
    payer = payment.customer_id or (payment.initiated_by if payment.staff_id is None else None)
    return of_user(payer) if payer else None


def _about_payment(payment: Payment) -> list[StreamName | None]:
    return [of_payment(payment.id), of_order(payment.order_id), _payer(payment)]


def _payment_initiated(fact: PaymentInitiated) -> list[Telling]:
    return [_payment(fact, "payment_initiated", fact.payment, None)]


def _payment_moved(fact: PaymentMoved) -> list[Telling]:
    return [_payment(fact, "payment_state_sync", fact.payment, fact.previous_state)]


def _payment(fact: Fact, name: str, payment: Payment, previous: PaymentState | None) -> Telling:
    cafe = _in(fact.cafe_id, Audience.STAFF, Audience.COUNTER, Audience.MANAGEMENT)
    return _telling(name, (payment_told(payment, previous), [*_about_payment(payment), *cafe]))


def _payment_refunded(fact: PaymentRefunded) -> list[Telling]:
    payment, refund = fact.payment, fact.refund
    told = RefundTold(
        original_payment_id=payment.id,
        order_id=payment.order_id,
        refund_id=refund.id,
        refund_amount=refund.amount_minor,
        currency=payment.currency,
        status=refund.status,
    )
    cafe = _in(fact.cafe_id, Audience.COUNTER, Audience.MANAGEMENT)
    return [_telling("payment_refunded", (told, [*_about_payment(payment), *cafe]))]


def _payment_disputed(fact: DisputeMoved) -> list[Telling]:
    dispute = fact.dispute
    told = DisputeTold(
        dispute_id=dispute.id,
        payment_id=dispute.payment_id,
        order_id=dispute.order_id,
        amount=dispute.amount_minor,
        currency=dispute.currency,
        status=dispute.status,
        reason=dispute.reason,
        previous_status=fact.previous_status,
    )
    cafe = _in(fact.cafe_id, Audience.COUNTER, Audience.MANAGEMENT)
    return [_telling("payment_disputed", (told, [of_payment(dispute.payment_id), *cafe]))]


def _credit_moved(fact: CreditMoved) -> list[Telling]:
    moved = fact.transaction
    told = CreditChanged(
        customer_id=moved.customer_id,
        amount=abs(moved.amount_minor),
        type=moved.type,
        transaction_id=moved.id,
        order_id=moved.order_id,
    )
    for_owner = CreditChangedForOwner(**msgspec.structs.asdict(told), new_balance=moved.balance_after_minor)
    name = "credit_added" if moved.amount_minor > 0 else "credit_deducted"
    counter = _in(fact.cafe_id, Audience.COUNTER)
    return [_telling(name, (for_owner, [of_user(moved.customer_id)]), (told, counter))]


def _credit_account_changed(fact: CreditAccountChanged) -> list[Telling]:
    change = fact.change
    told = CreditAccountTold(
        customer_id=change.customer_id, status=change.to_status, previous_status=change.from_status
    )
    heard = [of_user(change.customer_id), *_in(fact.cafe_id, Audience.COUNTER, Audience.MANAGEMENT)]
    return [_telling("credit_account_changed", (told, heard))]


def _split_changed(fact: SplitChanged) -> list[Telling]:
    order = fact.order
    shares = [share for share in fact.shares if share.status != "cancelled"]
    view = split_view(order.id, order.outstanding_minor, shares, fact.at)
    told = SplitTold(
        order_id=order.id, method=view.method, shares=view.shares, outstanding_amount=view.outstanding_amount
    )
    return [_telling("split_changed", (told, [of_order(order.id), *_in(fact.cafe_id, Audience.COUNTER)]))]


def _refusal_noticed(fact: RefusalNoticed) -> list[Telling]:
    event = fact.event
    told = SecurityEventTold(
        security_event_id=event.id,
        rule=event.rule,
        severity=SEVERITIES.get(event.rule, "notice"),
        count=event.count,
        route=event.route,
        first_at=event.first_at,
        last_at=event.last_at,
        person_id=event.person_id,
        address=event.address,
        order_id=event.order_id,
        payment_id=event.payment_id,
        amount=event.amount_minor,
        payment_method=event.method,
    )
    return [_telling("security_event", (told, _in(fact.cafe_id, Audience.MANAGEMENT)))]


def _tip_distributed(fact: TipDistributed) -> list[Telling]:
    done = fact.distribution
    told = TipsDistributedTold(
        distribution_id=done.id,
        kind=done.kind,
        group_id=done.group_id,
        business_day=done.business_day,
        amount=done.amount_minor,
        unassigned_amount=sum(share.amount_minor for share in fact.shares if share.staff_id is None),
        currency=done.currency,
        payment_id=done.payment_id,
    )
    return [_telling("tip_distributed", (told, _in(fact.cafe_id, Audience.MANAGEMENT)))]


def _qr_payment_scanned(fact: QrPaymentScanned) -> list[Telling]:
    told = QrScannedTold(qr_payment_id=fact.qr_payment_id, payment_id=fact.payment_id, order_id=fact.order_id)
    heard = [of_payment(fact.payment_id), *_in(fact.cafe_id, Audience.COUNTER)]
    return [_telling("qr_payment_scanned", (told, heard))]


def _drawer_changed(fact: DrawerChanged) -> list[Telling]:
    session = fact.session
    told = DrawerTold(
        session_id=session.id,
        drawer=session.drawer,
        status=session.status,
        opened_by=session.opened_by,
        counted_at=session.counted_at,
        difference_amount=session.difference_minor,
    )
    return [_telling("drawer_changed", (told, _in(fact.cafe_id, Audience.COUNTER, Audience.MANAGEMENT)))]


def _day_closed(fact: DayClosed) -> list[Telling]:
    closed = fact.closed
    told = DayTold(
        business_day=closed.business_day, z_number=closed.z_number, closed_by=closed.closed_by, reason=closed.reason
    )
    return [_telling("day_closed", (told, _in(fact.cafe_id, Audience.MANAGEMENT)))]


def _announcement_made(fact: AnnouncementMade) -> list[Telling]:
    words = Announced(message=fact.message)
    to_staff = AnnouncedToStaff(message=fact.message, announced_by=fact.announced_by)
    named = [stream for stream in map(parse, fact.streams) if stream is not None]
    heard = tuple(
        (stream, to_staff if stream.audience in (Audience.STAFF, Audience.ROLE) else words) for stream in named
    )
    return [Telling("announcement", heard, fact.announcement_id)]


_TELLERS: dict[type[Fact], Callable[[Any], list[Telling]]] = {
    OrderCreated: _order_created,
    OrderStatusChanged: _order_status_changed,
    OrderChanged: _order_changed,
    PaymentInitiated: _payment_initiated,
    PaymentMoved: _payment_moved,
    PaymentRefunded: _payment_refunded,
    DisputeMoved: _payment_disputed,
    CreditMoved: _credit_moved,
    CreditAccountChanged: _credit_account_changed,
    SplitChanged: _split_changed,
    QrPaymentScanned: _qr_payment_scanned,
    RefusalNoticed: _refusal_noticed,
    TipDistributed: _tip_distributed,
    DrawerChanged: _drawer_changed,
    DayClosed: _day_closed,
    AnnouncementMade: _announcement_made,
}
