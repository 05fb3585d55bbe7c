"""Two processes on one PostgreSQL: what one commits is heard at the other, at once through Redis, soon without it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tabletap.app import App
from tabletap.identity.errors import CredentialsInvalid
from tabletap.identity.service import TRIES
from tabletap.infra.db.transaction import Transaction
from tabletap.infra.shared.broker import RedisBroker
from tabletap.kernel.errors import NotSignedIn, TooMany
from tabletap.kernel.events import Event
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Role
from tabletap.realtime import server
from tests.infra.shared.brokers import PATIENCE_SECONDS, connected_again, eventually
from tests.realtime.world import Screen
from tests.support.services import Server
from tests.support.world import World, another_process, running


class Two:
    """Two processes, and screens at both."""

    def __init__(self, world: World, second: App, second_url: str) -> None:
        self.world, self.apps, self.urls = world, (world.app, second), (world.url, second_url)
        self.kitchen = f"cafe:{world.home.id}:kitchen"
        self.screens: list[Screen] = []

    async def screen(self, number: int) -> Screen:
        """A kitchen screen at one of the processes; it hears everything from the first event on."""
        screen = Screen(self.urls[number], "/kitchen")
        self.screens.append(screen)
        await screen.connect({"token": self.world.home.tokens["kitchen"]})
        await screen.result("subscribe", {"stream": self.kitchen, "cursor": {"epoch": 1, "seq": 0}})
        return screen

    async def happen(self, number: int, times: int = 1) -> None:
        """So many events, committed by one of the processes, one after the other."""

        async def decide(tx: Transaction) -> None:
            event_id = new_id()
            tx.tell(
                Event(
                    cafe_id=tx.cafe_id,
                    stream=self.kitchen,
                    name="announcement",
                    data=b"{}",
                    event_id=event_id,
                    cause_id=event_id,
                    at=tx.now,
                )
            )

        for _ in range(times):
            await self.apps[number].db.transaction(self.world.home.id, decide)

    async def all_have(self, count: int) -> None:
        """Wait until every screen has so many events, and see that each has them once and in order."""
        await asyncio.gather(*(self._has(screen, count) for screen in self.screens))

    async def _has(self, screen: Screen, count: int) -> None:
        await screen.until(lambda: len(screen.seqs(self.kitchen)) >= count)
        assert screen.seqs(self.kitchen) == list(range(1, count + 1))

    async def connected(self) -> None:
        """Wait until both reach each other."""
        for app in self.apps:
            assert isinstance(app.broker, RedisBroker)
            await connected_again(app.broker)

    async def presence(self, number: int, who: str = "counter") -> tuple[int, Any]:
        """The roll-call as one of the processes answers it."""
        headers = {"Authorization": f"Bearer {self.world.home.tokens[who]}"}
        async with self.world.session.get(f"{self.urls[number]}/api/v1/presence", headers=headers) as answer:
            return answer.status, msgspec.json.decode(await answer.read())

    async def seen_from(self, number: int, count: int) -> Any:
        """The roll-call, once it has so many screens."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len((found := await self.presence(number))[1]["screens"]) != count:  # noqa: ASYNC110 - it is asked
                await asyncio.sleep(0.05)
        return found[1]

    async def readiness(self, number: int) -> Any:
        """What one of the processes says of itself."""
        async with self.world.session.get(f"{self.urls[number]}/health/ready") as answer:
            assert answer.status == 200
            return msgspec.json.decode(await answer.read())


@asynccontextmanager
async def open_two(folder: Path, postgres_url: str, redis_url: str | None) -> AsyncIterator[Two]:
    """Both processes, until the end of the test."""
    async with (
        running(folder, "postgres", postgres_url, with_jobs=False, redis_url=redis_url) as world,
        another_process(world) as (second, second_url),
    ):
        two = Two(world, second, second_url)
        yield two
        await asyncio.gather(*(screen.leave() for screen in two.screens), return_exceptions=True)


@pytest.fixture
async def two(tmp_path: Path, postgres_url: str, redis_url: str) -> AsyncIterator[Two]:
    async with open_two(tmp_path, postgres_url, redis_url) as found:
        await found.connected()
        yield found


@pytest.fixture
async def two_without_redis(tmp_path: Path, postgres_url: str) -> AsyncIterator[Two]:
    async with open_two(tmp_path, postgres_url, None) as found:
        yield found


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks into the database for what hints left out."""
    monkeypatch.setattr(server, "LOOK_SECONDS", 3600)


@pytest.fixture
def careless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks into the database for who was signed out."""
    monkeypatch.setattr(server, "CARE_SECONDS", 3600)


@pytest.mark.usefixtures("blind")
async def test_what_one_process_commits_is_heard_at_the_other_through_redis_alone(two: Two) -> None:
    await two.screen(0)
    await two.screen(1)

    await two.happen(0, 3)
    await two.happen(1, 3)

    await two.all_have(6)
    assert await two.readiness(1) == {"broker": "redis", "status": "ok"}


async def test_without_redis_the_database_is_looked_at(two_without_redis: Two) -> None:
    await two_without_redis.screen(0)
    await two_without_redis.screen(1)

    await two_without_redis.happen(0, 3)

    await two_without_redis.all_have(3)
    assert await two_without_redis.readiness(0) == {"broker": "memory", "status": "ok"}


async def test_when_redis_dies_and_comes_back_nothing_is_lost_doubled_or_reordered(
    mortal_redis: Server, two: Two
) -> None:
    await two.screen(0)
    await two.screen(1)
    await two.happen(0, 2)

    mortal_redis.stop()
    await asyncio.gather(two.happen(0, 5), two.happen(1, 5))
    await two.all_have(12)
    await eventually(lambda: two.apps[0].broker.reach == "redis away")
    assert await two.readiness(0) == {"broker": "redis away", "status": "ok"}

    mortal_redis.start()
    await two.happen(1, 3)
    await two.connected()
    await asyncio.gather(two.happen(0, 5), two.happen(1, 5))
    await two.all_have(25)


async def test_a_process_starts_and_serves_while_redis_is_away(
    mortal_redis: Server, tmp_path: Path, postgres_url: str
) -> None:
    mortal_redis.stop()
    async with open_two(tmp_path, postgres_url, mortal_redis.url) as two:
        await two.screen(0)
        await two.screen(1)
        await two.happen(1, 2)
        await two.all_have(2)

        mortal_redis.start()
        await two.connected()
        await two.happen(0, 2)
        await two.all_have(4)
        assert await two.readiness(0) == {"broker": "redis", "status": "ok"}


async def test_the_roll_is_called_over_all_processes(two: Two) -> None:
    first, second = await two.screen(0), await two.screen(1)
    counter = Screen(two.urls[1], "/counter")
    await counter.connect({"token": two.world.home.tokens["counter"]})
    await two.happen(0, 2)
    await two.all_have(2)
    for screen in (first, second):
        await screen.result("stream_ack", {"cursors": {two.kitchen: {"epoch": 1, "seq": 2}}})
    await counter.until(lambda: [each["screens"] for each in counter.named("presence_changed")][-1:] == [3])

    found = await two.seen_from(0, 3)

    processes = {app.services.roll_calls.board.process_id for app in two.apps}
    assert set(found["processes"]) == processes
    assert {each["processId"] for each in found["screens"] if each["label"] == "kitchen"} == processes
    assert found["isComplete"] is True

    await first.leave()
    await counter.until(lambda: counter.named("presence_changed")[-1]["screens"] == 2)
    await counter.leave()
    async with two.world.session.get(f"{two.urls[0]}/metrics") as answer:
        figures = await answer.text()
    assert 'tabletap_live_connections{namespace="/kitchen"}' in figures
    assert "tabletap_live_processes 2.0" in figures
    status, problem = await two.presence(0, "staff")
    assert (status, problem["code"]) == (403, "not_allowed")


async def test_while_redis_is_away_a_process_knows_its_own_and_says_so(mortal_redis: Server, two: Two) -> None:
    await two.screen(0)
    await two.screen(1)
    await two.seen_from(0, 2)

    mortal_redis.stop()
    alone = await two.seen_from(0, 1)
    assert alone["isComplete"] is False

    mortal_redis.start()
    again = await two.seen_from(0, 2)
    assert again["isComplete"] is True


async def off_at_the_other(two: Two) -> bool:
    """Somebody with a screen at the second process signs out at the first: whether their token is refused at both."""
    identity, email, password = two.apps[0].services.identity, f"{new_id()}@example.org", "a long enough phrase"
    await identity.add_staff(
        name="Mo", email=email, password=password, roles=frozenset({Role.KITCHEN}), by=two.world.home.people["manager"]
    )
    signed_in = await identity.sign_in(email, password)
    screen = Screen(two.urls[1], "/kitchen")
    await screen.connect({"token": signed_in.access_token})
    await screen.result("subscribe", {"stream": two.kitchen})

    await identity.sign_out(signed_in.refresh_token)

    await screen.hears("session_expired")
    await asyncio.wait_for(screen.dropped.wait(), PATIENCE_SECONDS)
    try:
        two.apps[1].services.tokens.verify(signed_in.access_token)
    except NotSignedIn:
        return True
    return False


@pytest.mark.usefixtures("careless")
async def test_who_signs_out_at_one_process_is_off_at_the_other_through_redis(two: Two) -> None:
    assert await off_at_the_other(two)


async def test_who_signs_out_at_one_process_is_off_at_the_other_without_redis(two_without_redis: Two) -> None:
    assert await off_at_the_other(two_without_redis)


async def test_attempts_to_sign_in_are_counted_over_both_processes(two: Two) -> None:
    email, refusals = f"{new_id()}@example.org", list[type[Exception]]()
    for number in range(TRIES.times + 2):
        with pytest.raises((CredentialsInvalid, TooMany)) as refused:
            await two.apps[number % 2].services.identity.sign_in(email, "a wrong password", address="192.0.2.7")
        refusals.append(refused.type)

    assert refusals == [CredentialsInvalid] * TRIES.times + [TooMany] * 2
