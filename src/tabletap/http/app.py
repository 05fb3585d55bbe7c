"""The HTTP application: routes, errors, sign-in and the frame around every request, put together once."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Self, cast

from litestar import Litestar, Router
from litestar.config.cors import CORSConfig
from litestar.connection import Request
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.response import Response
from litestar.types import ASGIApp, ControllerRouterHandler

from tabletap.http.admission import admit
from tabletap.http.answers import Answer
from tabletap.http.call import Call
from tabletap.http.decoding import MAX_BODY_BYTES, StrictBody
from tabletap.http.frame import Frame
from tabletap.http.noticing import note_refusal
from tabletap.http.openapi import CONFIG
from tabletap.http.problems import Problems
from tabletap.http.routes import API_ROUTES, PLAIN_ROUTES
from tabletap.http.services import HttpSettings, Services
from tabletap.http.signin import SignIn
from tabletap.kernel.errors import Refusal

API_PATH = "/api/v1"
_ALLOWED_HEADERS = ["Authorization", "Content-Type", "Idempotency-Key", "X-Correlation-Id"]
_EXPOSED_HEADERS = ["Idempotency-Replayed", "Retry-After", "X-Correlation-Id"]


class _Api(Router):
    """The routes of the contract, made for one application."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Itself: Litestar copies a router, as several apps may be given it, and that was a third of our start."""
        return self


Handle = Callable[[Request[Any, Any, Any], Exception], Response[Any]]


def create_http(
    services: Services,
    settings: HttpSettings | None = None,
    *,
    routes: Sequence[ControllerRouterHandler] = API_ROUTES,
    extra_routes: Sequence[ControllerRouterHandler] = (),
) -> Litestar:
    """The application with every route of the contract; `extra_routes` (screens) are mounted beside them.

    It neither starts nor stops the services: who built them does.
    """
    settings = settings or HttpSettings()
    problems = Problems(settings.public_url)
    handlers: dict[int | type[Exception], Handle] = {
        Refusal: problems.of_refusal,
        HTTPException: problems.of_framework,
        Exception: problems.of_bug,
    }
    api = _Api(
        path=API_PATH,
        route_handlers=list(routes),
        before_request=admit,
        dto=StrictBody,
        return_dto=None,
        response_class=Answer,
    )
    http = Litestar(
        route_handlers=[api, *PLAIN_ROUTES, *extra_routes],
        request_class=Call,
        exception_handlers=handlers,
        after_exception=[note_refusal],
        state=State(
            {
                "services": services,
                "sign_in": SignIn(services.tokens, settings.trusted_proxies),
                "asyncapi": cache(settings.asyncapi),
            }
        ),
        cors_config=_cors(settings.allowed_origins),
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=CONFIG,
        logging_config=None,
        debug=False,
    )
    secure = settings.public_url.startswith("https:")
    http.asgi_handler = cast(ASGIApp, Frame(http.asgi_handler, secure=secure, access_log=settings.access_log))
    return http


def _cors(origins: Sequence[str]) -> CORSConfig | None:
    """Pages of other sites may call us only if they are listed; tokens travel in a header, so no cookies either."""
    if not origins:
        return None
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=_ALLOWED_HEADERS,
        expose_headers=_EXPOSED_HEADERS,
        allow_credentials=False,
        max_age=600,
    )
