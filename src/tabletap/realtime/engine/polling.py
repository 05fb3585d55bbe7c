"""HTTP long-polling: for networks that let no WebSocket through, and the first moments of a browser's client."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from tabletap.realtime.engine.connection import Connection, Malformed, PolledTwice
from tabletap.realtime.engine.server import EngineServer
from tabletap.realtime.engine.websocket import Refused, Request

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
_SEPARATOR = "\x1e"
_PREFLIGHT_SECONDS = 600


class Polling:
    """The ASGI application that answers polls and posts."""

    def __init__(self, server: EngineServer) -> None:
        self._server = server

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "websocket":  # served without our protocol class: polling still works
            await send({"type": "websocket.close"})
            return
        request = _request(scope)
        status, content_type, body = HTTPStatus.OK, "text/plain; charset=UTF-8", b""
        try:
            body = (await self._answer(scope["method"], request, receive)).encode()
        except Refused as refused:
            status, content_type, body = HTTPStatus(refused.status), "application/json", refused.body()
        headers = [
            (b"content-type", content_type.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            *self._for_pages_elsewhere(scope["method"], request),
        ]
        await send({"type": "http.response.start", "status": status.value, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _for_pages_elsewhere(self, method: str, request: Request) -> list[tuple[bytes, bytes]]:
        """The headers of CORS, for origins that the settings name. Tokens, never cookies: no credentials."""
        origin = request.headers.get("origin")
        if origin is None or not self._server.is_allowed_origin(origin, request):
            return []
        headers = [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin")]
        if method == "OPTIONS":
            asked = request.headers.get("access-control-request-headers", "content-type")
            headers += [
                (b"access-control-allow-methods", b"GET, POST"),
                (b"access-control-allow-headers", asked.encode("latin-1")),
                (b"access-control-max-age", str(_PREFLIGHT_SECONDS).encode()),
            ]
        return headers

    async def _answer(self, method: str, request: Request, receive: Receive) -> str:
        if method == "OPTIONS":
            return ""
        asked = self._server.checked(request, "polling")
        if "sid" not in asked:
            if method != "GET":
                raise Refused(HTTPStatus.BAD_REQUEST, 2, "Bad handshake method")
            return await self._polled(self._server.open(request, "polling"), receive)
        connection = self._server.known(asked["sid"])
        if connection.writer is not None or method not in ("GET", "POST"):
            raise Refused(HTTPStatus.BAD_REQUEST, 3, "Bad request")
        if method == "GET":
            return await self._polled(connection, receive)
        if connection.closed:
            raise Refused(HTTPStatus.BAD_REQUEST, 1, "Session ID unknown")
        if connection.posting:  # which of the two was said first, nobody knows
            connection.close("transport error", linger=False)
            raise Refused(HTTPStatus.BAD_REQUEST, 3, "Bad request")
        connection.posting = True
        try:
            return await self._posted(connection, request, receive)
        finally:
            connection.posting = False

    async def _polled(self, connection: Connection, receive: Receive) -> str:
        """What there is for the client. Who leaves while waiting is gone: what they were sent would be lost."""
        polling = asyncio.ensure_future(connection.poll())
        leaving = asyncio.ensure_future(_leaves(receive))
        try:
            await asyncio.wait((polling, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not polling.done():
                if connection.writer is None:
                    connection.lost()
                return ""
            return _SEPARATOR.join(polling.result())
        except PolledTwice:
            raise Refused(HTTPStatus.BAD_REQUEST, 3, "Bad request") from None
        finally:
            polling.cancel()
            leaving.cancel()

    async def _posted(self, connection: Connection, request: Request, receive: Receive) -> str:
        try:
            payload = await self._body(request, receive)
            connection.take_payload(payload.decode())
        except (Malformed, UnicodeDecodeError):
            connection.close("parse error", linger=False)
            raise Refused(HTTPStatus.BAD_REQUEST, 3, "Bad request") from None
        except Refused:
            connection.close("transport error", linger=False)
            raise
        await connection.has_room()
        return "ok"

    async def _body(self, request: Request, receive: Receive) -> bytes:
        """What was posted. Raises Refused when it is too large; nothing larger is ever kept."""
        body, more = bytearray(), True
        self._require_small(int(request.headers.get("content-length", "0")))  # the web server takes only digits
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Malformed
            body += message.get("body", b"")
            self._require_small(len(body))
            more = message.get("more_body", False)
        return bytes(body)

    def _require_small(self, size: int) -> None:
        if size > self._server.max_packet_bytes:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, 3, "Payload too large")


async def _leaves(receive: Receive) -> None:
    """Wait until the client closes its HTTP connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _request(scope: dict[str, Any]) -> Request:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    client = scope.get("client")
    query = scope["query_string"].decode("latin-1")
    return Request(scope["path"], query, headers, tuple(client) if client else None)
