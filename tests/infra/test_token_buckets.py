"""Token buckets: a burst, then as many as are refilled, and no way to be locked out or to get more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabletap.infra.ratelimit import Limit, TokenBuckets
from tabletap.kernel.errors import TooMany

SECOND = 1_000_000_000


class Hands:
    """Somebody with a stop watch in front of a bucket."""

    def __init__(self, times: int, seconds: int, most: int = 100_000) -> None:
        self.now_ns = 0
        self.buckets = TokenBuckets(Limit("test", times, seconds), lambda: self.now_ns, most)

    def take(self, who: str = "ada") -> int | None:
        """None for a token, else the seconds to wait."""
        try:
            self.buckets.take(who)
        except TooMany as refused:
            return refused.retry_after_seconds
        return None

    def takes(self, tries: int, who: str = "ada") -> int:
        """How many of so many tries succeed."""
        return sum(self.take(who) is None for _ in range(tries))


@pytest.mark.parametrize(("times", "seconds"), [(1, 60), (3, 60), (50, 60), (100, 60), (7, 3), (200, 60)])
def test_the_burst_is_the_limit_to_the_last_token(times: int, seconds: int) -> None:
    hands = Hands(times, seconds)

    assert hands.takes(times + 20) == times


def test_tokens_come_back_evenly_and_not_all_at_once() -> None:
    hands = Hands(60, 60)
    hands.takes(60)

    for _ in range(10):
        hands.now_ns += SECOND
        assert hands.takes(5) == 1, "one a second, wherever in the minute"


def test_who_keeps_knocking_is_not_kept_out_for_longer() -> None:
    hands = Hands(60, 60)
    hands.takes(60)

    got = 0
    for _ in range(600):  # a window that is renewed with each refused hit would never let anything through again
        hands.now_ns += SECOND // 10
        got += hands.take() is None

    assert got == 60


def test_the_wait_is_exact() -> None:
    hands = Hands(2, 60)
    hands.takes(2)

    wait = hands.take()
    assert wait == 30
    hands.now_ns += 30 * SECOND - 1
    assert hands.take() == 1
    hands.now_ns += 1

    assert hands.take() is None


def test_everybody_has_a_bucket_of_their_own() -> None:
    hands = Hands(2, 60)

    assert [hands.takes(5, who) for who in ("ada", "bo", "ada")] == [2, 2, 0]


@given(
    times=st.integers(1, 20),
    seconds=st.integers(1, 60),
    pauses=st.lists(st.integers(0, 10 * SECOND), min_size=1, max_size=60),
)
def test_no_rhythm_gets_more_than_the_burst_and_what_was_refilled(times: int, seconds: int, pauses: list[int]) -> None:
    hands, got = Hands(times, seconds), 0
    for pause in pauses:
        hands.now_ns += pause
        got += hands.takes(3)

    assert got <= times + hands.now_ns * times // (seconds * SECOND) + 1


@given(pauses=st.lists(st.integers(0, 100 * SECOND), min_size=1, max_size=40), times=st.integers(1, 10))
def test_whoever_waits_as_told_gets_a_token(pauses: list[int], times: int) -> None:
    hands = Hands(times, 60)
    for pause in pauses:
        hands.now_ns += pause
        if (wait := hands.take()) is not None:
            assert 1 <= wait <= 60
            hands.now_ns += wait * SECOND
            assert hands.take() is None


def test_who_was_here_long_ago_is_forgotten() -> None:
    hands = Hands(10, 60)
    for visitor in range(20_000):
        hands.now_ns += SECOND
        hands.take(f"visitor {visitor}")

    assert len(hands.buckets) <= 1_001


def test_a_crowd_of_strangers_takes_bounded_memory_and_spares_whoever_is_over_the_limit() -> None:
    hands = Hands(10, 60, most=2_000)
    hands.takes(10, "greedy")
    for visitor in range(20_000):
        hands.take(f"visitor {visitor}")
        assert len(hands.buckets) <= 2_000

    assert hands.take("greedy") is not None, "a crowd does not wash an empty bucket away"
