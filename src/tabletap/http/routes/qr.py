"""Bank transfers by QR code: looked at, drawn, confirmed (contract 2, `/qr-payments`)."""

from litestar import get, post
from litestar.params import JSONBody

from tabletap.http.answers import Answer, answer
from tabletap.http.call import Call
from tabletap.http.door import door
from tabletap.http.requests import ConfirmRequest
from tabletap.kernel.people import Role
from tabletap.payments.errors import QrPaymentNotFound
from tabletap.payments.pay_page import TransferStatus
from tabletap.payments.views import PaymentView
from tabletap.qr.image import PNG_MEDIA_TYPE, SVG_MEDIA_TYPE
from tabletap.qr.service import QrView


@get("/qr-payments/{qr_payment_id:str}")
async def get_qr_payment(request: Call) -> QrView:
    """An awaited transfer: reference, payload, bank details."""
    return await request.services.counter.qr_payment(request.id_of("qr_payment_id", QrPaymentNotFound), request.user)


@get("/qr-payments/{qr_payment_id:str}/image.svg", media_type=SVG_MEDIA_TYPE)
async def get_svg(request: Call) -> Answer[bytes]:
    """The code as SVG."""
    qr_payment_id = request.id_of("qr_payment_id", QrPaymentNotFound)
    return Answer(await request.services.counter.qr_image(qr_payment_id, request.user), media_type=SVG_MEDIA_TYPE)


@get("/qr-payments/{qr_payment_id:str}/image.png", media_type=PNG_MEDIA_TYPE)
async def get_png(request: Call) -> Answer[bytes]:
    """The code as PNG."""
    qr_payment_id = request.id_of("qr_payment_id", QrPaymentNotFound)
    image = await request.services.counter.qr_image(qr_payment_id, request.user, as_png=True)
    return Answer(image, media_type=PNG_MEDIA_TYPE)


@get("/qr-payments/{qr_payment_id:str}/status", opt=door(public=True))
async def get_status(request: Call) -> TransferStatus:
    """What became of an awaited transfer, for whoever has its link."""
    address = request.sign_in.address(request)
    return await request.services.pay_pages.status(request.path_params["qr_payment_id"], address)


@post("/qr-payments/{qr_payment_id:str}/scanned", status_code=200, opt=door(public=True))
async def note_scanned(request: Call) -> TransferStatus:
    """The payer opened the page of the transfer. Safe to repeat."""
    address = request.sign_in.address(request)
    return await request.services.pay_pages.scanned(request.path_params["qr_payment_id"], address)


@post("/qr-payments/{qr_payment_id:str}/confirm", status_code=200, opt=door(Role.COUNTER, money=True))
async def confirm_transfer(request: Call, data: JSONBody[ConfirmRequest]) -> Answer[PaymentView]:
    """The money was seen on the account."""
    qr_payment_id, once = request.id_of("qr_payment_id", QrPaymentNotFound), request.once(data)
    outcome = await request.services.counter.confirm_transfer(qr_payment_id, data.wanted(), request.user, once)
    return answer(outcome, 200)


ROUTES = (get_qr_payment, get_svg, get_png, get_status, note_scanned, confirm_transfer)
