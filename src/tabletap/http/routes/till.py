"""Drawers and the closing of days."""

from datetime import date

from litestar import Response, get, post
from litestar.params import JSONBody

from tabletap.http.answers import Answer, answer
from tabletap.http.call import Call
from tabletap.http.door import door, without_cards
from tabletap.http.till_requests import (
    ALL_OF_IT,
    AS_COUNTED,
    AS_IT_IS,
    CloseDayRequest,
    CloseDrawerRequest,
    CollectCashRequest,
    CountDrawerRequest,
    DayReportQuery,
    DaysQuery,
    DrawersQuery,
    MoveCashRequest,
    OpenDrawerRequest,
)
from tabletap.infra.paging import Page
from tabletap.kernel.people import Role
from tabletap.till.days.errors import DayNotFound
from tabletap.till.days.model import ClosedDayView, DayView
from tabletap.till.days.printed import report_html
from tabletap.till.errors import DrawerSessionNotFound
from tabletap.till.model import DrawerSessionView

_MONEY = door(Role.COUNTER, money=True)


@post("/drawers/sessions", status_code=201, opt=_MONEY)
async def open_drawer(request: Call, data: JSONBody[OpenDrawerRequest]) -> Answer[DrawerSessionView]:
    """Open a drawer with a float."""
    once = request.once(data)
    return answer(await request.services.till.open(data.wanted(), request.user, once))


@get("/drawers/sessions", opt=door(Role.COUNTER, query=DrawersQuery))
async def list_drawers(request: Call) -> Page[DrawerSessionView]:
    """Drawer sessions, newest first."""
    asked = request.asked(DrawersQuery)
    return await request.services.till.page(request.user, asked.status, asked.limit, asked.cursor)


@get("/drawers/sessions/{session_id:str}", opt=door(Role.COUNTER))
async def get_drawer(request: Call) -> DrawerSessionView:
    """A drawer session with everything that moved in it."""
    return await request.services.till.get(request.id_of("session_id", DrawerSessionNotFound), request.user)


@post("/drawers/sessions/{session_id:str}/moves", status_code=201, opt=_MONEY)
async def move_cash(request: Call, data: JSONBody[MoveCashRequest]) -> Answer[DrawerSessionView]:
    """Put cash in from the safe, pay something small out of the drawer, or bring cash to the safe."""
    session_id, once = request.id_of("session_id", DrawerSessionNotFound), request.once(data)
    return answer(await request.services.till.move(session_id, data.wanted(), request.user, once))


@post("/drawers/sessions/{session_id:str}/collect", status_code=200, opt=_MONEY)
async def collect_cash(request: Call, data: JSONBody[CollectCashRequest] = ALL_OF_IT) -> Answer[DrawerSessionView]:
    """Put the cash that was taken while no drawer was open into this one."""
    session_id, once = request.id_of("session_id", DrawerSessionNotFound), request.once(data)
    return answer(await request.services.till.collect(session_id, data.wanted(), request.user, once), 200)


@post("/drawers/sessions/{session_id:str}/count", status_code=200, opt=without_cards(Role.COUNTER))
async def count_drawer(request: Call, data: JSONBody[CountDrawerRequest]) -> DrawerSessionView:
    """Note what was counted; what was expected is shown after."""
    session_id = request.id_of("session_id", DrawerSessionNotFound)
    return await request.services.till.count(session_id, data.wanted(), request.user)


@post("/drawers/sessions/{session_id:str}/close", status_code=200, opt=_MONEY)
async def close_drawer(request: Call, data: JSONBody[CloseDrawerRequest] = AS_COUNTED) -> Answer[DrawerSessionView]:
    """Close a drawer as it was counted; the difference is booked."""
    session_id, once = request.id_of("session_id", DrawerSessionNotFound), request.once(data)
    return answer(await request.services.till.close(session_id, request.user, once, data.reason), 200)


@get("/days", opt=door(Role.MANAGER, query=DaysQuery))
async def list_days(request: Call) -> Page[ClosedDayView]:
    """Closed business days, newest first."""
    asked = request.asked(DaysQuery)
    return await request.services.days.page(request.user, asked.limit, asked.cursor)


@get("/days/{day:str}", opt=door(Role.MANAGER))
async def get_day(request: Call) -> DayView:
    """A business day as it stands (X), with what is still open, or as it was closed (Z)."""
    return await request.services.days.get(_day(request), request.user)


@post("/days/{day:str}/close", status_code=200, opt=without_cards(Role.MANAGER))
async def close_day(request: Call, data: JSONBody[CloseDayRequest] = AS_IT_IS) -> DayView:
    """Close a business day: its report gets a number and the signed end of the audit chain. Safe to repeat."""
    return await request.services.days.close(_day(request), data.wanted(), request.user)


@get("/days/{day:str}/report", opt=door(Role.MANAGER, query=DayReportQuery))
async def get_day_report(request: Call) -> Response[DayView | bytes]:
    """The report (Z) of a closed day, as it was when it was closed; with `format=html` as a page to print."""
    found = await request.services.days.report(_day(request), request.user)
    if request.asked(DayReportQuery).format == "html":
        return Response(report_html(found), media_type="text/html; charset=utf-8")
    return Response(found)


def _day(request: Call) -> date:
    """The business day of the path. One that is no date was never a day here: DayNotFound."""
    given = str(request.path_params["day"])
    try:
        if len(given) == len("2026-11-23"):
            return date.fromisoformat(given)
    except ValueError:
        pass
    raise DayNotFound


ROUTES = (
    open_drawer,
    list_drawers,
    get_drawer,
    move_cash,
    collect_cash,
    count_drawer,
    close_drawer,
    list_days,
    get_day,
    close_day,
    get_day_report,
)
