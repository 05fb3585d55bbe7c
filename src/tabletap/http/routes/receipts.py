"""Receipts of orders: to read, to print, and by mail."""

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
from tabletap.reports.receipts.model import ReceiptView
from tabletap.reports.receipts.printing import NARROW, WIDE, as_escpos, as_html, as_pdf
from tabletap.reports.receipts.service import ReceiptMailsView, ReceiptMailView


class ReceiptQuery(Given, frozen=True):
    """`GET /orders/{id}/receipt`; `columns` is for printers."""

    format: Literal["json", "html", "pdf", "escpos"] = "json"
    columns: Literal["42", "32"] = "42"


class MailRequest(Given, frozen=True):
    """`POST /orders/{id}/receipt/mail`."""

    email: Annotated[str, msgspec.Meta(max_length=254, pattern=r"^[^@\s,;<>\x00-\x1f]+@[^@\s,;<>]+\.[^@\s,;<>]+$")]


@get("/orders/{order_id:str}/receipt", opt=door(Role.CUSTOMER, Role.STAFF, query=ReceiptQuery))
async def get_receipt(request: Call) -> Response[ReceiptView] | Response[bytes]:
    """The receipt of an order as JSON, a page to print, a PDF, or bytes for a receipt printer."""
    asked = request.asked(ReceiptQuery)
    receipt = await request.services.receipts.get(request.id_of("order_id", OrderNotFound), request.user)
    if asked.format == "html":
        return Response(as_html(receipt), media_type="text/html; charset=utf-8")
    if asked.format == "pdf":
        return Response(as_pdf(receipt), media_type="application/pdf")
    if asked.format == "escpos":
        columns = WIDE if asked.columns == "42" else NARROW
        return Response(as_escpos(receipt, columns), media_type="application/octet-stream")
    return Response(receipt)


@post("/orders/{order_id:str}/receipt/mail", status_code=202, opt=without_cards(Role.CUSTOMER, Role.STAFF))
async def mail_receipt(request: Call, data: JSONBody[MailRequest]) -> ReceiptMailView:
    """Send the receipt by mail, in the background. Repeat as often as needed: it is one mail."""
    order_id = request.id_of("order_id", OrderNotFound)
    return await request.services.receipts.mail(order_id, data.email.lower(), request.user)


@get("/orders/{order_id:str}/receipt/mails", opt=door(Role.STAFF))
async def list_receipt_mails(request: Call) -> ReceiptMailsView:
    """What became of the mails with an order's receipt."""
    return await request.services.receipts.mails(request.id_of("order_id", OrderNotFound), request.user)


ROUTES = (get_receipt, mail_receipt, list_receipt_mails)
