"""Refunds of a payment (contract 2, `/payments/{id}/refunds`)."""

from litestar import get, post
from litestar.params import JSONBody

from tabletap.http.answers import Answer, answer
from tabletap.http.call import Call
from tabletap.http.door import door
from tabletap.http.requests import ALL_THAT_IS_LEFT, RefundRequest
from tabletap.kernel.people import Role
from tabletap.payments.errors import PaymentNotFound
from tabletap.payments.views import RefundListView, RefundView


@post("/payments/{payment_id:str}/refunds", status_code=201, opt=door(Role.MANAGER, money=True))
async def refund_payment(request: Call, data: JSONBody[RefundRequest] = ALL_THAT_IS_LEFT) -> Answer[RefundView]:
    """Give money back: an amount, or all that is left."""
    payment_id, once = request.id_of("payment_id", PaymentNotFound), request.once(data)
    return answer(await request.services.refunds.refund(payment_id, data.wanted(), request.user, once))


@get("/payments/{payment_id:str}/refunds", opt=door(Role.STAFF))
async def list_refunds(request: Call) -> RefundListView:
    """The refunds of a payment, oldest first."""
    return await request.services.refunds.list(request.id_of("payment_id", PaymentNotFound), request.user)


ROUTES = (refund_payment, list_refunds)
