"""Everybody is cut off at once and comes back at once; somebody never reads. The server stays what it was.

`LIVE_STORM=2000 pytest tests/realtime/chaos/test_storm.py` is the large one.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tabletap.infra import streams
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Role
from tests.realtime.chaos.followers import Follower
from tests.realtime.chaos.place import tell
from tests.support.jobs import assert_eventually
from tests.support.shared_world import opened
from tests.support.world import World

CLIENTS = int(os.environ.get("LIVE_STORM", "150"))
PADDING = 16_000
MOST_MEGABYTES = 32
"""More than the system's own buffers of a connection ever hold, which nobody but it can limit."""


@pytest.fixture
async def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, engine_name: str
) -> AsyncIterator[World]:
    async with opened(request, tmp_path_factory, engine_name, with_jobs=False) as world:
        yield world


def follower(world: World) -> Follower:
    """A kitchen screen of its own."""
    person_id = new_id()
    tokens = world.app.services.tokens
    token = tokens.issue(cafe_id=world.home.id, person_id=person_id, roles=frozenset({Role.KITCHEN}))
    return Follower(world.home.id, person_id, Role.KITCHEN, "/kitchen", token)


def kitchen(world: World) -> str:
    return f"cafe:{world.home.id}:kitchen"


async def happen(world: World, times: int, padding: int = 0) -> None:
    for _ in range(times):
        await tell(world.app.db, world.home.id, [kitchen(world)], padding=padding)


async def stream_of(world: World) -> list[Id]:
    """Every event of the kitchen's stream."""
    cafe_id, key = world.home.id, kitchen(world)
    told = await world.app.db.read(cafe_id, lambda reader: streams.events_after(reader, cafe_id, key, 0, 100_000))
    return [event.event_id for event in told]


@asynccontextmanager
async def answering(world: World) -> AsyncIterator[list[int]]:
    """Asks again and again whether the server lives; the statuses of its answers."""
    answers: list[int] = []

    async def keep_asking() -> None:
        while True:
            async with world.session.get(f"{world.url}/health/live") as answer:
                answers.append(answer.status)
            await asyncio.sleep(0.01)

    asking = asyncio.create_task(keep_asking())
    try:
        yield answers
        assert not asking.done(), "it did not answer"
    finally:
        asking.cancel()
        await asyncio.wait([asking])


@pytest.mark.timeout(600)
async def test_everybody_cut_at_once_and_back_at_once_misses_nothing_while_the_server_answers(world: World) -> None:
    followers = [follower(world) for _ in range(CLIENTS)]
    try:
        for some in range(0, CLIENTS, 50):
            assert all(await asyncio.gather(*(each.come(world.url) for each in followers[some : some + 50])))
        for each in followers:
            await each.follow(kitchen(world))
        await happen(world, 3)

        async with answering(world) as answers:
            for each in followers:
                each.cut()
            await happen(world, 5)
            coming = [asyncio.create_task(each.come(world.url)) for each in followers]
            await happen(world, 5)
            assert all(await asyncio.gather(*coming))
            await happen(world, 2)
            for each in followers:
                await each.reaches(kitchen(world), 15)
            told = await stream_of(world)
            assert [each.faults for each in followers if each.faults] == []
            assert all(each.logs[kitchen(world)].event_ids == told for each in followers)
        assert set(answers) == {200}
    finally:
        await asyncio.gather(*(each.leave() for each in followers))


async def catch_up(world: World, each: Follower, seq: int) -> None:
    """As clients do: whoever is cut off comes back, with a cursor that is further each time."""
    log = each.logs[kitchen(world)]
    while log.seq < seq and not each.faults:
        before = log.seq
        assert await each.come(world.url)
        await each.until(lambda: each.faults or log.seq >= seq or not each.is_here)
        assert log.seq > before, "no progress"


async def test_who_never_reads_is_cut_off_the_others_notice_nothing_and_they_go_on_from_where_they_were(
    world: World,
) -> None:
    lazy, bystander = follower(world), follower(world)
    for each in (lazy, bystander):
        assert await each.come(world.url)
        await each.follow(kitchen(world))
    await happen(world, 1)
    await lazy.until(lambda: lazy.logs[kitchen(world)].seq == 1)

    lazy.clog()
    megabytes = 0
    while len(world.app.live.sessions) == 2:
        megabytes += 1
        assert megabytes < MOST_MEGABYTES, "what nobody reads is kept for ever"
        await happen(world, 1_000_000 // PADDING, PADDING)
    [left] = world.app.live.sessions
    assert left.actor.person_id == bystander.person_id

    lazy.cut()
    assert await lazy.come(world.url)
    await happen(world, 1)
    told = await stream_of(world)
    for each in (lazy, bystander):
        await catch_up(world, each, len(told))
        assert each.faults == []
        assert each.logs[kitchen(world)].event_ids == told
        await each.leave()


async def test_who_polls_no_more_is_cut_off_as_well(world: World) -> None:
    address = f"{world.url}/socket.io/?EIO=4&transport=polling"
    async with world.session.get(address) as answer:
        session_id = (await answer.text()).split('"sid":"')[1].split('"')[0]
    token = follower(world).token
    connect = f'40/kitchen,{{"token":"{token}"}}'
    subscribe = f'42/kitchen,["subscribe",{{"stream":"{kitchen(world)}"}}]'
    for packet in (connect, subscribe):
        async with world.session.post(f"{address}&sid={session_id}", data=packet) as answer:
            assert await answer.text() == "ok"
    await assert_eventually(lambda: any(each.streams for each in world.app.live.sessions))

    await happen(world, 2_000_000 // PADDING, PADDING)

    await assert_eventually(lambda: len(world.app.live.sessions) == 0)
