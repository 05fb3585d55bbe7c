"""Customer credit (contract 2, `/credits`)."""

from litestar import get, post
from litestar.params import JSONBody

from tabletap.credits.model import AccountStatus
from tabletap.credits.service import CreditBalanceView, CreditLotView, CreditTransactionView
from tabletap.credits.sums.liability import Liability, as_csv
from tabletap.http.answers import Answer, answer
from tabletap.http.call import Call
from tabletap.http.credit_requests import AccountStatusRequest, AddCreditRequest, LiabilityQuery, wanted
from tabletap.http.door import door, without_cards
from tabletap.http.problems import wrong
from tabletap.http.requests import CreditHistoryQuery, CreditRequest, CustomerQuery
from tabletap.infra.paging import Page
from tabletap.kernel.csv_text import MEDIA_TYPE as CSV_MEDIA_TYPE
from tabletap.kernel.errors import CustomerNotFound
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


@get("/credits/lots", opt=door(query=CreditHistoryQuery))
async def get_lots(request: Call) -> Page[CreditLotView]:
    """What a customer's credit consists of, with what is left of each and until when, newest first."""
    asked = request.asked(CreditHistoryQuery)
    customer_id = _customer(request, asked.customer_id)
    return await request.services.credits.lots(customer_id, request.user, asked.limit, asked.cursor)


@get("/credits/liability", opt=door(Role.MANAGER, query=LiabilityQuery))
async def get_liability(request: Call) -> Liability:
    """What the cafe owes its customers in credit, by kind and age, now or as of a moment."""
    return await request.services.credits.liability(request.asked(LiabilityQuery).at, request.user)


@get("/credits/liability.csv", opt=door(Role.MANAGER, query=LiabilityQuery), media_type=CSV_MEDIA_TYPE)
async def get_liability_csv(request: Call) -> Answer[bytes]:
    """The same as a table for a spreadsheet."""
    report = await request.services.credits.liability(request.asked(LiabilityQuery).at, request.user)
    return Answer(as_csv(report), media_type=CSV_MEDIA_TYPE)


@post("/credits/add", status_code=201, opt=door(Role.COUNTER, money=True))
async def add_credit(request: Call, data: JSONBody[AddCreditRequest]) -> Answer[CreditTransactionView]:
    """Give credit away."""
    once = request.once(data)
    request.user.require_cafe(data.cafe_id)
    return answer(await request.services.credits.add(wanted(data), request.user, once))


@post("/credits/deduct", status_code=201, opt=door(Role.COUNTER, money=True))
async def deduct_credit(request: Call, data: JSONBody[CreditRequest]) -> Answer[CreditTransactionView]:
    """Take credit back."""
    once = request.once(data)
    request.user.require_cafe(data.cafe_id)
    return answer(await request.services.credits.deduct(wanted(data), request.user, once))


@post("/credits/accounts/{customer_id:str}/suspend", status_code=200, opt=without_cards(Role.MANAGER))
async def suspend_account(request: Call, data: JSONBody[AccountStatusRequest]) -> CreditBalanceView:
    """Let nobody spend this customer's credit for now; it does not expire meanwhile."""
    return await _become(request, "suspended", data)


@post("/credits/accounts/{customer_id:str}/reactivate", status_code=200, opt=without_cards(Role.MANAGER))
async def reactivate_account(request: Call, data: JSONBody[AccountStatusRequest]) -> CreditBalanceView:
    """Let a suspended or closed account be used again."""
    return await _become(request, "active", data)


@post("/credits/accounts/{customer_id:str}/close", status_code=200, opt=without_cards(Role.MANAGER))
async def close_account(request: Call, data: JSONBody[AccountStatusRequest]) -> CreditBalanceView:
    """Close an account on which no credit is left."""
    return await _become(request, "closed", data)


async def _become(request: Call, status: AccountStatus, data: AccountStatusRequest) -> CreditBalanceView:
    customer_id = request.id_of("customer_id", CustomerNotFound)
    return await request.services.credits.change_status(customer_id, status, data.reason, request.user)


def _customer(request: Call, named: Id | None) -> Id:
    """Customers may leave out who they are; staff name somebody."""
    if named is not None:
        return named
    if request.user.is_(Role.CUSTOMER):
        return request.user.person_id
    raise wrong("customerId", "is missing.")


ROUTES = (
    get_balance,
    get_history,
    get_lots,
    get_liability,
    get_liability_csv,
    add_credit,
    deduct_credit,
    suspend_account,
    reactivate_account,
    close_account,
)
