"""Whatever is committed, rolled back, cut, clogged, restarted or lost: each screen has its streams, whole and once.

`LIVE_EXAMPLES=500 pytest tests/realtime/chaos` is the long run; without it a short one that is the same every time.
"""

import asyncio
import os
import sys
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Role
from tests.realtime.chaos.followers import Follower
from tests.realtime.chaos.place import MOODS, Mood, Place

LONG_EXAMPLES = int(os.environ.get("LIVE_EXAMPLES", "0"))
SHORT_EXAMPLES = 12
STEPS = 40
TAILS = ("kitchen", "staff", "user")
NUMBER = st.integers(0, 7)
"""Of a follower or process: as many as there are, and round again."""
CAFE = st.sampled_from((0, 0, 1))
TAIL = st.sampled_from(TAILS)
SOME_TAILS = st.lists(TAIL, min_size=1, max_size=4)
"""Streams that a change is told to; more than once in a stream means that it is told so often."""
SOME_MOODS = st.lists(st.sampled_from(MOODS), min_size=2, max_size=2)
"""What becomes of the hints at each process."""


class Cafes(RuleBasedStateMachine):
    """Two cafes with a person who works in both, their screens, and the processes that serve them."""

    place: Place

    @initialize()
    def open(self) -> None:
        """Everybody is there and follows everything."""
        self.cafes = (self.place.new_cafe(), self.place.new_cafe())
        self.person = new_id()
        self.committed: defaultdict[tuple[Id, str], set[Id]] = defaultdict(set)
        first, second = self.cafes
        self.followers = [
            self.place.follower(first, Role.MANAGER, "/admin", self.person),
            self.place.follower(first, Role.KITCHEN, "/kitchen"),
            self.place.follower(first, Role.STAFF, "/orders", self.person),
            self.place.follower(second, Role.ADMIN, "/admin", self.person),
        ]
        for process in self.place.processes:
            process.mood = "passes"
        self.place.run(self._everybody_comes())

    async def _everybody_comes(self) -> None:
        for number, follower in enumerate(self.followers):
            assert await follower.come(self.place.processes[number % len(self.place.processes)].url)
            for stream in self.streams_of(follower):
                await follower.follow(stream)

    def key(self, cafe_id: Id, tail: str) -> str:
        """A stream. That of a person has the same name in both cafes, and is another one in each."""
        return f"user:{self.person}" if tail == "user" else f"cafe:{cafe_id}:{tail}"

    def streams_of(self, follower: Follower) -> list[str]:
        """What the follower may hear, by the contract."""
        tails = {"/admin": TAILS, "/kitchen": ("kitchen",), "/orders": ("staff", "user")}[follower.namespace]
        return [self.key(follower.cafe_id, tail) for tail in tails]

    def one(self, number: int) -> Follower:
        return self.followers[number % len(self.followers)]

    def process(self, number: int) -> Any:
        return self.place.processes[number % len(self.place.processes)]

    # --- what happens -------------------------------------------------------------------

    @rule(cafe=CAFE, tails=SOME_TAILS, at=NUMBER, moods=SOME_MOODS)
    def commit(self, cafe: int, tails: list[str], at: int, moods: list[Mood]) -> None:
        self._be(moods)
        self.place.run(self._commit(cafe, tails, at))

    @rule(
        changes=st.lists(st.tuples(CAFE, SOME_TAILS, NUMBER, st.booleans()), min_size=2, max_size=8), moods=SOME_MOODS
    )
    def commit_at_once(self, changes: list[tuple[int, list[str], int, bool]], moods: list[Mood]) -> None:
        """Some of them come to nothing."""
        self._be(moods)

        async def all_at_once() -> None:
            await asyncio.gather(*(self._commit(*change) for change in changes))

        self.place.run(all_at_once())

    @rule(cafe=CAFE, tails=SOME_TAILS, at=NUMBER)
    def roll_back(self, cafe: int, tails: list[str], at: int) -> None:
        self.place.run(self._commit(cafe, tails, at, comes_to_nothing=True))

    async def _commit(self, cafe: int, tails: list[str], at: int, comes_to_nothing: bool = False) -> None:
        cafe_id = self.cafes[cafe]
        keys = [self.key(cafe_id, tail) for tail in tails]
        told = await self.place.commit(self.process(at), cafe_id, keys, comes_to_nothing=comes_to_nothing)
        for key, event_id in zip(keys, told, strict=False):
            self.committed[cafe_id, key].add(event_id)

    @rule(who=NUMBER, tail=TAIL)
    def follow(self, who: int, tail: str) -> None:
        follower = self.one(who)
        key = self.key(follower.cafe_id, tail)
        if key in self.streams_of(follower):
            self.place.run(follower.follow(key))

    @rule(who=NUMBER, tail=TAIL)
    def unfollow(self, who: int, tail: str) -> None:
        follower = self.one(who)
        self.place.run(follower.unfollow(self.key(follower.cafe_id, tail)))

    @rule(who=NUMBER, changes=st.lists(st.tuples(SOME_TAILS, NUMBER), min_size=2, max_size=5), waits=st.integers(0, 5))
    def follow_while_things_happen(self, who: int, changes: list[tuple[list[str], int]], waits: int) -> None:
        follower = self.one(who)
        cafe = self.cafes.index(follower.cafe_id)

        async def meanwhile() -> None:
            for key in self.streams_of(follower):
                await follower.unfollow(key)
            happening = asyncio.gather(*(self._commit(cafe, tails, at) for tails, at in changes))
            for _ in range(waits):
                await asyncio.sleep(0)
            for key in self.streams_of(follower):
                await follower.follow(key)
            await happening

        self.place.run(meanwhile())

    @rule(who=NUMBER)
    def cut(self, who: int) -> None:
        self.one(who).cut()

    @rule(who=NUMBER, at=NUMBER)
    def come(self, who: int, at: int) -> None:
        """At any of the processes, which need not be the one it left."""
        assert self.place.run(self.one(who).come(self.process(at).url))

    @rule(tails=SOME_TAILS, who=NUMBER, at=NUMBER)
    def be_cut_while_things_happen(self, tails: list[str], who: int, at: int) -> None:
        follower = self.one(who)

        async def meanwhile() -> None:
            happening = asyncio.gather(*(self._commit(0, tails, at + turn) for turn in range(4)))
            await asyncio.sleep(0)
            follower.cut()
            coming = asyncio.create_task(follower.come(self.process(at).url))
            await happening
            await coming

        self.place.run(meanwhile())

    @rule(who=NUMBER)
    def clog(self, who: int) -> None:
        """It reads nothing until it has something to say, or is cut off."""
        self.one(who).clog()

    def _be(self, moods: list[Mood]) -> None:
        """What becomes of hints from now on, at each of the processes."""
        for process, mood in zip(self.place.processes, moods, strict=False):
            process.mood = mood

    @rule(at=NUMBER)
    def let_late_hints_arrive(self, at: int) -> None:
        async def late() -> None:
            self.process(at).let_go()

        self.place.run(late())

    @precondition(lambda self: self.restarts_left)
    @rule(at=NUMBER)
    def restart(self, at: int) -> None:
        """The process ends, with every connection to it, and another one begins."""

        async def again() -> None:
            await self.process(at).stop()
            await self.process(at).start()

        self.restarts_left -= 1
        self.place.restarts += 1
        self.place.run(again())

    # --- what has to be so --------------------------------------------------------------

    @invariant()
    def nobody_has_a_gap_a_repeat_or_somebody_elses(self) -> None:
        for follower in getattr(self, "followers", ()):
            assert follower.faults == [], str(follower)

    def teardown(self) -> None:
        if not hasattr(self, "followers"):
            return
        try:
            self.place.run(self._assert_everybody_has_everything())
        finally:
            self.place.run(self._everybody_leaves())
        self.place.examples += 1

    async def _assert_everybody_has_everything(self) -> None:
        for process in self.place.processes:
            process.mood = "passes"
        for number, follower in enumerate(self.followers):
            follower.unclog()
            await follower.come(self.process(number).url)
        for process in self.place.processes:
            await process.live.dispatcher.look()
        for follower in self.followers:
            for key in follower.logs:
                await self._assert_it_is_the_stream(follower, key)
        for (cafe_id, key), committed in self.committed.items():
            told = await self.place.truth(cafe_id, key)
            assert [event.seq for event in told] == list(range(1, len(told) + 1)), f"{key} is not dense"
            assert {event.event_id for event in told} == committed, f"{key} is not what was committed"
        self.nobody_has_a_gap_a_repeat_or_somebody_elses()

    async def _assert_it_is_the_stream(self, follower: Follower, key: str) -> None:
        stream = [event.event_id for event in await self.place.truth(follower.cafe_id, key)]
        log = follower.logs[key]
        if key in follower.following:
            while log.seq < len(stream) and not follower.faults:
                # Who did not read notices only now that the server ended the connection, and comes again as clients do.
                await follower.come(self.process(0).url)
                await follower.until(lambda: log.seq >= len(stream) or follower.faults or not follower.is_here)
            assert log.seq == len(stream), f"{follower} has {log.seq} of {len(stream)} of {key}"
        assert log.event_ids == stream[log.base : log.seq], f"{follower} has another {key}"

    async def _everybody_leaves(self) -> None:
        for follower in self.followers:
            self.place.comings += follower.comings
            self.place.heard += sum(len(log.event_ids) for log in follower.logs.values())
            await follower.leave()

    restarts_left = 2


@pytest.mark.timeout(0 if LONG_EXAMPLES else 120)
def test_any_interleaving_leaves_every_screen_with_its_streams_whole_and_once(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    run_state_machine_as_test(
        type("Cafes", (Cafes,), {"place": place}),
        settings=settings(
            max_examples=LONG_EXAMPLES or SHORT_EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=not LONG_EXAMPLES,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
            report_multiple_bugs=False,
        ),
    )

    if LONG_EXAMPLES:
        with capsys.disabled():
            sys.stdout.write(f"\n{place.summary()}\n")
    assert place.examples >= (LONG_EXAMPLES or SHORT_EXAMPLES)
    assert place.restarts > 0
    assert place.heard > place.examples
