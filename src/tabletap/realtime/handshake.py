"""The handshake of a namespace: whose token is it, and may they come in (contract 4).

The token comes in `auth` or in the Authorization header, never in the query string, where logs would keep it.
"""

import logging
from collections.abc import Callable
from typing import Any

import msgspec
from socketio.exceptions import ConnectionRefusedError as Refuse

from tabletap.kernel.errors import NotAllowed, NotSignedIn, Refusal
from tabletap.kernel.people import Actor, Role
from tabletap.realtime.messages import Cursor, Handshake, Refused
from tabletap.realtime.problems import BUG, malformed

_log = logging.getLogger(__name__)
Verify = Callable[[str], Actor]
"""Who a token speaks for. Raises NotSignedIn and TokenExpired."""


class Admitted(msgspec.Struct, frozen=True):
    """Who comes in, and which streams they want to go on with."""

    actor: Actor
    cursors: dict[str, Cursor]


class Handshakes:
    """Decides who comes in."""

    def __init__(self, verify: Verify, is_revoked: Callable[[Actor], bool]) -> None:
        self.verify, self.is_revoked = verify, is_revoked

    def admit(self, namespace: str, roles: frozenset[Role] | None, environ: dict[str, Any], auth: Any) -> Admitted:
        """Admit, or raise the library's refusal with `{code, message, retryable}` as its data."""
        try:
            return self._admit(namespace, roles, environ, auth)
        except Refusal as refusal:
            _log.info("refused in %s: %s", namespace, refusal.code)
            raise _refuse(refusal.code, refusal.detail, refusal.retryable) from refusal
        except Exception as error:  # a bug of ours ends one handshake, not the process
            _log.exception("a handshake in %s failed", namespace)
            raise _refuse(BUG.code, BUG.message, BUG.retryable) from error

    def _admit(self, namespace: str, roles: frozenset[Role] | None, environ: dict[str, Any], auth: Any) -> Admitted:
        try:
            given = msgspec.convert(auth or {}, Handshake)
        except msgspec.ValidationError as error:
            raise malformed(error) from error
        token = given.token or _bearer(environ)
        if not token:
            raise NotSignedIn
        actor = self.person(token)
        require_one_of(actor, roles, namespace)
        return Admitted(actor, given.cursors)

    def person(self, token: str) -> Actor:
        """Who the token speaks for, unless they were signed out since. Raises NotSignedIn and TokenExpired."""
        actor = self.verify(token)
        if self.is_revoked(actor):
            raise NotSignedIn("This person was signed out.")
        return actor


def require_one_of(actor: Actor, roles: frozenset[Role] | None, namespace: str) -> None:
    """Raise NotAllowed unless the person has one of a namespace's roles; None lets in everybody who is signed in."""
    if roles is not None and not any(actor.is_(role) for role in roles):
        raise NotAllowed(f"You may not connect to {namespace}.")


def _bearer(environ: dict[str, Any]) -> str | None:
    scheme, _, token = str(environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _refuse(code: str, message: str, retryable: bool) -> Refuse:
    data = msgspec.to_builtins(Refused(code=code, message=message, retryable=retryable))
    return Refuse(message, data)
