"""Sending callbacks: at once, and again until the merchant accepts them."""

import asyncio
import logging
import sqlite3

import aiohttp

from tabletap.sandbox.model import EVENT_ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, Notice, sign
from tabletap.sandbox.service import Sandbox

_log = logging.getLogger(__name__)
_AT_ONCE = 32
_BREATH_MS = 1_000


class Sender:
    """Sends the notices that are due, each attempt with the identical bytes, until one is answered with 2xx.

    What was not accepted when the process ends is in the state file and is sent after the next start: a merchant
    hears of everything at least once, in any order.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._limit = asyncio.Semaphore(_AT_ONCE)
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to send."""
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._sandbox.timing.webhook_timeout_ms / 1000),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "Payconic-Sandbox"},
        )
        self._loop = asyncio.create_task(self._send_what_is_due(), name="payconic-sandbox-webhooks")

    async def stop(self) -> None:
        """Stop sending; attempts under way are broken off and made again after the next start."""
        tasks = [task for task in (self._loop, *self._under_way.values()) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def redeliver(self, payment_id: str) -> list[tuple[Notice, int | None]]:
        """Send every notice about a payment once more, in their order, rightly signed.

        Answers with the status that each one met, None where nobody answered.
        """
        notices = await self._sandbox.notices_of(payment_id)
        return [(notice, await self._post(notice, forged=False)) for notice in notices]

    async def _send_what_is_due(self) -> None:
        while True:
            self._sandbox.changed.clear()
            try:
                due, wait_ms = await self._sandbox.due()
            except sqlite3.Error:
                _log.exception("the sandbox cannot read its state")
                due, wait_ms = [], _BREATH_MS
            for notice in due:
                # Those under way are still due in the state; the end of each attempt wakes us.
                if notice.seq not in self._under_way:
                    self._under_way[notice.seq] = asyncio.create_task(self._attempt(notice))
            await self._wait(wait_ms)

    async def _wait(self, at_most_ms: int | None) -> None:
        try:
            async with asyncio.timeout(None if at_most_ms is None else at_most_ms / 1000):
                await self._sandbox.changed.wait()
        except TimeoutError:
            return

    async def _attempt(self, notice: Notice) -> None:
        try:
            async with self._limit:
                status = await self._post(notice, forged=notice.forged)
            await self._sandbox.sent(notice, accepted=status is not None and 200 <= status < 300)
        except sqlite3.Error:
            # Still due in the state: without a breath it would be sent again at once, and again.
            _log.exception("the sandbox cannot note that callback %s was sent", notice.event_id)
            await asyncio.sleep(_BREATH_MS / 1000)
        finally:
            del self._under_way[notice.seq]
            self._sandbox.changed.set()

    async def _post(self, notice: Notice, *, forged: bool) -> int | None:
        if self._session is None:
            raise RuntimeError("the sender was not started")
        secret = self._sandbox.secret_of(notice.merchant_id)
        headers = {
            "Content-Type": "application/json",
            SIGNATURE_HEADER: sign(notice.body, f"not {secret}" if forged else secret),
            EVENT_ID_HEADER: notice.event_id,
            TIMESTAMP_HEADER: notice.timestamp,
        }
        try:
            async with self._session.post(
                notice.url, data=notice.body, headers=headers, allow_redirects=False
            ) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            _log.info("callback %s to %s met no answer: %s", notice.event_id, notice.url, error)
            return None
