"""Figures of payments (contract 2, `/payments/statistics`) and of what was sold."""

from datetime import date
from typing import Literal

import msgspec
from litestar import get
from litestar.response import Response

from tabletap.http.call import Call
from tabletap.http.door import door
from tabletap.kernel.csv_text import MEDIA_TYPE as CSV_MEDIA_TYPE
from tabletap.kernel.people import Role
from tabletap.reports.sales.model import SalesView
from tabletap.reports.statistics.model import StatisticsView


class StatisticsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`GET /payments/statistics` and `/reports/sales`: business days, the last included."""

    from_: date | None = msgspec.field(name="from", default=None)
    to: date | None = None
    mode: Literal["live", "test", "all"] = "all"
    format: Literal["json", "csv"] = "json"


@get("/payments/statistics", opt=door(Role.MANAGER, query=StatisticsQuery))
async def get_statistics(request: Call) -> Response[StatisticsView] | Response[bytes]:
    """What payments came to, by method, status, hour and business day, net of what went back; as JSON or CSV."""
    asked, statistics = request.asked(StatisticsQuery), request.services.statistics
    if asked.format == "csv":
        table = await statistics.table(asked.from_, asked.to, asked.mode, request.user)
        return Response(table, media_type=CSV_MEDIA_TYPE)
    return Response(await statistics.figures(asked.from_, asked.to, asked.mode, request.user))


@get("/reports/sales", opt=door(Role.MANAGER, query=StatisticsQuery))
async def get_sales(request: Call) -> Response[SalesView] | Response[bytes]:
    """What was sold on bills that were paid in full, by item, category and tax rate; as JSON or CSV."""
    asked, sales = request.asked(StatisticsQuery), request.services.sales
    if asked.format == "csv":
        table = await sales.table(asked.from_, asked.to, asked.mode, request.user)
        return Response(table, media_type=CSV_MEDIA_TYPE)
    return Response(await sales.sold(asked.from_, asked.to, asked.mode, request.user))


ROUTES = (get_statistics, get_sales)
