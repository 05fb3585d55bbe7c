"""Signing in, staying signed in, signing out (contract 2, `/auth`)."""

from litestar import post
from litestar.params import JSONBody

from tabletap.http.call import Call
from tabletap.http.door import door
from tabletap.http.requests import GuestRequest, LoginRequest, RefreshRequest
from tabletap.identity.model import SignedIn


@post("/auth/login", status_code=200, opt=door(public=True))
async def login(request: Call, data: JSONBody[LoginRequest]) -> SignedIn:
    """Sign in with e-mail and password; a person of several cafes names one."""
    address = request.sign_in.address(request)
    return await request.services.identity.sign_in(data.email, data.password, data.cafe_id, address)


@post("/auth/refresh", status_code=200, opt=door(public=True))
async def refresh(request: Call, data: JSONBody[RefreshRequest]) -> SignedIn:
    """Exchange a refresh token for new tokens. Using one twice ends the whole session."""
    return await request.services.identity.refresh(data.refresh_token)


@post("/auth/logout", status_code=204, opt=door(public=True))
async def logout(request: Call, data: JSONBody[RefreshRequest]) -> None:
    """End the session a refresh token belongs to."""
    await request.services.identity.sign_out(data.refresh_token)


@post("/auth/guest", status_code=200, opt=door(public=True))
async def sign_in_guest(request: Call, data: JSONBody[GuestRequest]) -> SignedIn:
    """Sit down at the table whose code was scanned, without a name."""
    seat = await request.services.cafes.open_session_for(data.table_code)
    return await request.services.identity.sign_in_guest(seat.cafe_id, seat.table_id, seat.session_id)


ROUTES = (login, refresh, logout, sign_in_guest)
