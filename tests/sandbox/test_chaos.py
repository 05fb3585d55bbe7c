"""The random mode: faults that nobody chose, and the same ones again for the same seed."""

import pytest

from tabletap.sandbox.faults import Call, Chaos, Fault, Faults
from tests.sandbox.merchant import Merchant


def drawn(seed: int, rate: int = 3_000) -> list[Fault | None]:
    faults = Faults()
    faults.set_chaos(Chaos(seed, rate))
    return [faults.take_for(Call.START) for _ in range(200)]


def test_the_same_seed_draws_the_same_faults() -> None:
    assert drawn(1) == drawn(1) != drawn(2)


@pytest.mark.parametrize(("rate", "least", "most"), [(1, 0, 5), (3_000, 30, 90), (10_000, 200, 200)])
def test_as_many_calls_go_wrong_as_the_rate_says(rate: int, least: int, most: int) -> None:
    assert least <= sum(fault is not None for fault in drawn(7, rate)) <= most


def test_only_the_faults_that_were_named_are_drawn() -> None:
    faults = Faults()
    faults.set_chaos(Chaos(1, 10_000, (Fault.SLOW, Fault.DROP_WEBHOOK)))

    assert {faults.take_for(Call.QUERY) for _ in range(20)} == {Fault.SLOW}
    assert faults.take(Fault.DROP_WEBHOOK)
    assert not faults.take(Fault.BAD_SIGNATURE)


async def test_the_random_mode_is_set_shown_and_ended(merchant: Merchant) -> None:
    set_ = await merchant.control("POST", "/chaos", {"seed": 5, "faults": ["error_500"], "rate": 10_000})
    shown = await merchant.control("GET", "/chaos")
    refused = await merchant.call("POST", "/payments", merchant.order())
    await merchant.control("DELETE", "/chaos")
    started = await merchant.start()

    assert set_ == shown == {"seed": 5, "faults": ["error_500"], "rate": 10_000}
    assert refused.status == 500
    assert started["status"] == "pending"
    assert await merchant.control("GET", "/chaos") is None
