"""The one register of live events: what each is called, whom it is told to, and what of it (contract 4.3).

The reference page, asyncapi.json and events.d.ts are made from it, and a test holds every emitted event against it.
"""

from collections.abc import Mapping

import msgspec

from tabletap.audiences.payloads import (
    Announced,
    AnnouncedToStaff,
    CreditAccountTold,
    CreditChanged,
    CreditChangedForOwner,
    DayTold,
    DisputeTold,
    DrawerTold,
    KitchenTicket,
    KitchenTicketChanged,
    OrderChangedTold,
    OrderInPreparation,
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
)
from tabletap.audiences.streams import Audience
from tabletap.kernel.ids import Id

_ORDER, _PAYMENT, _USER = Audience.ORDER, Audience.PAYMENT, Audience.USER
_STAFF, _COUNTER, _KITCHEN = Audience.STAFF, Audience.COUNTER, Audience.KITCHEN
_MANAGEMENT, _BOARD, _ROLE = Audience.MANAGEMENT, Audience.BOARD, Audience.ROLE


class Envelope(msgspec.Struct, frozen=True, rename="camel"):
    """What every event carries beside its own fields."""

    event_id: Id
    """One named event has one id in every stream, webhook and poll."""
    cause_id: Id
    """Shared by the events of one change."""
    name: str
    timestamp: int
    """When it happened: milliseconds since 1970."""
    schema_version: int
    cafe_id: Id
    stream: str
    """The key of the stream that this copy was written to."""
    epoch: int
    """Changes only when a stream had to be restarted (a restored backup)."""
    seq: int
    """Within a stream and epoch 1, 2, 3 … with no gap and no repeat."""


class EventModel(msgspec.Struct, frozen=True):
    """A named event and what each of its audiences is told."""

    name: str
    says: str
    payloads: Mapping[Audience, type[Payload]]


def _event(name: str, says: str, *same: tuple[type[Payload], tuple[Audience, ...]]) -> tuple[str, EventModel]:
    return name, EventModel(name, says, {audience: payload for payload, heard in same for audience in heard})


_WHO_PAYS = (_PAYMENT, _ORDER, _USER, _STAFF, _COUNTER, _MANAGEMENT)

EVENTS: dict[str, EventModel] = dict(
    (
        _event(
            "order_created",
            "Somebody placed an order.",
            (OrderPlaced, (_ORDER,)),
            (OrderPlacedInCafe, (_STAFF, _COUNTER, _MANAGEMENT)),
        ),
        _event(
            "order_status_changed",
            "An order moved on.",
            (OrderMoved, (_ORDER, _STAFF, _COUNTER, _KITCHEN, _MANAGEMENT)),
        ),
        _event("new_paid_order", "The kitchen has something to make.", (KitchenTicket, (_KITCHEN,))),
        _event(
            "order_changed",
            "Lines were added to an order or taken off it.",
            (OrderChangedTold, (_ORDER, _STAFF, _COUNTER, _MANAGEMENT)),
            (KitchenTicketChanged, (_KITCHEN,)),
        ),
        _event(
            "order_in_preparation",
            "The kitchen began with an order.",
            (OrderInPreparation, (_STAFF, _COUNTER)),
        ),
        _event(
            "order_ready",
            "An order can be collected.",
            (OrderReady, (_ORDER, _STAFF, _COUNTER)),
            (OrderReadyOnBoard, (_BOARD,)),
        ),
        _event("payment_initiated", "Somebody started to pay.", (PaymentTold, _WHO_PAYS)),
        _event("payment_state_sync", "A payment's state changed.", (PaymentTold, _WHO_PAYS)),
        _event(
            "qr_payment_scanned",
            "The payer opened the page of a bank transfer.",
            (QrScannedTold, (_PAYMENT, _COUNTER)),
        ),
        _event(
            "payment_refunded",
            "Money goes back: reserved (pending), gone (completed) or refused (failed).",
            (RefundTold, (_PAYMENT, _ORDER, _USER, _COUNTER, _MANAGEMENT)),
        ),
        _event(
            "payment_disputed",
            "A payment is disputed, or a dispute of it was decided.",
            (DisputeTold, (_PAYMENT, _COUNTER, _MANAGEMENT)),
        ),
        _event(
            "credit_added",
            "A customer has more credit.",
            (CreditChangedForOwner, (_USER,)),
            (CreditChanged, (_COUNTER,)),
        ),
        _event(
            "credit_deducted",
            "A customer has less credit.",
            (CreditChangedForOwner, (_USER,)),
            (CreditChanged, (_COUNTER,)),
        ),
        _event(
            "credit_account_changed",
            "A customer's credit was suspended, reactivated or closed.",
            (CreditAccountTold, (_USER, _COUNTER, _MANAGEMENT)),
        ),
        _event(
            "tip_distributed",
            "Tips were shared out, taken back or assigned.",
            (TipsDistributedTold, (_MANAGEMENT,)),
        ),
        _event(
            "drawer_changed",
            "A drawer was opened, moved by hand, counted or closed.",
            (DrawerTold, (_COUNTER, _MANAGEMENT)),
        ),
        _event("day_closed", "A business day was closed.", (DayTold, (_MANAGEMENT,))),
        _event(
            "security_event",
            "Something near money was refused that a manager wants to know of; repeated within a minute it is counted.",
            (SecurityEventTold, (_MANAGEMENT,)),
        ),
        _event("split_changed", "The shares of a bill changed.", (SplitTold, (_ORDER, _COUNTER))),
        _event(
            "announcement",
            "A manager said something to everybody, to some people, or to the streams that were named.",
            (Announced, (_USER, _BOARD)),
            (AnnouncedToStaff, (_STAFF, _ROLE)),
        ),
    )
)
"""Every event by its name."""
