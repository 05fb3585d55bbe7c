"""Payments: started, followed, cancelled, taken in cash (contract 2, `/payments`)."""

import msgspec
from litestar import get, post
from litestar.params import JSONBody

from tabletap.http.answers import Answer, answer
from tabletap.http.call import Call
from tabletap.http.door import door, without_cards
from tabletap.http.requests import NOTHING, CashRequest, Nothing, PaymentQuery, PaymentRequest, PaymentsQuery
from tabletap.infra.idempotency import Outcome
from tabletap.infra.paging import Page
from tabletap.kernel.people import Role
from tabletap.payments.errors import PaymentNotFound
from tabletap.payments.views import CashView, PaymentStatusView, PaymentView, VerificationView
from tabletap.qr.image import SVG_MEDIA_TYPE, data_url, svg


@post("/payments", status_code=201, opt=door(Role.CUSTOMER, Role.STAFF, money=True, query=PaymentQuery))
async def start_payment(request: Call, data: JSONBody[PaymentRequest]) -> Answer[PaymentView]:
    """Start paying an order. Repeat with the same Idempotency-Key as often as needed."""
    asked = request.asked(PaymentQuery)
    outcome = await request.services.payments.start(data.wanted(), request.user, request.once(data))
    return answer(_with_image(outcome) if asked.include else outcome)


def _with_image(outcome: Outcome[PaymentView]) -> Outcome[PaymentView]:
    """The same payment with its code as an image, which is drawn only for those who ask."""
    qr = outcome.value.qr
    image = data_url(svg(qr.payload, f"Pay {qr.reference}"), SVG_MEDIA_TYPE) if qr else None
    return Outcome(msgspec.structs.replace(outcome.value, qr_code_data=image), outcome.replayed)


@get("/payments", opt=door(Role.MANAGER, query=PaymentsQuery))
async def list_payments(request: Call) -> Page[PaymentView]:
    """The cafe's payments, newest first; with `needsReview=true` those that a person has to look at."""
    asked = request.asked(PaymentsQuery)
    return await request.services.payments.list(
        request.user, asked.order_id, asked.limit, asked.cursor, needs_review=asked.needs_review is not None
    )


@get("/payments/{payment_id:str}", opt=door(query=PaymentQuery))
async def get_payment(request: Call) -> PaymentView:
    """A payment with its whole history."""
    with_image = request.asked(PaymentQuery).include is not None
    payment_id = request.id_of("payment_id", PaymentNotFound)
    return await request.services.payments.get(payment_id, request.user, with_image=with_image)


@get("/payments/{payment_id:str}/status")
async def get_payment_status(request: Call) -> PaymentStatusView:
    """The short status of a payment."""
    return await request.services.payments.status(request.id_of("payment_id", PaymentNotFound), request.user)


@post("/payments/{payment_id:str}/verify", status_code=200, opt=door(Role.STAFF))
async def verify_payment(request: Call, data: JSONBody[Nothing] = NOTHING) -> VerificationView:
    """Ask the gateway now how the payment stands."""
    return await request.services.payments.verify(request.id_of("payment_id", PaymentNotFound), request.user)


@post("/payments/{payment_id:str}/cancel", status_code=200, opt=without_cards())
async def cancel_payment(request: Call, data: JSONBody[Nothing] = NOTHING) -> PaymentView:
    """Cancel a payment that is not done, if the provider agrees."""
    return await request.services.payments.cancel(request.id_of("payment_id", PaymentNotFound), request.user)


@post("/payments/{payment_id:str}/cash", status_code=200, opt=door(Role.COUNTER, money=True))
async def take_cash(request: Call, data: JSONBody[CashRequest]) -> Answer[CashView]:
    """Complete a cash payment and say what goes back over the counter."""
    payment_id, once = request.id_of("payment_id", PaymentNotFound), request.once(data)
    return answer(await request.services.counter.take_cash(payment_id, data.received, request.user, once), 200)


ROUTES = (
    start_payment,
    list_payments,
    get_payment,
    get_payment_status,
    verify_payment,
    cancel_payment,
    take_cash,
)
