"""The way to Redis: one kind of connection for everything, names of our own in it, and errors without its address."""

import hashlib
import hmac
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tabletap.kernel.errors import Kind, Refusal

PATIENCE_SECONDS = 2
"""For one answer: whoever waits longer than this does without."""
FAULTS = (RedisError, OSError, TimeoutError)
"""What a Redis that is away, full, locked or restarting looks like."""


class RedisAway(Refusal):
    """Redis cannot be reached."""

    code, kind, retryable = "broker_unavailable", Kind.UNAVAILABLE, True


def connect_to(url: str, patience_seconds: float = PATIENCE_SECONDS) -> Redis:
    """A client that connects when it is used first, and fails at once instead of trying again and again."""
    client: Redis = Redis.from_url(
        url,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=patience_seconds,
        socket_connect_timeout=patience_seconds,
        protocol=2,
        driver_info=None,
    )
    return client


def name_of_installation(secret: str, database_url: str) -> str:
    """What our channels and keys in Redis begin with.

    The processes of one installation have secret and database in common (hosts may be spelled in two ways), so another
    one beside it in the same Redis, a copy of this one for trials say, never hears ours.
    """
    database = urlsplit(database_url).path
    digest = hmac.new(secret.encode(), f"redis:{database}".encode(), hashlib.sha256).hexdigest()
    return f"tabletap:{digest[:16]}"


async def try_out(url: str, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Ask for a sign of life. Raises RedisAway with a sentence that says why."""
    host = urlsplit(url).hostname
    client = connect_to(url, patience_seconds)
    try:
        await client.ping()
    except FAULTS as error:
        raise RedisAway(f"Redis at {host} cannot be reached: {reason_of(error)}.") from None
    finally:
        await client.aclose()


def reason_of(error: BaseException) -> str:
    """Why, in a few words: of a group its first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return (str(error) or type(error).__name__).rstrip(".")[:200]
