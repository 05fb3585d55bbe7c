"""The events of streams for those who poll: what is kept, and a plain word where it cannot be had whole."""

from datetime import timedelta

import pytest

from tabletap.http.services import Services
from tabletap.infra import streams
from tabletap.infra.retention import forget_events
from tests.http.conftest import Place
from tests.support.rows import MovedClock


@pytest.fixture
async def kitchen(place: Place) -> str:
    """The path of the events of a kitchen that has had two orders."""
    for _ in range(2):
        await place.paid_order()
    return f"/events?stream=cafe:{place.cafe.cafe_id}:kitchen"


async def test_what_is_no_longer_kept_is_said_and_never_left_out(
    place: Place, kitchen: str, services: Services, clock: MovedClock
) -> None:
    clock.let_time_pass(minutes=50)
    await forget_events(services.db, timedelta(minutes=49))

    behind = await place.kitchen.get(f"{kitchen}&after=1:2")
    beginning = await place.kitchen.get(f"{kitchen}&after=0")
    at_head = await place.kitchen.get(f"{kitchen}&after=1:4")

    assert (behind.status, behind.code) == (409, "snapshot_required")
    assert behind.body["detail"] == streams.GONE
    for page in (beginning, at_head):
        assert (page.body["items"], page.body["head"], page.body["epoch"]) == ([], 4, 1)


async def test_a_cursor_of_another_epoch_needs_a_snapshot(place: Place, kitchen: str, services: Services) -> None:
    epoch = await services.db.transaction(place.cafe.cafe_id, streams.restart, lock=True)

    refused = await place.kitchen.get(f"{kitchen}&after=1:4")

    assert (refused.status, refused.code, refused.body["detail"]) == (409, "snapshot_required", streams.RESTARTED)
    assert (await place.kitchen.get(f"{kitchen}&after=1:400")).code == "snapshot_required"
    snapshot = (await place.kitchen.get(f"/streams/{kitchen[15:]}/snapshot")).body
    assert (snapshot["epoch"], snapshot["seq"]) == (epoch, 4)
    assert (await place.kitchen.get(f"{kitchen}&after={epoch}:4")).body["items"] == []
    assert (await place.kitchen.get(f"{kitchen}&after={epoch}:400")).code == "snapshot_required"
