"""Refusals on routes near money become security events here, in one place, whoever refused.

What is kept of the request is what cannot be a secret: ids, an amount that a bill could have, the name of a method.
"""

import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec
import structlog
from litestar.types import Scope

from tabletap.http.door import door_of
from tabletap.http.services import Services
from tabletap.kernel.errors import Refusal
from tabletap.kernel.ids import Id, is_id
from tabletap.kernel.money import MAX_AMOUNT_MINOR
from tabletap.kernel.people import Actor
from tabletap.payments.security.noticing import Asked

BODY = "tabletap.body"
"""Where the body is kept in the scope while it is being read: what a caller sent and we refused to decode."""
_METHOD = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MANY_DIGITS = re.compile(r"\d{4}")

log = structlog.get_logger("tabletap.security")


async def note_refusal(error: Exception, scope: Scope) -> None:
    """Note what was refused to somebody we know. Never raises: the refusal is answered in any case."""
    known = cast(Mapping[str, Any], scope)
    handler, actor = known.get("route_handler"), known.get("user")
    if not isinstance(error, Refusal) or not isinstance(actor, Actor) or handler is None:
        return
    if not door_of(handler).refuses_cards:
        return
    services: Services = scope["litestar_app"].state.services
    route = f"{known['method']} {known['path_template']}"
    try:
        await services.security.note(error, actor, route, asked_in(known))
    except Exception:
        log.exception("security_event_not_noted", rule=error.code)


def asked_in(scope: Mapping[str, Any]) -> Asked:
    """What the request was about, as far as it can be kept."""
    path, body = scope.get("path_params", {}), _body(scope.get(BODY, b""))
    return Asked(
        order_id=_id(path.get("order_id")) or _id(body.get("orderId")),
        payment_id=_id(path.get("payment_id")),
        amount_minor=_amount(body.get("amount", body.get("received"))),
        method=_method(body.get("paymentMethod")),
    )


def _body(raw: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _id(value: Any) -> Id | None:
    return value if isinstance(value, str) and is_id(value) else None


def _amount(value: Any) -> int | None:
    """No card number has as few digits as the largest amount."""
    is_amount = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_AMOUNT_MINOR
    return value if is_amount else None


def _method(value: Any) -> str | None:
    is_name = isinstance(value, str) and _METHOD.fullmatch(value) and not _MANY_DIGITS.search(value)
    return value if is_name else None
