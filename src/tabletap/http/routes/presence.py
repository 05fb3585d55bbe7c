"""Who is connected to the cafe right now (the live API says when that changes: `presence_changed`)."""

from litestar import get

from tabletap.audiences.roll_call import RollCall
from tabletap.http.call import Call
from tabletap.http.door import door
from tabletap.kernel.people import Role


@get("/presence", opt=door(Role.COUNTER))
async def call_the_roll(request: Call) -> RollCall:
    """The screens of the cafe, in whichever process, and how far behind they are; guests are counted, not named."""
    return await request.services.roll_calls.call(request.user)


ROUTES = (call_the_roll,)
