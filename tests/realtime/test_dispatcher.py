"""Whatever the broker does to its hints and whoever comes and goes: the stream is delivered whole and in order."""

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabletap.infra.db.migrate import migrate
from tabletap.infra.db.sqlite import SqliteDatabase
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.clock import SystemClock
from tabletap.kernel.events import Event
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Actor, Role
from tabletap.reactions import follow
from tabletap.realtime.dispatcher import Dispatcher
from tabletap.realtime.messages import Position
from tabletap.realtime.sessions import Session

CAFE = new_id()
KEYS = (f"cafe:{CAFE}:kitchen", f"cafe:{CAFE}:staff")
SCREENS = 3


class Wire:
    """The network: notes what reaches which socket."""

    def __init__(self) -> None:
        self.rooms: defaultdict[str, list[str]] = defaultdict(list)
        self.arrived: defaultdict[tuple[str, str], list[int]] = defaultdict(list)

    def tell(self, namespace: str, to: str, event: Event) -> None:
        for socket_id in self.rooms[to]:
            self.tell_one(namespace, socket_id, [event])

    def tell_one(self, namespace: str, socket_id: str, events: list[Event]) -> None:
        for event in events:
            self.arrived[socket_id, event.stream].append(event.seq)

    async def say(self, namespace: str, socket_id: str, name: str, payload: msgspec.Struct) -> None:
        raise AssertionError(f"{name} was not to be said")

    async def enter_room(self, sid: str, room: str, namespace: str) -> None:
        self.rooms[room].append(sid)

    async def leave_room(self, sid: str, room: str, namespace: str) -> None:
        self.rooms[room].remove(sid)


class Story:
    """Runs steps against a dispatcher on a real database."""

    def __init__(self, db: SqliteDatabase) -> None:
        self.db, self.wire = db, Wire()
        self.dispatcher = Dispatcher(db, self.wire)
        actor = Actor(cafe_id=CAFE, person_id=new_id(), roles=frozenset({Role.MANAGER}))
        self.screens = [Session("/admin", f"socket{n}", actor, {}, db.clock.now()) for n in range(SCREENS)]
        self.hints: list[Event] = []
        self.heads: defaultdict[str, int] = defaultdict(int)
        db.publish = self.hints.extend

    async def step(self, step: tuple[Any, ...]) -> None:
        await getattr(self, str(step[0]))(*step[1:])
        await asyncio.sleep(0)

    async def commit(self, key: str, times: int) -> None:
        async def decide(tx: Transaction) -> None:
            for _ in range(times):
                event_id = new_id()
                tx.tell(
                    Event(
                        cafe_id=CAFE, stream=key, name="x", data=b"{}", event_id=event_id, cause_id=event_id, at=tx.now
                    )
                )

        await self.db.transaction(CAFE, decide)
        self.heads[key] += times

    async def hint(self, choices: list[int]) -> None:
        """Some of what was published lately arrives, in any order, twice or later; what is not chosen is lost."""
        self.dispatcher.hear([self.hints[-choice] for choice in choices if choice <= len(self.hints)])

    async def look(self) -> None:
        await self.dispatcher.look()

    async def join(self, number: int, key: str) -> None:
        screen = self.screens[number]
        if key in screen.streams:
            return
        screen.streams.add(key)
        arrived = self.wire.arrived[screen.socket_id, key]
        await self.dispatcher.join(screen, key, Position(epoch=1, seq=arrived[-1] if arrived else 0))

    async def leave(self, number: int, key: str) -> None:
        await self.dispatcher.leave(self.screens[number], key)
        self.screens[number].streams.discard(key)

    def assert_prefixes(self) -> None:
        for (socket_id, key), seqs in self.wire.arrived.items():
            assert seqs == list(range(1, len(seqs) + 1)), (socket_id, key)
            assert len(seqs) <= self.heads[key]

    async def settle(self) -> None:
        await self.dispatcher.look()
        for screen in self.screens:
            for key in screen.streams:
                assert len(self.wire.arrived[screen.socket_id, key]) == self.heads[key], "nothing is missing"
        await self.dispatcher.stop()


key_of = st.sampled_from(KEYS)
number_of = st.integers(0, SCREENS - 1)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), key_of, st.integers(1, 4)),
        st.tuples(st.just("hint"), st.lists(st.integers(1, 10), min_size=1, max_size=8)),
        st.tuples(st.just("look")),
        st.tuples(st.just("join"), number_of, key_of),
        st.tuples(st.just("leave"), number_of, key_of),
    ),
    max_size=40,
)


@given(steps, st.booleans())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_story_ends_with_every_screen_having_the_stream(story: list[tuple[Any, ...]], at_once: bool) -> None:
    asyncio.run(assert_it_ends_well(story, at_once))


async def assert_it_ends_well(steps_: list[tuple[Any, ...]], at_once: bool) -> None:
    """One after the other, or in groups of which everything happens at the same time."""
    async with empty_database() as db:
        story = Story(db)
        size = 5 if at_once else 1
        for start in range(0, len(steps_), size):
            await asyncio.gather(*(story.step(step) for step in steps_[start : start + size]))
            story.assert_prefixes()
        await story.settle()
        story.assert_prefixes()


async def test_who_joins_as_the_last_one_leaves_and_the_stream_is_put_away_hears_it() -> None:
    async with empty_database() as db:
        story, key = Story(db), KEYS[0]
        await story.join(0, key)
        (feed,) = story.dispatcher._feeds.values()
        async with feed.lock:
            steps_ = [asyncio.create_task(story.leave(0, key)), asyncio.create_task(story.join(1, key))]
            await asyncio.sleep(0)
        await asyncio.gather(story.dispatcher.look(), *steps_)

        await story.commit(key, 2)
        await story.hint([2, 1])

        assert story.wire.arrived["socket1", key] == [1, 2]
        await story.settle()


@asynccontextmanager
async def empty_database() -> AsyncIterator[SqliteDatabase]:
    """A database of its own, without the time it takes to migrate one."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.db"
        path.write_bytes(migrated())
        db = SqliteDatabase(path, SystemClock(), follow, lambda _: None)
        await db.start()
        yield db
        await db.stop()


@cache
def migrated() -> bytes:
    """The file of a migrated database."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.db"
        with ThreadPoolExecutor(1) as elsewhere:  # here a loop is running already
            elsewhere.submit(lambda: asyncio.run(migrate(f"sqlite:///{path}"))).result()
        return path.read_bytes()
