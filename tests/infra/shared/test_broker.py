"""What one process commits the others hear at once, as long as Redis is there; and nothing breaks when it is not."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable

import pytest
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import TimeoutError as RedisTimeoutError

from tabletap.infra.broker import Broker, MemoryBroker
from tabletap.infra.shared import broker as redis_broker
from tabletap.infra.shared.link import RedisAway, name_of_installation, try_out
from tests.infra.shared.brokers import PATIENCE_SECONDS, SECRET, Ear, connected_again, event, eventually, process
from tests.support.services import Server, free_port


@pytest.mark.parametrize("kind", ["memory", "redis"])
async def test_those_who_listen_in_the_same_process_hear_at_once_and_once(kind: str, redis_url: str) -> None:
    def speak(broker: Broker, ear: Ear) -> None:
        broker.publish([event(1), event(2)])
        broker.say("revoked", b"ada")
        broker.say("nobody attends to this", b"x")
        assert (ear.seqs, ear.words) == ([1, 2], [b"ada"])

    if kind == "memory":
        alone = MemoryBroker()
        await alone.start()
        speak(alone, Ear(alone))
        assert alone.reach == "memory"
        await alone.stop()
        return
    async with process(redis_url) as (broker, ear), process(redis_url) as (second, other):
        speak(broker, ear)
        await other.until(lambda: other.seqs == [1, 2] and other.words == [b"ada"])
        # The other's answer comes after our own echo: by now it would have been heard twice.
        second.publish([event(3)])
        await ear.until(lambda: 3 in ear.seqs)
        assert (ear.seqs, ear.words, broker.reach) == ([1, 2, 3], [b"ada"], "redis")


async def test_an_event_arrives_in_the_other_process_as_it_was(redis_url: str) -> None:
    async with process(redis_url) as (broker, _), process(redis_url) as (_, other):
        said = event(7)
        broker.publish([said])

        await other.until(lambda: bool(other.events))

        assert other.events == [said]
        assert other.events[0].wire() == said.wire()


async def test_many_events_go_in_few_messages_and_in_order(redis_url: str) -> None:
    async with process(redis_url) as (broker, _), process(redis_url) as (_, other):
        for seq in range(1, 1001):
            broker.publish([event(seq)])

        await other.until(lambda: len(other.seqs) == 1000)

        assert other.seqs == list(range(1, 1001))
        assert (broker.sent, broker.lost) == (1000, 0)


async def test_another_installation_in_the_same_redis_hears_nothing(redis_url: str) -> None:
    async with (
        process(redis_url) as (broker, _),
        process(redis_url, "another secret") as (_, stranger),
        process(redis_url, database="/copy") as (_, copy),
        process(redis_url) as (_, other),
    ):
        broker.publish([event(1)])
        await other.until(lambda: other.seqs == [1])

        assert (stranger.seqs, copy.seqs) == ([], [])


async def test_what_cannot_be_read_is_a_hint_lost_and_no_more(redis_url: str) -> None:
    channel = name_of_installation(SECRET, "postgresql:///cafe") + ":hints"
    async with process(redis_url) as (broker, _), process(redis_url) as (_, other), Redis.from_url(redis_url) as client:
        await client.publish(channel, b"\xc1 from another version")
        broker.publish([event(1)])

        await other.until(lambda: other.seqs == [1])

    assert broker.lost == 1


def _fail(_: bytes) -> None:
    raise ZeroDivisionError


async def test_a_listener_with_a_bug_does_not_cut_the_others_off(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with process(redis_url) as (broker, _), process(redis_url) as (other, ear):
        other.attend("bug", _fail)
        broker.say("bug", b"x")
        broker.say("revoked", b"ada")
        broker.publish([event(1)])

        await ear.until(lambda: ear.seqs == [1])

        assert other.reach == "redis"
    assert "a hint of another process could not be taken" in caplog.text


async def test_a_connection_that_is_cut_is_made_again(redis_url: str) -> None:
    async with process(redis_url) as (broker, ear), process(redis_url) as (_, other), Redis.from_url(redis_url) as cut:
        await cut.client_kill_filter(_type="pubsub")

        seq = 0
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not other.seqs or ear.seqs[-1:] != [seq]:
                seq += 1
                broker.publish([event(seq)])
                await asyncio.sleep(0.02)

        assert other.seqs == sorted(set(other.seqs)), "some may be lost, none comes twice"


async def test_while_redis_is_away_nobody_waits_and_afterwards_all_is_as_before(
    mortal_redis: Server, caplog: pytest.LogCaptureFixture
) -> None:
    async with process(mortal_redis.url) as (broker, ear), process(mortal_redis.url) as (second, other):
        mortal_redis.stop()
        await eventually(lambda: (broker.reach, second.reach) == ("redis away", "redis away"))
        broker.publish([event(1)])
        assert (ear.seqs, broker.lost) == ([1], 1)

        mortal_redis.start()
        await connected_again(broker)
        await connected_again(second)
        broker.publish([event(2)])
        await other.until(lambda: other.seqs == [2])

    assert caplog.text.count("Redis is away") == caplog.text.count("Redis is back") == 2, "once for each process"
    assert mortal_redis.url.split("@")[0].rsplit(":", 1)[1] not in caplog.text, "no password in the log"


async def test_a_redis_that_answers_nothing_any_more_counts_as_away(
    mortal_redis: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_broker, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(redis_broker, "QUIET_SECONDS", 0.5)
    async with process(mortal_redis.url) as (broker, ear):
        assert mortal_redis.process is not None
        mortal_redis.process.send_signal(signal.SIGSTOP)
        try:
            await eventually(lambda: broker.reach == "redis away")
            broker.publish([event(1)])
        finally:
            mortal_redis.process.send_signal(signal.SIGCONT)
        await connected_again(broker)

        assert (ear.seqs, broker.reach) == ([1], "redis")


async def test_redis_may_be_away_from_the_start(caplog: pytest.LogCaptureFixture) -> None:
    url = f"redis://:hidden@127.0.0.1:{free_port()}/0"
    async with process(url, connected=False) as (broker, ear):
        broker.publish([event(1)])
        await eventually(lambda: "Redis is away" in caplog.text)

        assert (broker.reach, ear.seqs) == ("redis away", [1])
    assert "hidden" not in caplog.text


async def test_when_too_many_wait_the_rest_is_dropped_counted_and_said_once(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with process(redis_url, max_waiting=5) as (broker, ear), process(redis_url) as (_, other):
        for seq in range(1, 10):  # without waiting in between, so that nothing is sent meanwhile
            broker.publish([event(seq)])
        await other.until(lambda: len(other.seqs) == 5)

        assert (len(ear.seqs), broker.lost, other.seqs) == (9, 4, [1, 2, 3, 4, 5])
        broker.publish([event(10)])
        await other.until(lambda: other.seqs[-1] == 10)
    assert caplog.text.count("too many hints") == 1


async def test_what_was_published_last_before_the_end_still_goes_out(redis_url: str) -> None:
    async with process(redis_url) as (_, other):
        async with process(redis_url) as (broker, _):
            broker.publish([event(1)])
        await other.until(lambda: bool(other.seqs))

    assert other.seqs == [1]


async def test_a_connection_that_breaks_while_it_is_ended_does_not_keep_the_broker_going(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    close: Callable[[PubSub], Awaitable[None]] = PubSub.aclose

    async def breaks(subscription: PubSub) -> None:
        await close(subscription)
        raise RedisTimeoutError("Timed out closing connection")

    monkeypatch.setattr(PubSub, "aclose", breaks)  # the library, on a machine that is too busy

    async with asyncio.timeout(PATIENCE_SECONDS):
        async with process(redis_url) as (broker, _):
            broker.publish([event(1)])
        await broker.stop()

    assert broker.reach == "redis away"


@pytest.mark.parametrize("password", ["not-the-password", ""])
async def test_a_redis_that_refuses_us_is_said_in_one_sentence(redis_server: Server, password: str) -> None:
    with pytest.raises(RedisAway) as refused:
        await try_out(f"redis://:{password}@127.0.0.1:{redis_server.port}/0")

    assert refused.value.detail.startswith("Redis at 127.0.0.1 cannot be reached: ")
    assert not password or password not in refused.value.detail
