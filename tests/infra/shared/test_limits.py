"""Attempts are counted over all processes; when Redis is away each counts for itself, and nobody is let in freely."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tabletap.infra.ratelimit import Limit
from tabletap.infra.shared import limits
from tabletap.infra.shared.limits import Counters, SharedRateLimits
from tabletap.kernel.errors import TooMany
from tabletap.kernel.ids import new_id
from tests.support.services import Server

THREE = Limit("three", 3, 60)


@asynccontextmanager
async def process(url: str, name: str, *, exact: bool = False) -> AsyncIterator[SharedRateLimits]:
    """The limits of one process."""
    counters = Counters(url, name)
    yield SharedRateLimits(counters, exact=exact)
    await counters.stop()


@pytest.fixture
def name() -> str:
    return f"limits:{new_id()}"


@pytest.mark.parametrize("exact", [True, False], ids=["exact", "counted"])
async def test_attempts_are_counted_over_all_processes(redis_url: str, name: str, exact: bool) -> None:
    async with process(redis_url, name, exact=exact) as first, process(redis_url, name, exact=exact) as second:
        await first.hit(THREE, "ada")
        await second.hit(THREE, "ada")
        await second.require(THREE, "ada")
        await first.count(THREE, "ada")

        for each in (first, second):
            with pytest.raises(TooMany) as refused:
                await each.hit(THREE, "ada")
            assert 1 <= (refused.value.retry_after_seconds or 0) <= 60
            with pytest.raises(TooMany):
                await each.require(THREE, "ada")
        await second.hit(THREE, "bo")

        await first.forget(THREE, "ada")
        await second.hit(THREE, "ada")


async def test_another_installation_counts_for_itself(redis_url: str, name: str) -> None:
    async with process(redis_url, name) as ours, process(redis_url, f"{name}:other") as theirs:
        for _ in range(3):
            await ours.hit(THREE, "ada")

        await theirs.hit(THREE, "ada")

        with pytest.raises(TooMany):
            await ours.hit(THREE, "ada")


async def test_while_redis_is_away_each_process_counts_for_itself(
    mortal_redis: Server, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with process(mortal_redis.url, name) as ours:
        await ours.hit(THREE, "ada")
        mortal_redis.stop()

        for _ in range(3):
            await ours.hit(THREE, "ada")
        with pytest.raises(TooMany):
            await ours.hit(THREE, "ada")
        assert caplog.text.count("Redis is away: each process counts") == 1

        mortal_redis.start()
        ours._counters._ask_again_at = 0.0
        for _ in range(3):
            await ours.hit(THREE, "ada")
        with pytest.raises(TooMany):
            await ours.hit(THREE, "ada")

    assert caplog.text.count("Redis is back: attempts") == 1
    assert mortal_redis.url.split("@")[0].rsplit(":", 1)[1] not in caplog.text


async def test_after_a_failure_nobody_waits_for_redis_for_a_while(
    mortal_redis: Server, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PAUSE_SECONDS", 3600)
    mortal_redis.stop()
    async with process(mortal_redis.url, name) as ours:
        await ours.hit(THREE, "ada")
        mortal_redis.start()
        for _ in range(2):
            await ours.hit(THREE, "ada")

        with pytest.raises(TooMany):
            await ours.hit(THREE, "ada")
        await ours.forget(THREE, "ada")
        await ours.hit(THREE, "ada")
