"""What several namespaces understand, each on one page: a gateway takes the ones it needs."""

from tabletap.audiences.roll_call import RollCall
from tabletap.audiences.streams import of_order, of_payment
from tabletap.infra.idempotency import IdempotencyKeyRequired, IdempotencyKeyReused, RequestInProgress
from tabletap.kernel.cards import CardNumberRefused
from tabletap.kernel.errors import VersionConflict
from tabletap.orders.errors import OrderNotFound, TransitionNotAllowed
from tabletap.orders.model import OrderView
from tabletap.payments.errors import PaymentNotFound, RefundNeedsApproval
from tabletap.payments.security.errors import AddressBlocked
from tabletap.realtime.gateway import Gateway, command
from tabletap.realtime.messages import AskRollCall, JoinOrder, JoinPayment, OrderStatusUpdate, Subscribed
from tabletap.realtime.sessions import Session
from tabletap.realtime.subscriptions import TooManyStreams

_OF_A_MOVE = (
    OrderNotFound,
    TransitionNotAllowed,
    VersionConflict,
    AddressBlocked,
    CardNumberRefused,
    RefundNeedsApproval,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    RequestInProgress,
)


class JoinsOrders(Gateway):
    """Orders can be joined by their id."""

    @command("join_order", JoinOrder, OrderNotFound, TooManyStreams)
    async def join_order(self, session: Session, message: JoinOrder) -> Subscribed:
        """Hear of one order."""
        return await self.subscriptions.subscribe(session, of_order(message.order_id).key)


class JoinsPayments(Gateway):
    """Payments can be joined by their id."""

    @command("join_payment", JoinPayment, PaymentNotFound, TooManyStreams)
    async def join_payment(self, session: Session, message: JoinPayment) -> Subscribed:
        """Hear of one payment."""
        return await self.subscriptions.subscribe(session, of_payment(message.payment_id).key)


class MovesOrders(Gateway):
    """Orders can be moved on."""

    @command("order_status_update", OrderStatusUpdate, *_OF_A_MOVE)
    async def move(self, session: Session, message: OrderStatusUpdate) -> OrderView:
        """Move an order on. Screens learn of it from the stream, not from here."""
        return await self.move_order(
            session.actor,
            message.order_id,
            message.status,
            message.expected_version,
            message.reason,
            message.command_id,
        )


class CallsTheRoll(Gateway):
    """Who is connected can be asked."""

    @command("roll_call", AskRollCall)
    async def roll_call(self, session: Session, _: AskRollCall) -> RollCall:
        """Say who is connected to the cafe, and how far behind their screens are."""
        return await self.presence.roll_call(session.actor)
