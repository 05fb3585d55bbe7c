"""Rate limits: so often, then a wait."""

import asyncio

import pytest

from tabletap.infra.ratelimit import Limit, RateLimits
from tabletap.kernel.errors import TooMany

THREE = Limit("three", 3, 60)


async def test_after_the_last_attempt_comes_a_wait_of_at_most_the_window() -> None:
    limits = RateLimits()
    for _ in range(3):
        await limits.hit(THREE, "ada")

    with pytest.raises(TooMany) as refused:
        await limits.hit(THREE, "ada")

    assert refused.value.retry_after_seconds is not None
    assert 1 <= refused.value.retry_after_seconds <= 60
    assert str(refused.value.retry_after_seconds) in refused.value.detail


async def test_everybody_and_every_limit_is_counted_apart() -> None:
    limits = RateLimits()
    for _ in range(3):
        await limits.hit(THREE, "ada")

    await limits.hit(THREE, "bo")
    await limits.hit(THREE, "ada", "at-home")
    await limits.hit(Limit("other", 3, 60), "ada")

    with pytest.raises(TooMany):
        await limits.hit(THREE, "ada")


async def test_asking_counts_nothing_and_counting_refuses_nothing() -> None:
    limits = RateLimits()

    for _ in range(10):
        await limits.require(THREE, "ada")
    for _ in range(5):
        await limits.count(THREE, "ada")

    with pytest.raises(TooMany):
        await limits.require(THREE, "ada")


async def test_success_begins_at_zero_again() -> None:
    limits = RateLimits()
    for _ in range(3):
        await limits.hit(THREE, "ada")

    await limits.forget(THREE, "ada")

    answers = await asyncio.gather(*(limits.hit(THREE, "ada") for _ in range(4)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [type(None)] * 3 + [TooMany]


async def test_of_a_hundred_at_once_no_more_than_the_limit_pass() -> None:
    limits = RateLimits()

    answers = await asyncio.gather(*(limits.hit(THREE, "ada") for _ in range(100)), return_exceptions=True)

    assert sum(answer is None for answer in answers) == 3


async def test_the_wait_passes() -> None:
    limits, once = RateLimits(), Limit("once", 1, 1)
    await limits.hit(once, "ada")
    with pytest.raises(TooMany):
        await limits.require(once, "ada")

    for _ in range(60):
        await asyncio.sleep(0.05)
        try:
            await limits.hit(once, "ada")
            break
        except TooMany:
            continue
    else:
        pytest.fail("still limited after three windows")

    with pytest.raises(TooMany):
        await limits.require(once, "ada")
