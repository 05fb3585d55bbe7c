"""Tips: what the cafe offers and what one comes to (contract 2, `/tip-configuration`, `/tips`)."""

from litestar import get, post, put
from litestar.params import JSONBody

from tabletap.http.call import Call
from tabletap.http.door import door
from tabletap.http.problems import wrong
from tabletap.http.requests import TipRequest
from tabletap.kernel.people import Role
from tabletap.tips.model import TipConfiguration, TipQuote


@get("/tip-configuration")
async def get_tip_configuration(request: Call) -> TipConfiguration:
    """The configuration in force."""
    return await request.services.tips.configuration(request.user)


@put("/tip-configuration", opt=door(Role.MANAGER))
async def change_tip_configuration(request: Call, data: JSONBody[TipConfiguration]) -> TipConfiguration:
    """Replace the configuration; what is left out gets its default."""
    return await request.services.tips.change(data, request.user)


@post("/tips/calculate", status_code=200)
async def calculate_tip(request: Call, data: JSONBody[TipRequest]) -> TipQuote:
    """What a tip on an order comes to, and who would get it."""
    if (data.percentage is None) == (data.fixed_amount is None):
        raise wrong("percentage", "or fixedAmount: exactly one of the two is needed.")
    order = await request.services.orders.get(data.order_id, request.user)
    tips, by = request.services.tips, request.user
    return await tips.calculate(order.total_amount, data.percentage, data.fixed_amount, by)


ROUTES = (get_tip_configuration, change_tip_configuration, calculate_tip)
