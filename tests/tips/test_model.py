"""The arithmetic of tips: what a cafe may offer, what it takes, who gets which part."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabletap.tips.errors import TipConfigurationInvalid, TipNotAllowed
from tabletap.tips.model import TipConfiguration, TipDistributionShares, check_configuration, check_tip, quote

DEFAULT = TipConfiguration()


def changed(**changes: Any) -> TipConfiguration:
    return msgspec.structs.replace(DEFAULT, **changes)


def test_the_default_is_what_the_contract_says() -> None:
    assert msgspec.to_builtins(check_configuration(DEFAULT)) == {
        "tipEnabled": True,
        "tipType": "percentage",
        "percentages": (1_000, 1_500, 2_000),
        "fixedAmounts": (),
        "customTipEnabled": True,
        "maxTipPercentage": 5_000,
        "minTipAmount": 50,
        "maxTipAmount": 10_000,
        "distribution": {"kitchenStaff": 3_000, "serviceStaff": 7_000, "management": 0},
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"distribution": TipDistributionShares(3_000, 7_000, 1)},
        {"distribution": TipDistributionShares(3_000, 6_999, 0)},
        {"distribution": TipDistributionShares(-1, 10_001, 0)},
        {"percentages": (0,)},
        {"percentages": (-1,)},
        {"percentages": (5_001,)},
        {"percentages": (1, 2, 3, 4, 5, 6, 7)},
        {"fixed_amounts": (0,)},
        {"fixed_amounts": (10_001,)},
        {"fixed_amounts": (1, 2, 3, 4, 5, 6, 7)},
        {"max_tip_percentage": 0},
        {"max_tip_percentage": 10_001},
        {"min_tip_amount": -1},
        {"min_tip_amount": 101, "max_tip_amount": 100},
    ],
)
def test_what_cannot_work_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(TipConfigurationInvalid, match="cannot work: "):
        check_configuration(changed(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"percentages": (), "tip_enabled": False},
        {"percentages": (5_000,), "max_tip_percentage": 5_000},
        {"fixed_amounts": (1, 2, 3, 4, 5, 10_000), "tip_type": "both"},
        {"min_tip_amount": 0, "max_tip_amount": 0, "percentages": ()},
        {"distribution": TipDistributionShares(0, 0, 10_000)},
    ],
)
def test_what_can_work_is_taken_as_it_is(changes: dict[str, Any]) -> None:
    configuration = changed(**changes)

    assert check_configuration(configuration) is configuration


@pytest.mark.parametrize(
    ("changes", "order", "tip", "taken"),
    [
        ({}, 1_000, 0, True),
        ({}, 1_000, -1, False),
        ({}, 1_000, 49, False),
        ({}, 1_000, 50, True),
        ({}, 1_000, 500, True),
        ({}, 1_000, 501, False),
        ({}, 100_000, 10_000, True),
        ({}, 100_000, 10_001, False),
        ({}, 100_000, 20_000, True),  # offered as 20 %
        ({}, 300, 30, True),  # offered as 10 %, though below the smallest
        ({"tip_enabled": False}, 1_000, 100, False),
        ({"tip_enabled": False}, 1_000, 0, True),
        ({"custom_tip_enabled": False}, 1_000, 150, True),
        ({"custom_tip_enabled": False}, 1_000, 151, False),
        ({"custom_tip_enabled": False, "tip_type": "fixed", "fixed_amounts": (200,)}, 1_000, 200, True),
        ({"custom_tip_enabled": False, "tip_type": "fixed", "fixed_amounts": (200,)}, 1_000, 150, False),
        ({"custom_tip_enabled": False, "fixed_amounts": (200,)}, 2_100, 200, False),
        ({"custom_tip_enabled": False, "tip_type": "both", "fixed_amounts": (200,)}, 2_100, 200, True),
    ],
)
def test_a_tip_is_taken_within_the_limits(changes: dict[str, Any], order: int, tip: int, taken: bool) -> None:
    configuration = check_configuration(changed(**changes))

    if taken:
        assert check_tip(configuration, order, tip) == tip
    else:
        with pytest.raises(TipNotAllowed):
            check_tip(configuration, order, tip)


@st.composite
def shares(draw: st.DrawFn) -> TipDistributionShares:
    first = draw(st.integers(0, 10_000))
    second = draw(st.integers(0, 10_000 - first))
    return TipDistributionShares(first, second, 10_000 - first - second)


@given(shares(), st.integers(0, 10_000), st.integers(1_000, 1_000_000))
def test_the_parts_of_a_tip_sum_to_it(distribution: TipDistributionShares, tip: int, order: int) -> None:
    configuration = changed(distribution=distribution, min_tip_amount=0, max_tip_percentage=10_000)
    tip = min(tip, order)

    quoted = quote(configuration, order, None, tip)

    assert sum(quoted.distribution.values()) == quoted.tip_amount == tip
    assert quoted.total_amount == order + tip
    assert all(part >= 0 for part in quoted.distribution.values())


def test_a_percentage_is_rounded_half_up_and_named() -> None:
    quoted = quote(DEFAULT, 1_005, 1_000, None)

    assert (quoted.tip_amount, quoted.total_amount, quoted.tip_percentage) == (101, 1_106, 1_000)
    assert quoted.distribution == {"kitchenStaff": 30, "serviceStaff": 71, "management": 0}


def test_a_percentage_above_the_most_is_not_taken() -> None:
    with pytest.raises(TipNotAllowed):
        quote(DEFAULT, 1_000, 5_010, None)
