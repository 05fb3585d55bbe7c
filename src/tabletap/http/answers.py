"""Answers of the API: a struct as JSON or bytes as they are. The framework's own response costs twice the time."""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

import msgspec
from litestar.response import Response
from litestar.response.base import ASGIResponse

from tabletap.infra.idempotency import Outcome

T = TypeVar("T")
V = TypeVar("V", bound=msgspec.Struct)

JSON = "application/json"
_encode = msgspec.json.Encoder().encode
_WITHOUT_BODY = frozenset({204, 304})


class Answer(Response[T]):
    """A response whose content needs no more than encoding."""

    def __init__(  # the base's own initialiser prepares cookies, media types and encoders that we have no use for
        self,
        content: T,
        *,
        status_code: int | None = None,
        media_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        **_: Any,
    ) -> None:
        self.content, self.status_code = content, status_code
        self.own_media_type, self.own_headers = media_type, headers

    def to_asgi_response(self, *_: Any, **options: Any) -> ASGIResponse:
        """What is sent. The handler's status and media type count where the answer has none of its own."""
        status = self.status_code or options.get("status_code") or 200
        media_type = self.own_media_type or options.get("media_type") or JSON
        body = b"" if status in _WITHOUT_BODY else _body(self.content)
        headers = [(name.lower().encode(), value.encode()) for name, value in (self.own_headers or {}).items()]
        if status not in _WITHOUT_BODY:
            headers.append((b"content-type", str(getattr(media_type, "value", media_type)).encode()))
            headers.append((b"content-length", str(len(body)).encode()))

        async def sent(_scope: Any, _receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body, "more_body": False})

        return cast(ASGIResponse, sent)


def _body(content: Any) -> bytes:
    return content if isinstance(content, bytes) else _encode(content)


def answer(outcome: Outcome[V], status: int = 201) -> Answer[V]:
    """The outcome of a request with a key; says when it is the stored one."""
    content = outcome.value if outcome.body is None else cast(V, outcome.body)
    return Answer(content, status_code=status, headers=_REPLAYED if outcome.replayed else None)


_REPLAYED = {"Idempotency-Replayed": "true"}
