"""The load client, a process of its own: keeps connections busy with payment starts and says how it went.

It speaks HTTP/1.1 over bare sockets because a whole client library would use more CPU than the server that it measures.
"""

import asyncio
import sys
import time
import uuid
from collections.abc import Iterator

import msgspec
import uvloop

from bench.targets import Request

_END_OF_HEADERS = b"\r\n\r\n"
_CREATED = b"HTTP/1.1 201"


class Load(msgspec.Struct):
    """What to do."""

    host: str
    port: int
    path: str
    connections: int
    requests: list[Request]


class LoadResult(msgspec.Struct):
    """What came of it. Times are milliseconds from sending a request to having its whole answer."""

    seconds: float
    answered: int
    latencies_ms: list[float]
    refused: int = 0
    first_refusal: str = ""


class _Connection(asyncio.Protocol):
    """Sends one request after the other as long as there are any."""

    transport: asyncio.Transport

    def __init__(self, load: Load, waiting: Iterator[Request], result: LoadResult) -> None:
        self._load, self._waiting, self._result = load, waiting, result
        self._received, self._sent_at = b"", 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def send_next(self) -> None:
        request = next(self._waiting, None)
        if request is None:
            self.transport.close()
            return
        self._sent_at = time.perf_counter()
        self.transport.write(_encoded(self._load, request))

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(_END_OF_HEADERS)
        if not separator or len(body) < _content_length(head):
            return
        self._received = b""
        self._result.answered += 1
        self._result.latencies_ms.append((time.perf_counter() - self._sent_at) * 1000)
        if not head.startswith(_CREATED):
            self._result.refused += 1
            self._result.first_refusal = self._result.first_refusal or (head + _END_OF_HEADERS + body).decode()
        self.send_next()

    def connection_lost(self, error: Exception | None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


def _content_length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r")[0])


def _encoded(load: Load, request: Request) -> bytes:
    body = b'{"orderId":"%s","paymentMethod":"customer_credit"}' % request.order_id.encode()
    head = (
        f"POST {load.path} HTTP/1.1\r\nHost: {load.host}:{load.port}\r\nAuthorization: Bearer {request.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nIdempotency-Key: {uuid.uuid4()}\r\n\r\n"
    )
    return head.encode() + body


async def run(load: Load) -> LoadResult:
    """Open the connections, then send everything and wait for the last answer."""
    result, waiting = LoadResult(0, 0, []), iter(load.requests)
    loop = asyncio.get_running_loop()
    connections: list[_Connection] = []
    for _ in range(load.connections):
        transport, connection = await loop.create_connection(
            lambda: _Connection(load, waiting, result), load.host, load.port
        )
        connection.transport = transport
        connections.append(connection)
    began = time.perf_counter()
    for connection in connections:
        connection.send_next()
    await asyncio.gather(*(connection.done for connection in connections))
    result.seconds = time.perf_counter() - began
    return result


if __name__ == "__main__":
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(run(asked))))
