"""The business day in the cafe's own time."""

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabletap.cafes.business_day import business_day, business_day_of
from tabletap.cafes.model import Cafe
from tabletap.kernel.ids import new_id

ZONES = ("Australia/Sydney", "Europe/Brussels", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "UTC")
CAFE = Cafe(
    new_id(), "Corner", "AUD", "Australia/Sydney", "pay_first", {}, 5, "credit", None, 5_000, None, 1,
    datetime(2026, 1, 1, tzinfo=UTC),
)  # fmt: skip
MOMENTS = st.integers(1_577_836_800, 1_893_456_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def cafe_in(zone: str, starts_minute: int = 0) -> Cafe:
    return msgspec.structs.replace(CAFE, time_zone=zone, day_starts_minute=starts_minute)


@given(MOMENTS, st.sampled_from(ZONES), st.integers(0, 24 * 60 - 1))
def test_every_moment_belongs_to_one_day_and_days_follow_without_gap(at: datetime, zone: str, starts: int) -> None:
    cafe = cafe_in(zone, starts)

    day = business_day_of(cafe, at)

    assert day.starts_at <= at < day.ends_at
    assert business_day(cafe, day.date + timedelta(days=1)).starts_at == day.ends_at
    assert business_day_of(cafe, day.starts_at) == day
    assert business_day_of(cafe, day.ends_at).starts_at == day.ends_at


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 10, 4), 23), (date(2026, 4, 5), 25), (date(2026, 11, 23), 24)])
def test_a_day_on_which_clocks_are_put_forward_or_back_is_shorter_or_longer(day: date, hours: int) -> None:
    found = business_day(CAFE, day)

    assert found.ends_at - found.starts_at == timedelta(hours=hours)


def test_a_bar_counts_what_it_sells_after_midnight_to_the_evening_before() -> None:
    bar = cafe_in("Europe/Brussels", 4 * 60)

    at_two_in_the_morning = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)

    assert business_day_of(bar, at_two_in_the_morning).date == date(2026, 11, 21)
    assert business_day_of(cafe_in("Europe/Brussels"), at_two_in_the_morning).date == date(2026, 11, 22)
