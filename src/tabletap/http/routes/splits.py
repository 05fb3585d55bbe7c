"""A bill split into shares (contract 2, `/orders/{id}/splits`)."""

from litestar import delete, get, post
from litestar.params import JSONBody

from tabletap.http.call import Call
from tabletap.http.door import without_cards
from tabletap.http.requests import NOTHING, Nothing
from tabletap.http.split_requests import SplitRequest
from tabletap.kernel.people import Role
from tabletap.orders.errors import OrderNotFound
from tabletap.payments.errors import SplitNotFound
from tabletap.payments.views import SplitView

_WHO = without_cards(Role.CUSTOMER, Role.STAFF)


@post("/orders/{order_id:str}/splits", status_code=201, opt=_WHO)
async def split_bill(request: Call, data: JSONBody[SplitRequest]) -> SplitView:
    """Split what is outstanding into shares that sum to it exactly."""
    return await request.services.splits.split(request.id_of("order_id", OrderNotFound), data.wanted(), request.user)


@get("/orders/{order_id:str}/splits", opt=_WHO)
async def get_splits(request: Call) -> SplitView:
    """The shares of a bill."""
    return await request.services.splits.get(request.id_of("order_id", OrderNotFound), request.user)


@delete("/orders/{order_id:str}/splits", status_code=200, opt=_WHO)
async def take_back_split(request: Call) -> SplitView:
    """Undo a split; shares that were paid stay paid."""
    return await request.services.splits.take_back(request.id_of("order_id", OrderNotFound), request.user)


@post("/orders/{order_id:str}/splits/{split_id:str}/claim", status_code=200, opt=_WHO)
async def claim_share(request: Call, data: JSONBody[Nothing] = NOTHING) -> SplitView:
    """Lease a share for 120 seconds; again to extend."""
    order_id, split_id = request.id_of("order_id", OrderNotFound), request.id_of("split_id", SplitNotFound)
    return await request.services.splits.claim(order_id, split_id, request.user)


@delete("/orders/{order_id:str}/splits/{split_id:str}/claim", status_code=200, opt=_WHO)
async def release_share(request: Call) -> SplitView:
    """Give a leased share back."""
    order_id, split_id = request.id_of("order_id", OrderNotFound), request.id_of("split_id", SplitNotFound)
    return await request.services.splits.release(order_id, split_id, request.user)


ROUTES = (split_bill, get_splits, take_back_split, claim_share, release_share)
