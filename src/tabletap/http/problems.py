"""Every error in one shape: problem details (RFC 9457) with our code, whatever went wrong and where."""

import re
from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException

from tabletap.infra.db.transaction import correlation_id
from tabletap.kernel.errors import FieldError, InvalidRequest, Kind, NotFound, Refusal, TooLarge

MEDIA_TYPE = "application/problem+json"
SERVER_ERROR = "server_error"
METHOD_NOT_ALLOWED = "method_not_allowed"
OWN_CODES = {
    SERVER_ERROR: (500, "Something went wrong on our side; it has been noted."),
    METHOD_NOT_ALLOWED: (405, "This address does not take requests with this method."),
}
"""The two codes that no refusal stands for: status and sentence."""
_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
_DEFAULT_RETRY_AFTER_SECONDS = {Kind.TOO_MANY: 1, Kind.UNAVAILABLE: 2}

log = structlog.get_logger("tabletap.http")


class Problem(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """The body of every error (contract 2.1)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool
    errors: tuple[FieldError, ...] = ()
    correlation_id: str | None


class Problems:
    """Makes answers of errors; knows where the page on the codes is."""

    def __init__(self, public_url: str) -> None:
        self.page = f"{public_url.rstrip('/')}/docs/errors"

    def of_refusal(self, request: Request[Any, Any, Any], refusal: Exception) -> Response[Problem]:
        """What we turned down, with the status of its kind."""
        assert isinstance(refusal, Refusal)
        headers = {}
        seconds = refusal.retry_after_seconds or _DEFAULT_RETRY_AFTER_SECONDS.get(refusal.kind)
        if seconds is not None:
            headers["Retry-After"] = str(seconds)
        if refusal.kind is Kind.NOT_SIGNED_IN:
            headers["WWW-Authenticate"] = _challenge(request)
        if refusal.replayed:
            headers["Idempotency-Replayed"] = "true"
        problem = Problem(
            type=self._type(refusal.code),
            title=first_sentence(type(refusal)),
            status=refusal.kind.value,
            detail=refusal.detail,
            code=refusal.code,
            retryable=refusal.retryable,
            errors=refusal.errors,
            correlation_id=refusal.correlation_id or correlation_id.get(),
        )
        return _answer(problem, headers)

    def of_framework(self, request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
        """What the framework turned down before a handler ran."""
        assert isinstance(error, HTTPException)
        if isinstance(error, MethodNotAllowedException):
            return self._own(METHOD_NOT_ALLOWED, {"Allow": ", ".join(_allowed(request))})
        refusal = _FRAMEWORK.get(error.status_code)
        return self.of_refusal(request, refusal()) if refusal else self.of_bug(request, error)

    def of_bug(self, _: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
        """Anything else is our fault: the trace goes to the log, one plain sentence to the caller."""
        log.error("request_failed", exc_info=error)
        return self._own(SERVER_ERROR, {})

    def _own(self, code: str, headers: dict[str, str]) -> Response[Problem]:
        status, sentence = OWN_CODES[code]
        problem = Problem(
            type=self._type(code),
            title=sentence,
            status=status,
            detail=sentence,
            code=code,
            retryable=False,
            correlation_id=correlation_id.get(),
        )
        return _answer(problem, headers)

    def _type(self, code: str) -> str:
        return f"{self.page}#{code}"


_FRAMEWORK: dict[int, Callable[[], Refusal]] = {
    400: lambda: InvalidRequest("This request is malformed, or it needs a JSON object as its body."),
    404: lambda: NotFound("There is nothing at this address."),
    413: TooLarge,
}
_PLACE = re.compile(r" - at `(?:key in )?\$\.?(.*)`$")
_MISSING = re.compile(r"Object missing required field `(.*)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_SHOWN_CHARACTERS = 80


def refusal_of(error: Exception, part: str = "body") -> InvalidRequest:
    """The refusal for a request that could not be decoded; names the field where it is known."""
    if not isinstance(error, msgspec.ValidationError):
        return InvalidRequest(f"The {part} is not well-formed JSON.")
    text = str(error)
    place = _PLACE.search(text)
    fault = text[: place.start()] if place else text
    parent = place[1] if place else ""
    if named := _MISSING.fullmatch(fault):
        return wrong(_inside(parent, named[1]), "is missing.")
    if named := _UNKNOWN.fullmatch(fault):
        return wrong(_inside(parent, named[1]), f"is not known here; the {part} must have known fields only.")
    sentence = f"{fault[:1].lower()}{fault[1:].replace('`', '')}."
    return wrong(parent, f"is wrong: {sentence}") if parent else InvalidRequest(f"The {part} is wrong: {sentence}")


def wrong(field: str, sentence: str) -> InvalidRequest:
    """The refusal that names one field and what is wrong with it."""
    shown = "".join(filter(str.isprintable, field))[:_SHOWN_CHARACTERS]
    return InvalidRequest(f"{shown} {sentence}", errors=[FieldError(shown, f"{shown} {sentence}")])


def _inside(parent: str, name: str) -> str:
    return f"{parent}.{name}" if parent else name


def _answer(problem: Problem, headers: dict[str, str]) -> Response[Problem]:
    return Response(problem, status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


def first_sentence(refusal: type[Refusal]) -> str:
    """What a refusal means, whoever raises it."""
    return (refusal.__doc__ or refusal.code).strip().split("\n")[0]


def _challenge(request: Request[Any, Any, Any]) -> str:
    """RFC 6750, section 3: no error code where no token was sent."""
    return 'Bearer realm="tabletap"' + (', error="invalid_token"' if "authorization" in request.headers else "")


def _allowed(request: Request[Any, Any, Any]) -> list[str]:
    """The methods that the address does take (RFC 9110, section 15.5.6)."""
    router = request.app.asgi_router
    allowed = []
    for method in _METHODS:
        try:
            router.handle_routing(path=request.scope["path"].rstrip("/") or "/", method=method)
        except HTTPException:
            continue
        allowed.append(method)
    return allowed
