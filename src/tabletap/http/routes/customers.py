"""Customer accounts (contract 2, `/customers`)."""

from litestar import get, patch, post
from litestar.params import JSONBody

from tabletap.http.call import Call
from tabletap.http.door import door
from tabletap.http.requests import PageQuery
from tabletap.identity.model import ChangeCustomer, CreateCustomer, CustomerView
from tabletap.infra.paging import Page
from tabletap.kernel.errors import CustomerNotFound
from tabletap.kernel.people import Role


@post("/customers", status_code=201, opt=door(Role.STAFF))
async def create_customer(request: Call, data: JSONBody[CreateCustomer]) -> CustomerView:
    """Open a customer account."""
    return await request.services.identity.create_customer(data, request.user)


@get("/customers", opt=door(Role.STAFF, query=PageQuery))
async def list_customers(request: Call) -> Page[CustomerView]:
    """The customer accounts of the cafe, the newest first."""
    page = request.asked(PageQuery)
    return await request.services.identity.list_customers(request.user, page.limit, page.cursor)


@get("/customers/{customer_id:str}")
async def get_customer(request: Call) -> CustomerView:
    """A customer account, for staff and for that customer."""
    return await request.services.identity.customer(request.id_of("customer_id", CustomerNotFound), request.user)


@patch("/customers/{customer_id:str}", opt=door(Role.STAFF))
async def change_customer(request: Call, data: JSONBody[ChangeCustomer]) -> CustomerView:
    """Change a customer's name or address, or, as a manager, the tier."""
    customer_id = request.id_of("customer_id", CustomerNotFound)
    return await request.services.identity.change_customer(customer_id, data, request.user)


ROUTES = (create_customer, list_customers, get_customer, change_customer)
