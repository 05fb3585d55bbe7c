"""Figures of payments (contract 2, `/payments/statistics`)."""

from datetime import date
from typing import Literal

import msgspec
from litestar import get
from litestar.response import Response

from tabletap.http.call import Call
from tabletap.http.door import door
from tabletap.kernel.csv_text import MEDIA_TYPE as CSV_MEDIA_TYPE
from tabletap.kernel.people import Role
from tabletap.reports.statistics.model import StatisticsView


class StatisticsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`GET /payments/statistics`: business days, the last included."""

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


ROUTES = (get_statistics,)
