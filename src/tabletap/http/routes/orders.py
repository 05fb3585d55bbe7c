"""Orders: placed, looked at, moved on (contract 2, `/orders`)."""

from litestar import get, patch, post
from litestar.params import JSONBody

from tabletap.http.answers import Answer, answer
from tabletap.http.call import Call
from tabletap.http.door import door, without_cards
from tabletap.http.requests import ChangeOrderRequest, OrderRequest, OrdersQuery, StatusRequest
from tabletap.infra.paging import Page
from tabletap.kernel.people import Role
from tabletap.orders.errors import OrderNotFound
from tabletap.orders.model import OrderView


@post("/orders", status_code=201, opt=without_cards(Role.CUSTOMER, Role.STAFF))
async def place_order(request: Call, data: JSONBody[OrderRequest]) -> OrderView:
    """Place an order, priced by the server."""
    return await request.services.orders.place(data.wanted(), request.user)


@get("/orders", opt=door(query=OrdersQuery))
async def list_orders(request: Call) -> Page[OrderView]:
    """The cafe's orders for staff and kitchen, otherwise one's own and those of one's table; newest first."""
    asked = request.asked(OrdersQuery)
    return await request.services.orders.list(request.user, asked.status, asked.limit, asked.cursor)


@get("/orders/{order_id:str}")
async def get_order(request: Call) -> OrderView:
    """One order."""
    return await request.services.orders.get(request.id_of("order_id", OrderNotFound), request.user)


@patch("/orders/{order_id:str}", opt=without_cards(Role.CUSTOMER, Role.STAFF))
async def change_order(request: Call, data: JSONBody[ChangeOrderRequest]) -> OrderView:
    """Add lines to an order or take some off; open shares of its bill follow."""
    order_id = request.id_of("order_id", OrderNotFound)
    return await request.services.order_changes.change(order_id, data.wanted(), request.user)


@post("/orders/{order_id:str}/status", status_code=200, opt=without_cards())
async def move_order(request: Call, data: JSONBody[StatusRequest]) -> Answer[OrderView]:
    """Move an order on. Cancelling a paid one gives money back and needs an Idempotency-Key."""
    order_id, once = request.id_of("order_id", OrderNotFound), request.once_if_named(data)
    return answer(await request.services.order_moves.move(order_id, data.wanted(), request.user, once), 200)


ROUTES = (place_order, list_orders, get_order, change_order, move_order)
