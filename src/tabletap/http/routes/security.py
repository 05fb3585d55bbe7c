"""Against misuse: limits of payments, blocked addresses, and what was refused. All of it is the managers'."""

from litestar import delete, get, post, put
from litestar.params import JSONBody

from tabletap.http.call import Call
from tabletap.http.door import door
from tabletap.http.requests import PageQuery
from tabletap.infra.paging import Page
from tabletap.kernel.people import Role
from tabletap.payments.security.errors import BlockedAddressNotFound
from tabletap.payments.security.model import BlockAddress, BlockedAddressView, PaymentRules, SecurityEventView


@get("/payment-policy", opt=door(Role.MANAGER))
async def get_payment_policy(request: Call) -> PaymentRules:
    """The limits of payments in force; null is no limit."""
    return await request.services.security.rules(request.user)


@put("/payment-policy", opt=door(Role.MANAGER))
async def change_payment_policy(request: Call, data: JSONBody[PaymentRules]) -> PaymentRules:
    """Replace the limits; what is left out is off."""
    return await request.services.security.change_rules(data, request.user)


@get("/blocked-addresses", opt=door(Role.MANAGER, query=PageQuery))
async def list_blocked_addresses(request: Call) -> Page[BlockedAddressView]:
    """The addresses that are and were kept out, the newest first."""
    asked = request.asked(PageQuery)
    return await request.services.security.blocked(request.user, asked.limit, asked.cursor)


@post("/blocked-addresses", status_code=201, opt=door(Role.MANAGER))
async def block_address(request: Call, data: JSONBody[BlockAddress]) -> BlockedAddressView:
    """Keep an address or a network out: nobody there may order or pay, managers excepted."""
    return await request.services.security.block(data, request.user)


@delete("/blocked-addresses/{blocked_id:str}", status_code=204, opt=door(Role.MANAGER))
async def unblock_address(request: Call) -> None:
    """Let an address in again."""
    await request.services.security.unblock(request.id_of("blocked_id", BlockedAddressNotFound), request.user)


@get("/security-events", opt=door(Role.MANAGER, query=PageQuery))
async def list_security_events(request: Call) -> Page[SecurityEventView]:
    """What was refused where money is concerned, the newest first; repeated within a minute it is counted."""
    asked = request.asked(PageQuery)
    return await request.services.security.events(request.user, asked.limit, asked.cursor)


ROUTES = (
    get_payment_policy,
    change_payment_policy,
    list_blocked_addresses,
    block_address,
    unblock_address,
    list_security_events,
)
