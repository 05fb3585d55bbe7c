"""Buying prepaid credit."""

from litestar import post
from litestar.params import JSONBody

from tabletap.http.call import Call
from tabletap.http.door import without_cards
from tabletap.http.requests import TopUpRequest
from tabletap.kernel.people import Role
from tabletap.orders.model import OrderView


@post("/credits/top-ups", status_code=201, opt=without_cards(Role.CUSTOMER, Role.STAFF))
async def buy_credit(request: Call, data: JSONBody[TopUpRequest]) -> OrderView:
    """Order prepaid credit; pay the order with `POST /payments`, and the credit is there. Repeat by `clientOrderId`."""
    return await request.services.top_ups.order(data.wanted(), request.user)


ROUTES = (buy_credit,)
