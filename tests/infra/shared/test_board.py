"""Every process sees what the others hang up; what the dead left is taken down; losing Redis loses nothing for good."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from tabletap.infra.shared import redis_board
from tabletap.infra.shared.board import Board, MemoryBoard, Page
from tabletap.infra.shared.redis_board import RedisBoard
from tabletap.kernel.ids import Id, new_id
from tests.infra.shared.brokers import PATIENCE_SECONDS
from tests.support.services import Server


@asynccontextmanager
async def hanging(url: str, name: str) -> AsyncIterator[RedisBoard]:
    """The board of one process that has gone its first round."""
    board = RedisBoard(url, name)
    await board.start()
    await board.keep()
    yield board
    await board.stop()


@pytest.fixture
def name() -> str:
    """An installation of its own."""
    return f"board:{new_id()}"


def seen(page: Page) -> list[bytes]:
    """All notices of a cafe."""
    return sorted(notice for hung in page.by_process.values() for notice in hung.values())


@pytest.mark.parametrize("kind", ["memory", "redis"])
async def test_a_process_sees_its_own_notices_at_once(kind: str, redis_url: str, name: str) -> None:
    board: Board = MemoryBoard() if kind == "memory" else RedisBoard(redis_url, name)
    await board.start()
    cafe, other = new_id(), new_id()

    board.put(cafe, "a", b"1")
    board.put(cafe, "a", b"2")
    board.put(cafe, "b", b"3")
    board.put(other, "a", b"4")
    board.take_down(cafe, "b")

    page = await board.read(cafe)
    assert (page.by_process, page.is_complete) == ({board.process_id: {"a": b"2"}}, True)
    assert (await board.keep(), board.processes) == (set(), 1)
    await board.stop()
    assert seen(await board.read(cafe)) == []


async def test_every_process_sees_what_the_others_hung_up_and_took_down(redis_url: str, name: str) -> None:
    cafe = new_id()
    async with hanging(redis_url, name) as first, hanging(redis_url, name) as second:
        first.put(cafe, "a", b"1")
        second.put(cafe, "a", b"2")
        await first.keep()
        await second.keep()
        assert [seen(await each.read(cafe)) for each in (first, second)] == [[b"1", b"2"]] * 2
        assert second.processes == 2

        first.take_down(cafe, "a")
        second.put(cafe, "b", b"3")
        await first.keep()
        await second.keep()
        assert [seen(await each.read(cafe)) for each in (first, second)] == [[b"2", b"3"]] * 2
        assert seen(await first.read(new_id())) == []


async def test_who_stops_in_order_is_gone_at_once(redis_url: str, name: str) -> None:
    cafe = new_id()
    async with hanging(redis_url, name) as stays, Redis.from_url(redis_url) as client:
        async with hanging(redis_url, name) as goes:
            goes.put(cafe, "a", b"1")
            await goes.keep()
            assert seen(await stays.read(cafe)) == [b"1"]

        assert seen(await stays.read(cafe)) == []
        assert await client.keys(f"{name}*{goes.process_id}*") == []


async def test_what_a_dead_process_left_is_taken_down_by_the_others(
    redis_url: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_board, "ALIVE_SECONDS", 1)
    monkeypatch.setattr(redis_board, "SIGN_EVERY", 1)
    cafe = new_id()
    dies = RedisBoard(redis_url, name)
    await dies.start()
    dies.put(cafe, "a", b"1")
    await dies.keep()
    async with hanging(redis_url, name) as stays, Redis.from_url(redis_url) as client:
        assert seen(await stays.read(cafe)) == [b"1"]

        swept: set[Id] = set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not swept:
                await asyncio.sleep(0.1)
                swept = await stays.keep()

        assert swept == {cafe}
        assert seen(await stays.read(cafe)) == []
        assert await client.keys(f"{name}*{dies.process_id}*") == []

        # It was not dead, only slow: it finds its name missing and hangs everything up again.
        await dies.keep()
        assert seen(await stays.read(cafe)) == [b"1"]
    await dies.stop()


async def test_what_redis_lost_is_hung_up_again(mortal_redis: Server, name: str) -> None:
    cafe = new_id()
    async with hanging(mortal_redis.url, name) as first, hanging(mortal_redis.url, name) as second:
        first.put(cafe, "a", b"1")
        second.put(cafe, "b", b"2")
        await first.keep()
        await second.keep()

        mortal_redis.stop()
        first.put(cafe, "c", b"3")
        assert await first.keep() == set()
        page = await first.read(cafe)
        assert (seen(page), page.is_complete) == ([b"1", b"3"], False)
        assert await second.read(cafe) == Page({second.process_id: {"b": b"2"}}, is_complete=False)

        mortal_redis.start()
        await second.keep()
        await first.keep()
        assert [seen(await each.read(cafe)) for each in (first, second)] == [[b"1", b"2", b"3"]] * 2
