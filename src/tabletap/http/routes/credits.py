"""Customer credit (contract 2, `/credits`)."""

from litestar import get, post
from litestar.params import JSONBody

from tabletap.credits.service import CreditBalanceView, CreditTransactionView, MoveCredit
from tabletap.http.answers import Answer, answer
from tabletap.http.call import Call
from tabletap.http.door import door
from tabletap.http.problems import wrong
from tabletap.http.requests import CreditHistoryQuery, CreditRequest, CustomerQuery
from tabletap.infra.paging import Page
from tabletap.kernel.ids import Id
from tabletap.kernel.people import Role


@get("/credits/balance", opt=door(query=CustomerQuery))
async def get_balance(request: Call) -> CreditBalanceView:
    """What a customer has and may spend."""
    customer_id = _customer(request, request.asked(CustomerQuery).customer_id)
    return await request.services.credits.balance(customer_id, request.user)


@get("/credits/history", opt=door(query=CreditHistoryQuery))
async def get_history(request: Call) -> Page[CreditTransactionView]:
    """A customer's movements, newest first."""
    asked = request.asked(CreditHistoryQuery)
    customer_id = _customer(request, asked.customer_id)
    return await request.services.credits.history(customer_id, request.user, asked.limit, asked.cursor)


@post("/credits/add", status_code=201, opt=door(Role.COUNTER, money=True))
async def add_credit(request: Call, data: JSONBody[CreditRequest]) -> Answer[CreditTransactionView]:
    """Give credit."""
    once, wanted = request.once(data), _wanted(request, data)
    return answer(await request.services.credits.add(wanted, request.user, once))


@post("/credits/deduct", status_code=201, opt=door(Role.COUNTER, money=True))
async def deduct_credit(request: Call, data: JSONBody[CreditRequest]) -> Answer[CreditTransactionView]:
    """Take credit back."""
    once, wanted = request.once(data), _wanted(request, data)
    return answer(await request.services.credits.deduct(wanted, request.user, once))


def _customer(request: Call, named: Id | None) -> Id:
    """Customers may leave out who they are; staff name somebody."""
    if named is not None:
        return named
    if request.user.is_(Role.CUSTOMER):
        return request.user.person_id
    raise wrong("customerId", "is missing.")


def _wanted(request: Call, data: JSONBody[CreditRequest]) -> MoveCredit:
    """As the service takes it; cafe and currency are assertions."""
    request.user.require_cafe(data.cafe_id)
    return MoveCredit(
        customer_id=data.customer_id,
        amount_minor=data.amount,
        reason=data.reason,
        order_id=data.order_id,
        metadata=data.metadata,
        currency=data.currency,
    )


ROUTES = (get_balance, get_history, add_credit, deduct_credit)
