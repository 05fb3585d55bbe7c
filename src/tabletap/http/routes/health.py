"""For those who run the system: is it alive, is it ready, how is it doing; and what it offers."""

import asyncio

import msgspec
from litestar import get
from litestar.response import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from tabletap.cafes.errors import CafeNotFound
from tabletap.http.call import Call
from tabletap.http.door import door
from tabletap.infra.broker import Reach
from tabletap.kernel.errors import Unavailable
from tabletap.kernel.people import SYSTEM_ID

READY_WITHIN_SECONDS = 2


class Health(msgspec.Struct, frozen=True):
    """All is well; otherwise the answer is an error."""

    status: str = "ok"


class Readiness(msgspec.Struct, frozen=True):
    """People may be sent here."""

    broker: Reach
    """How far news of events goes at once. While Redis is away, other processes hear of them within a second."""
    status: str = "ok"


@get(["/health/live", "/api/v1/health/live"], opt=door(public=True))
async def live() -> Health:
    """The process answers."""
    return Health()


@get(["/health/ready", "/api/v1/health/ready"], opt=door(public=True))
async def ready(request: Call) -> Readiness:
    """The database answers, too: send people here."""
    try:
        async with asyncio.timeout(READY_WITHIN_SECONDS):
            await request.services.cafes.get(SYSTEM_ID)
    except CafeNotFound:
        return Readiness(request.services.broker.reach)
    except Exception as error:
        raise Unavailable("The database does not answer.", retry_after_seconds=READY_WITHIN_SECONDS) from error
    return Readiness(request.services.broker.reach)


@get(["/metrics", "/api/v1/metrics"], include_in_schema=False)
async def metrics() -> Response[bytes]:
    """Figures of this process in the Prometheus text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


ROUTES = (live, ready, metrics)
