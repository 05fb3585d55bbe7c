"""A cafe's settings, menu and tables (contract 2, `/cafes`)."""

from typing import Any

import msgspec
from litestar import get, put
from litestar.params import JSONBody

from tabletap.cafes.errors import CafeNotFound
from tabletap.cafes.model import CafeView, ChangeSettings, MenuView, TableView
from tabletap.http.call import Call
from tabletap.http.door import door
from tabletap.http.problems import refusal_of
from tabletap.infra.paging import Page
from tabletap.kernel.people import Role
from tabletap.qr.model import BankDetails


@get("/cafes/{cafe_id:str}", opt=door(Role.STAFF, Role.KITCHEN))
async def get_cafe(request: Call) -> CafeView:
    """The cafe's settings."""
    request.require_cafe("cafe_id")
    return await request.services.cafes.settings(request.user)


@put("/cafes/{cafe_id:str}", opt=door(Role.MANAGER))
async def change_cafe(request: Call, data: JSONBody[ChangeSettings]) -> CafeView:
    """Change the settings that the request names."""
    request.require_cafe("cafe_id")
    if isinstance(data.bank_details, dict):
        _require_shape(data.bank_details)
    return await request.services.cafes.change_settings(data, request.user)


def _require_shape(bank_details: dict[str, Any]) -> None:
    """Fields that are unknown or of the wrong type are the caller's mistake; what is in them the service judges."""
    try:
        msgspec.convert(bank_details, BankDetails)
    except msgspec.ValidationError as error:
        raise refusal_of(error, "bankDetails") from None


@get("/cafes/{cafe_id:str}/menu", opt=door(public=True))
async def get_menu(request: Call) -> MenuView:
    """The menu, for everybody."""
    return await request.services.cafes.menu(request.id_of("cafe_id", CafeNotFound))


@get("/cafes/{cafe_id:str}/tables", opt=door(Role.STAFF))
async def get_tables(request: Call) -> Page[TableView]:
    """The tables with the codes that their QR tents carry."""
    request.require_cafe("cafe_id")
    return Page(await request.services.cafes.tables(request.user))


ROUTES = (get_cafe, change_cafe, get_menu, get_tables)
