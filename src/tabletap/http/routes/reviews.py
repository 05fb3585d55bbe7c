"""What managers decide about payments whose money and record do not agree, and what is disputed."""

from litestar import get, post
from litestar.params import JSONBody

from tabletap.http.answers import Answer, answer
from tabletap.http.call import Call
from tabletap.http.door import door, without_cards
from tabletap.http.requests import DisputesQuery, ReleaseRequest, ReviewRequest
from tabletap.infra.paging import Page
from tabletap.kernel.people import Role
from tabletap.payments.disputes.model import DisputeView
from tabletap.payments.errors import PaymentNotFound
from tabletap.payments.views import PaymentView


@post("/payments/{payment_id:str}/review", status_code=200, opt=door(Role.MANAGER, money=True))
async def review_payment(request: Call, data: JSONBody[ReviewRequest]) -> Answer[PaymentView]:
    """Decide a payment under review: accept what was captured, give it to credit, refund it, or dismiss the matter."""
    payment_id, once = request.id_of("payment_id", PaymentNotFound), request.once(data)
    return answer(await request.services.reviews.review(payment_id, data.wanted(), request.user, once), 200)


@post("/payments/{payment_id:str}/release", status_code=200, opt=without_cards(Role.MANAGER))
async def release_payment(request: Call, data: JSONBody[ReleaseRequest]) -> PaymentView:
    """Take a payment of unknown outcome off its bill, so that the guest can pay in another way. Safe to repeat."""
    payment_id = request.id_of("payment_id", PaymentNotFound)
    return await request.services.reviews.release(payment_id, data.reason, request.user)


@get("/disputes", opt=door(Role.MANAGER, query=DisputesQuery))
async def list_disputes(request: Call) -> Page[DisputeView]:
    """The cafe's disputes, newest first."""
    asked = request.asked(DisputesQuery)
    return await request.services.disputes.list(request.user, asked.status, asked.limit, asked.cursor)


ROUTES = (review_payment, release_payment, list_disputes)
