"""What is around every request: its correlation id, a line in the log, figures, and the headers that protect."""

import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog
from prometheus_client import Counter, Histogram

from tabletap.infra.db.transaction import correlation_id
from tabletap.kernel.ids import new_id

REQUESTS = Counter("tabletap_http_requests", "Answered requests.", ["method", "route", "status"])
SECONDS = Histogram(
    "tabletap_http_request_seconds",
    "Time from the request to the end of its answer.",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)
OTHER_ROUTE = "other"
_SANE_ID = re.compile(rb"(?![0-9-]*$)[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
"""Of digits alone it could be a card number, and it goes to the log."""
Message = MutableMapping[str, Any]
"""A scope or an event, as the ASGI specification has them."""
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
    (b"cache-control", b"no-store"),
)
"""Unless the answer says otherwise itself, as the screens do."""


class Frame:
    """The outermost layer. An unknown address passes it like any other request."""

    def __init__(self, app: Callable[[Any, Any, Any], Awaitable[None]], *, secure: bool, access_log: bool) -> None:
        self.app, self.access_log = app, access_log
        self.log = structlog.get_logger("tabletap.http").bind()
        hsts = ((b"strict-transport-security", b"max-age=31536000"),) if secure else ()
        self.headers = (*_SECURITY, *hsts)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass the request on and watch its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        id_ = _correlation_id(scope["headers"])
        token = correlation_id.set(id_)
        started, status = time.perf_counter(), 500
        is_head = scope["method"] == "HEAD"
        if is_head:  # RFC 9110, section 9.3.2: like GET, without the content
            scope = {**scope, "method": "GET"}

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._framed(message.get("headers", ()), id_)
            elif is_head and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            self._note(scope, "HEAD" if is_head else scope["method"], status, time.perf_counter() - started)
            correlation_id.reset(token)

    def _framed(self, given: Any, id_: str) -> list[tuple[bytes, bytes]]:
        headers = list(given)
        present = {name for name, _ in headers}
        headers.extend(header for header in self.headers if header[0] not in present)
        headers.append((b"x-correlation-id", id_.encode()))
        return headers

    def _note(self, scope: Message, method: str, status: int, seconds: float) -> None:
        """The route is noted, not the path: paths carry table codes and webhook tokens."""
        route = scope.get("path_template") or OTHER_ROUTE
        REQUESTS.labels(method if route != OTHER_ROUTE else OTHER_ROUTE, route, status).inc()
        SECONDS.labels(route).observe(seconds)
        if self.access_log:
            self.log.info("request", method=method, route=route, status=status, milliseconds=round(seconds * 1000, 2))


def _correlation_id(headers: Any) -> str:
    """The caller's own, if it is one we can log, else a new one."""
    for name, value in headers:
        if name == b"x-correlation-id" and _SANE_ID.fullmatch(value):
            given: str = value.decode()
            return given
    return new_id()
