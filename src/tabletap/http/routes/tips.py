"""Tips: what the cafe offers and what one comes to (contract 2, `/tip-configuration`, `/tips`)."""

from litestar import get, post, put
from litestar.params import JSONBody
from litestar.response import Response

from tabletap.http.answers import Answer, answer
from tabletap.http.call import Call
from tabletap.http.door import door
from tabletap.http.problems import wrong
from tabletap.http.requests import TipRequest
from tabletap.http.tip_requests import (
    MYSELF_IN,
    MYSELF_OUT,
    NO_REASON,
    AddShiftRequest,
    AssignTipsRequest,
    ClockInRequest,
    ClockOutRequest,
    CorrectShiftRequest,
    PayTipsRequest,
    ShareOutRequest,
    ShiftsQuery,
    TipDistributionsQuery,
    TipPoolsQuery,
    TipRuleRequest,
    TipStatementQuery,
)
from tabletap.infra.paging import Page
from tabletap.kernel.csv_text import MEDIA_TYPE as CSV_MEDIA_TYPE
from tabletap.kernel.people import Role
from tabletap.tips.model import TipConfiguration, TipQuote
from tabletap.tips.rules.service import TipRulesView, TipRuleView
from tabletap.tips.sharing.errors import TipDistributionNotFound, TipPoolNotFound
from tabletap.tips.sharing.printed import statement_csv, statement_html
from tabletap.tips.sharing.statements import TipStatementView
from tabletap.tips.sharing.views import (
    DistributionView,
    PayoutView,
    PoolView,
    TipBalanceListView,
    UnassignedListView,
)
from tabletap.tips.shifts.errors import ShiftNotFound
from tabletap.tips.shifts.service import ShiftListView, ShiftView

_WORKERS = door(Role.STAFF, Role.KITCHEN)


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


@post("/shifts/clock-in", status_code=201, opt=_WORKERS)
async def clock_in(request: Call, data: JSONBody[ClockInRequest] = MYSELF_IN) -> ShiftView:
    """Begin a shift."""
    return await request.services.shifts.clock_in(data.wanted(), request.user)


@post("/shifts/clock-out", status_code=200, opt=_WORKERS)
async def clock_out(request: Call, data: JSONBody[ClockOutRequest] = MYSELF_OUT) -> ShiftView:
    """End a shift."""
    return await request.services.shifts.clock_out(data.person_id, request.user)


@post("/shifts", status_code=201, opt=door(Role.MANAGER))
async def add_shift(request: Call, data: JSONBody[AddShiftRequest]) -> ShiftView:
    """Note a shift that nobody clocked in for."""
    return await request.services.shifts.add(data.wanted(), request.user)


@post("/shifts/{shift_id:str}/correct", status_code=201, opt=door(Role.MANAGER))
async def correct_shift(request: Call, data: JSONBody[CorrectShiftRequest]) -> ShiftView:
    """Say how a shift really was; what was noted stays to be seen."""
    shift_id = request.id_of("shift_id", ShiftNotFound)
    return await request.services.shifts.correct(shift_id, data.wanted(), request.user)


@get("/shifts", opt=door(Role.STAFF, Role.KITCHEN, query=ShiftsQuery))
async def list_shifts(request: Call) -> ShiftListView:
    """The shifts of a while: everybody's for managers, one's own otherwise."""
    asked = request.asked(ShiftsQuery)
    corrected = asked.corrected == "true"
    return await request.services.shifts.between(asked.from_, asked.to, request.user, corrected=corrected)


@get("/tips/rules", opt=_WORKERS)
async def get_tip_rule(request: Call) -> TipRuleView:
    """How tips are shared now."""
    return await request.services.tip_rules.current(request.user)


@put("/tips/rules", opt=door(Role.MANAGER))
async def set_tip_rule(request: Call, data: JSONBody[TipRuleRequest]) -> TipRuleView:
    """Set how tips are shared from now on; what was shared before stays as it was."""
    return await request.services.tip_rules.change(data.wanted(), request.user)


@get("/tips/rules/versions", opt=door(Role.MANAGER))
async def list_tip_rules(request: Call) -> TipRulesView:
    """Every version of the rule."""
    return await request.services.tip_rules.versions(request.user)


@get("/tips/distributions", opt=door(query=TipDistributionsQuery))
async def list_tip_distributions(request: Call) -> Page[DistributionView]:
    """What was shared out, newest first: every share for managers, one's own otherwise."""
    asked = request.asked(TipDistributionsQuery)
    return await request.services.tip_statements.distributions(asked.wanted(), request.user)


@get("/tips/unassigned", opt=door(Role.MANAGER))
async def list_unassigned_tips(request: Call) -> UnassignedListView:
    """What belongs to nobody, and by which distribution to assign it."""
    return await request.services.tip_statements.unassigned(request.user)


@get("/tips/balances", opt=_WORKERS)
async def list_tip_balances(request: Call) -> TipBalanceListView:
    """What every worker is still to get, for managers; what oneself is, otherwise."""
    return await request.services.tip_statements.balances(request.user)


@post("/tips/distributions/{distribution_id:str}/assign", status_code=201, opt=door(Role.MANAGER, money=True))
async def assign_tips(request: Call, data: JSONBody[AssignTipsRequest]) -> Answer[DistributionView]:
    """Give what belongs to nobody to somebody."""
    distribution_id, once = request.id_of("distribution_id", TipDistributionNotFound), request.once(data)
    return answer(await request.services.tip_sharing.assign(distribution_id, data.wanted(), request.user, once))


@get("/tips/pools", opt=door(Role.MANAGER, query=TipPoolsQuery))
async def list_tip_pools(request: Call) -> Page[PoolView]:
    """The pools, newest first."""
    asked = request.asked(TipPoolsQuery)
    return await request.services.tip_statements.pools(request.user, asked.limit, asked.cursor)


@post("/tips/pools/{pool_id:str}/distribute", status_code=201, opt=door(Role.MANAGER, money=True))
async def distribute_tips(request: Call, data: JSONBody[ShareOutRequest] = NO_REASON) -> Answer[DistributionView]:
    """Share a pool out now, instead of with the day's closing."""
    pool_id, once = request.id_of("pool_id", TipPoolNotFound), request.once(data)
    return answer(await request.services.tip_sharing.distribute(pool_id, data.reason, request.user, once))


@post("/tips/payouts", status_code=201, opt=door(Role.MANAGER, money=True))
async def pay_tips(request: Call, data: JSONBody[PayTipsRequest]) -> Answer[PayoutView]:
    """Pay a worker tips, in cash or with their pay."""
    once = request.once(data)
    return answer(await request.services.tip_sharing.pay_out(data.wanted(), request.user, once))


@get("/tips/statements", opt=door(Role.STAFF, Role.KITCHEN, query=TipStatementQuery))
async def get_tip_statement(request: Call) -> Response[TipStatementView] | Response[bytes]:
    """A worker's statement, as JSON, CSV or a page to print."""
    asked = request.asked(TipStatementQuery)
    staff_id = asked.staff_id or request.user.person_id
    found = await request.services.tip_statements.statement(staff_id, asked.from_, asked.to, request.user)
    if asked.format == "csv":
        return Response(statement_csv(found), media_type=CSV_MEDIA_TYPE)
    if asked.format == "html":
        return Response(statement_html(found), media_type="text/html; charset=utf-8")
    return Response(found)


ROUTES = (
    get_tip_configuration,
    change_tip_configuration,
    calculate_tip,
    clock_in,
    clock_out,
    add_shift,
    correct_shift,
    list_shifts,
    get_tip_rule,
    set_tip_rule,
    list_tip_rules,
    list_tip_distributions,
    list_unassigned_tips,
    list_tip_balances,
    assign_tips,
    list_tip_pools,
    distribute_tips,
    pay_tips,
    get_tip_statement,
)
