"""What providers tell us (contract 5): the bytes as they came, judged by the signature over them."""

import msgspec
from litestar import post

from tabletap.http.call import Call
from tabletap.http.door import door


class Received(msgspec.Struct, frozen=True):
    """The notice is kept; it is worked off in a moment."""

    received: bool = True


@post("/webhooks/payconic/{account_token:str}", status_code=200, opt=door(public=True))
async def receive_notice(request: Call) -> Received:
    """Take in a notice. Seen before or of an unknown type is fine, too."""
    token, raw = str(request.path_params["account_token"]), await request.body()
    await request.services.webhooks.receive(token, request.headers, raw)
    return Received()


ROUTES = (receive_notice,)
