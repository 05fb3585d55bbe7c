"""Receipts of orders: to read, to print, and by mail."""

import asyncio
from typing import Annotated, Literal

import msgspec
from litestar import get, post
from litestar.params import JSONBody
from litestar.response import Response

from tabletap.http.call import Call
from tabletap.http.door import door, without_cards
from tabletap.http.requests import Given
from tabletap.kernel.people import Role
from tabletap.orders.errors import OrderNotFound
from tabletap.payments.errors import PaymentNotFound
from tabletap.reports.receipts.model import ReceiptView
from tabletap.reports.receipts.page import CONTENT_SECURITY_POLICY, as_html
from tabletap.reports.receipts.pdf import as_pdf
from tabletap.reports.receipts.printer import as_escpos
from tabletap.reports.receipts.printing import NARROW, WIDE
from tabletap.reports.receipts.service import ReceiptMailsView, ReceiptMailView

Form = Literal["json", "html", "pdf", "escpos"]
_BY_MEDIA_TYPE: dict[str, Form] = {"text/html": "html", "application/pdf": "pdf", "application/json": "json"}


class ReceiptQuery(Given, frozen=True):
    """`GET /orders/{id}/receipt`; without a `format` the `Accept` header decides. `columns` is for printers."""

    format: Form | None = None
    columns: Literal["42", "32"] = "42"


class MailRequest(Given, frozen=True):
    """`POST /orders/{id}/receipt/mail`."""

    email: Annotated[
        str, msgspec.Meta(max_length=254, pattern=r"^[^@\s,;<>\x00-\x1f]+@[^@\s,;<>]+\.[^@\s,;<>]+$(?!\n)")
    ]


@get("/orders/{order_id:str}/receipt", opt=door(Role.CUSTOMER, Role.STAFF, query=ReceiptQuery))
async def get_receipt(request: Call) -> Response[ReceiptView] | Response[bytes]:
    """The receipt of an order as JSON, a page to print, a PDF, or bytes for a receipt printer."""
    asked = request.asked(ReceiptQuery)
    receipt = await request.services.receipts.get(request.id_of("order_id", OrderNotFound), request.user)
    return await _formed(request, asked, receipt)


@get("/payments/{payment_id:str}/receipt", opt=door(Role.CUSTOMER, Role.STAFF, query=ReceiptQuery))
async def get_payment_receipt(request: Call) -> Response[ReceiptView] | Response[bytes]:
    """The receipt of one payment, for those who split a bill, in the same forms."""
    asked = request.asked(ReceiptQuery)
    receipt = await request.services.receipts.of_payment(request.id_of("payment_id", PaymentNotFound), request.user)
    return await _formed(request, asked, receipt)


async def _formed(request: Call, asked: ReceiptQuery, receipt: ReceiptView) -> Response[ReceiptView] | Response[bytes]:
    form, vary = asked.format or _preferred(request.headers.get("accept", "")), {"vary": "accept"}
    if form == "html":
        headers = {**vary, "content-security-policy": CONTENT_SECURITY_POLICY}
        return Response(as_html(receipt), media_type="text/html; charset=utf-8", headers=headers)
    if form == "pdf":
        return Response(await asyncio.to_thread(as_pdf, receipt), media_type="application/pdf", headers=vary)
    if form == "escpos":
        columns = WIDE if asked.columns == "42" else NARROW
        return Response(as_escpos(receipt, columns), media_type="application/octet-stream", headers=vary)
    return Response(receipt, headers=vary)


def _preferred(accept: str) -> Form:
    """The first form that is named; JSON where none of ours is."""
    named = (part.partition(";")[0].strip().lower() for part in accept.split(","))
    return next((_BY_MEDIA_TYPE[each] for each in named if each in _BY_MEDIA_TYPE), "json")


@post("/orders/{order_id:str}/receipt/mail", status_code=202, opt=without_cards(Role.CUSTOMER, Role.STAFF))
async def mail_receipt(request: Call, data: JSONBody[MailRequest]) -> ReceiptMailView:
    """Send the receipt by mail, in the background. Repeat as often as needed: it is one mail."""
    order_id = request.id_of("order_id", OrderNotFound)
    return await request.services.receipts.mail(order_id, data.email.lower(), request.user)


@get("/orders/{order_id:str}/receipt/mails", opt=door(Role.STAFF))
async def list_receipt_mails(request: Call) -> ReceiptMailsView:
    """What became of the mails with an order's receipt."""
    return await request.services.receipts.mails(request.id_of("order_id", OrderNotFound), request.user)


ROUTES = (get_receipt, get_payment_receipt, mail_receipt, list_receipt_mails)
