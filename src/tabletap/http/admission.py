"""Before each handler of the API: who is it, and may they ask this? No guards: they copy the route."""

from typing import Any

import msgspec
from litestar import Request

from tabletap.http.call import Call
from tabletap.http.decoding import decode_query
from tabletap.http.door import door_of
from tabletap.kernel.errors import NotAllowed


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The query parameters of a route that takes none."""


async def admit(call: Request[Any, Any, Any]) -> None:
    """Let the request in, with `call.user` known.

    Raises NotSignedIn, TokenExpired, NotAllowed, near money AddressBlocked and, for query parameters that nobody asked
    for, InvalidRequest.
    """
    assert isinstance(call, Call)
    door = door_of(call.route_handler)
    if not door.public:
        actor = call.sign_in.actor(call)
        call.scope["user"] = actor
        if door.refuses_cards:
            await call.services.security.screening.require_address(actor)
        if door.roles and not any(actor.is_(role) for role in door.roles):
            raise NotAllowed
    if call.scope["query_string"] and door.query is None:
        decode_query(call.scope["query_string"], NoQuery)
