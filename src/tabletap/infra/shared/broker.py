"""The broker of several processes: what one commits, the others hear of through Redis.

Nobody waits for it: hints are taken from a bounded queue by a task of their own, many at a time, and are dropped when
there are too many of them or Redis is away. Whoever missed one finds it in the database within a second. One channel
carries all cafes: a hint costs its receiver a few microseconds, less than keeping a channel per cafe would.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Any

import msgspec
from redis.asyncio import Redis

from tabletap.infra.broker import MemoryBroker, Reach
from tabletap.infra.shared.link import FAULTS, connect_to, reason_of
from tabletap.kernel.events import Event
from tabletap.kernel.ids import new_id

_log = logging.getLogger(__name__)
MAX_WAITING = 10_000
"""Hints in the queue; what comes on top of them is dropped."""
AT_ONCE = 200
"""Hints in one message."""
GATHER_SECONDS = 0.01
"""Between two messages: under load they carry several hints each, since a message costs more than what it carries."""
BEAT_SECONDS = 2.0
"""A process that has nothing to say says so this often."""
QUIET_SECONDS = 3 * BEAT_SECONDS
"""A connection on which not even our own beats come back is dead, whatever the network says."""
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0


class _Word(msgspec.Struct, frozen=True, array_like=True):
    """Something said about a topic."""

    topic: str
    word: bytes


class _Message(msgspec.Struct, frozen=True, array_like=True):
    """What goes over the wire."""

    sender: str
    events: list[Event]
    words: list[_Word]


class RedisBroker(MemoryBroker):
    """Tells the listeners of this process at once, and those of the others through a Redis channel."""

    def __init__(self, url: str, installation: str, *, max_waiting: int = MAX_WAITING) -> None:
        super().__init__()
        self._url, self._channel, self._max_waiting = url, f"{installation}:hints", max_waiting
        self._events: list[Event] = []
        self._words: list[_Word] = []
        self._something_waits = asyncio.Event()
        self._nothing_waits = asyncio.Event()
        self._connected = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._sender = ""
        self._is_away = self._is_full = False
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(_Message).decode
        self.sent = self.heard = self.lost = 0
        """Hints since the start: sent to others, heard from others, dropped here."""

    @property
    def reach(self) -> Reach:
        """Whether other processes hear us now."""
        return "redis" if self._connected.is_set() else "redis away"

    async def start(self) -> None:
        """Begin to connect, and to connect again whenever that is needed."""
        self._sender = new_id()  # not earlier: a process that is forked must not be taken for its parent
        self._task = asyncio.create_task(self._stay_connected(), name="broker")

    async def stop(self) -> None:
        """Send what waits if that is quick, then close."""
        task, self._task = self._task, None
        if task is None:
            return
        if self._connected.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._nothing_waits.wait()
        while not task.done():
            task.cancel()
            await asyncio.wait((task,), timeout=1)  # a client that is about to fail may not notice the first time

    async def connected(self) -> None:
        """Wait until other processes are reached."""
        await self._connected.wait()

    def publish(self, events: list[Event]) -> None:
        """Pass the events to every listener here at once, and to the others soon."""
        super().publish(events)
        if self._may_wait(len(events)):
            self._events.extend(events)
            self._wake()

    def say(self, topic: str, word: bytes) -> None:
        """Pass a word to whoever attends to it here at once, and to the others soon."""
        super().say(topic, word)
        if self._may_wait(1):
            self._words.append(_Word(topic, word))
            self._wake()

    def _wake(self) -> None:
        self._nothing_waits.clear()
        self._something_waits.set()

    def _may_wait(self, count: int) -> bool:
        """Whether so many hints more may wait; while nobody is reached they would only be late."""
        is_full = len(self._events) + len(self._words) + count > self._max_waiting
        if self._connected.is_set() and not is_full:
            self._is_full = False
            return True
        self.lost += count
        if self._connected.is_set() and not self._is_full:
            self._is_full = True
            _log.warning("too many hints for other processes wait: some are dropped, and read from the database there")
        return False

    # --- the connection ---------------------------------------------------------------

    async def _stay_connected(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while self._task is not None:  # cancelling may not do: what fails meanwhile raises its fault instead
            client = connect_to(self._url)
            try:
                await self._serve(client)
            except Exception as error:  # noqa: BLE001 - hints are never worth a process
                was_connected = self._connected.is_set()
                pause = FIRST_PAUSE_SECONDS if was_connected else min(2 * pause, LONGEST_PAUSE_SECONDS)
                self._went_away(error)
            finally:
                self._connected.clear()
                with suppress(*FAULTS):
                    await client.aclose()
            await asyncio.sleep(pause)

    async def _serve(self, client: Redis) -> None:
        """Send and hear until one of the two fails."""
        async with client.pubsub() as subscription:
            self._something_waits.clear()
            await subscription.subscribe(self._channel)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._hear(subscription), name="broker-hears")
                tasks.create_task(self._send(client), name="broker-sends")

    def _came_back(self) -> None:
        self._connected.set()
        if self._is_away:
            _log.warning("Redis is back: other processes hear of events at once again")
        self._is_away = False

    def _went_away(self, error: Exception) -> None:
        self.lost += len(self._events) + len(self._words)
        self._events, self._words = [], []
        if not self._is_away:
            _log.warning("Redis is away: events of other processes come within a second (%s)", reason_of(error))
        self._is_away = True

    async def _send(self, client: Redis) -> None:
        await self._something_waits.wait()
        while True:
            self._something_waits.clear()
            await self._send_what_waits(client)
            await asyncio.sleep(GATHER_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await self._something_waits.wait()

    async def _send_what_waits(self, client: Redis) -> None:
        """Everything that waits, in as few messages as may be; a beat when that is nothing."""
        is_beat = not self._events and not self._words
        while is_beat or self._events or self._words:
            events, self._events = self._events[:AT_ONCE], self._events[AT_ONCE:]
            words, self._words = self._words[:AT_ONCE], self._words[AT_ONCE:]
            await client.publish(self._channel, self._encode(_Message(self._sender, events, words)))
            self.sent += len(events) + len(words)
            is_beat = False
        self._nothing_waits.set()

    async def _hear(self, subscription: Any) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(QUIET_SECONDS) as patience:
            async for message in subscription.listen():
                patience.reschedule(loop.time() + QUIET_SECONDS)
                if message["type"] == "subscribe":
                    self._something_waits.set()  # our first beat: when it comes back, the way is open
                elif message["type"] == "message":
                    self._take(message["data"])

    def _take(self, data: bytes) -> None:
        """Pass on what another process said. What cannot be read comes from a version that is not ours: a hint lost."""
        try:
            message = self._decode(data)
        except msgspec.DecodeError:
            self.lost += 1
            return
        if message.sender == self._sender:
            self._came_back()
            return
        self.heard += len(message.events) + len(message.words)
        try:
            self._pass_on(message)
        except Exception:  # noqa: BLE001 - a listener's bug must not cut the others off
            _log.exception("a hint of another process could not be taken")

    def _pass_on(self, message: _Message) -> None:
        if message.events:
            super().publish(message.events)
        for each in message.words:
            super().say(each.topic, each.word)
