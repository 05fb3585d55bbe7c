"""What providers tell us (contract 5): the bytes as they came, judged by their signature, and what became of them."""

from typing import Literal

import msgspec
from litestar import get, post

from tabletap.http.call import Call
from tabletap.http.door import door
from tabletap.http.requests import PageQuery
from tabletap.infra.paging import Page
from tabletap.kernel.people import Role
from tabletap.webhooks.errors import NoticeNotFound
from tabletap.webhooks.model import NoticeDetailView, NoticeView


class Received(msgspec.Struct, frozen=True):
    """The notice is kept; it is worked off in a moment."""

    received: bool = True


class InboxQuery(PageQuery, frozen=True):
    """`GET /webhooks/inbox`."""

    state: Literal["received", "handled", "kept", "held"] | None = None


@post("/webhooks/{provider:str}/{account_token:str}", status_code=200, opt=door(public=True))
async def receive_notice(request: Call) -> Received:
    """Take in a notice. Seen before or of an unknown type is fine, too."""
    provider, token = str(request.path_params["provider"]), str(request.path_params["account_token"])
    await request.services.webhooks.receive(provider, token, request.headers, await request.body())
    return Received()


@get("/webhooks/inbox", opt=door(Role.MANAGER, query=InboxQuery))
async def list_notices(request: Call) -> Page[NoticeView]:
    """What came in and what became of it, newest first."""
    asked = request.asked(InboxQuery)
    return await request.services.webhooks.list(asked.state, asked.limit, asked.cursor, request.user)


@get("/webhooks/inbox/{notice_id:str}", opt=door(Role.MANAGER))
async def get_notice(request: Call) -> NoticeDetailView:
    """One notice with the fields it carried. They were not believed: the provider was asked."""
    return await request.services.webhooks.get(request.id_of("notice_id", NoticeNotFound), request.user)


@post("/webhooks/inbox/{notice_id:str}/replay", status_code=202, opt=door(Role.MANAGER))
async def replay_notice(request: Call) -> NoticeView:
    """Have a notice worked off again: the provider is asked once more. As safe as asking."""
    return await request.services.webhooks.replay(request.id_of("notice_id", NoticeNotFound), request.user)


ROUTES = (receive_notice, list_notices, get_notice, replay_notice)
