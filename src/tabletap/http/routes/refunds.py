"""Refunds: of a payment, of a whole order, and what became of them (contract 2, `/payments/{id}/refunds`)."""

from litestar import get, post
from litestar.params import JSONBody

from tabletap.http.answers import Answer, answer
from tabletap.http.call import Call
from tabletap.http.door import door, without_cards
from tabletap.http.requests import (
    ALL_OF_THE_ORDER,
    ALL_THAT_IS_LEFT,
    SENT,
    ConfirmRefundRequest,
    OrderRefundRequest,
    RefundRequest,
    RefundsQuery,
)
from tabletap.infra.paging import Page
from tabletap.kernel.people import Role
from tabletap.orders.errors import OrderNotFound
from tabletap.payments.errors import PaymentNotFound, RefundNotFound
from tabletap.payments.views import OrderRefundView, RefundListView, RefundPlanView, RefundView


@post("/payments/{payment_id:str}/refunds", status_code=201, opt=door(Role.MANAGER, money=True))
async def refund_payment(request: Call, data: JSONBody[RefundRequest] = ALL_THAT_IS_LEFT) -> Answer[RefundView]:
    """Give money back: an amount, or all that is left."""
    payment_id, once = request.id_of("payment_id", PaymentNotFound), request.once(data)
    return answer(await request.services.refunds.refund(payment_id, data.wanted(), request.user, once))


@post("/payments/{payment_id:str}/refunds/preview", status_code=200, opt=without_cards(Role.MANAGER))
async def preview_refund(request: Call, data: JSONBody[RefundRequest] = ALL_THAT_IS_LEFT) -> RefundPlanView:
    """What a refund would come to: its parts, and what the guest would get. Nothing changes."""
    payment_id = request.id_of("payment_id", PaymentNotFound)
    return await request.services.refunds.preview(payment_id, data.wanted(), request.user)


@get("/payments/{payment_id:str}/refunds", opt=door(Role.STAFF))
async def list_refunds(request: Call) -> RefundListView:
    """The refunds of a payment, oldest first."""
    return await request.services.refunds.list(request.id_of("payment_id", PaymentNotFound), request.user)


@post("/orders/{order_id:str}/refunds", status_code=201, opt=door(Role.MANAGER, money=True))
async def refund_order(request: Call, data: JSONBody[OrderRefundRequest] = ALL_OF_THE_ORDER) -> Answer[OrderRefundView]:
    """Give an order's money back over all its payments: an amount, or all that is left."""
    order_id, once = request.id_of("order_id", OrderNotFound), request.once(data)
    return answer(await request.services.order_refunds.refund(order_id, data.wanted(), request.user, once))


@post("/orders/{order_id:str}/refunds/preview", status_code=200, opt=without_cards(Role.MANAGER))
async def preview_order_refund(request: Call, data: JSONBody[OrderRefundRequest] = ALL_OF_THE_ORDER) -> RefundPlanView:
    """Which payments an amount would go back to, and how much to each. Nothing changes."""
    order_id = request.id_of("order_id", OrderNotFound)
    return await request.services.order_refunds.preview(order_id, data.wanted(), request.user)


@get("/orders/{order_id:str}/refunds", opt=door(Role.STAFF))
async def list_order_refunds(request: Call) -> RefundListView:
    """The refunds of all payments of an order, oldest first."""
    return await request.services.order_refunds.list(request.id_of("order_id", OrderNotFound), request.user)


@get("/refunds", opt=door(Role.MANAGER, query=RefundsQuery))
async def all_refunds(request: Call) -> Page[RefundView]:
    """The cafe's refunds, newest first; `status=pending` are those that wait for a provider or for a person."""
    asked = request.asked(RefundsQuery)
    return await request.services.refunds.page(request.user, asked.status, asked.limit, asked.cursor)


@get("/refunds/{refund_id:str}", opt=door(Role.STAFF))
async def get_refund(request: Call) -> RefundView:
    """One refund."""
    return await request.services.refunds.get(request.id_of("refund_id", RefundNotFound), request.user)


@post("/refunds/{refund_id:str}/retry", status_code=200, opt=door(Role.MANAGER))
async def retry_refund(request: Call) -> RefundView:
    """Ask the provider again now. Repeat as often as needed: it is one refund."""
    return await request.services.refunds.retry(request.id_of("refund_id", RefundNotFound), request.user)


@post("/refunds/{refund_id:str}/confirm", status_code=200, opt=door(Role.MANAGER, money=True))
async def confirm_refund(request: Call, data: JSONBody[ConfirmRefundRequest] = SENT) -> Answer[RefundView]:
    """Say that a bank transfer was sent back, or that it will not be."""
    refund_id, once = request.id_of("refund_id", RefundNotFound), request.once(data)
    return answer(await request.services.refunds.confirm(refund_id, data.wanted(), request.user, once), 200)


ROUTES = (
    refund_payment,
    preview_refund,
    list_refunds,
    refund_order,
    preview_order_refund,
    list_order_refunds,
    all_refunds,
    get_refund,
    retry_refund,
    confirm_refund,
)
