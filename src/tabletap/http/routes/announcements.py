"""Saying something to the people of a cafe (contract 2, `/announcements`)."""

from litestar import post
from litestar.params import JSONBody

from tabletap.audiences.broadcasts import AnnouncementView
from tabletap.http.announcement_requests import AnnouncementRequest
from tabletap.http.answers import Answer, answer
from tabletap.http.call import Call
from tabletap.http.door import without_cards
from tabletap.kernel.people import Role


@post("/announcements", status_code=201, opt=without_cards(Role.MANAGER))
async def announce(request: Call, data: JSONBody[AnnouncementRequest]) -> Answer[AnnouncementView]:
    """Say something to everybody, to some people, or to streams. Safe to repeat with an Idempotency-Key."""
    once = request.once_if_named(data)
    return answer(await request.services.broadcasts.announce(data.wanted(), request.user, once))


ROUTES = (announce,)
