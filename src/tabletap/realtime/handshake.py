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
from tabletap.realtime.connections import Caller, Connections, holder_of
from tabletap.realtime.messages import Cursor, Handshake, Refused
from tabletap.realtime.problems import BUG, malformed

_log = logging.getLogger(__name__)
Verify = Callable[[str], Actor]
"""Who a token speaks for, unless they were signed out since. Raises NotSignedIn and TokenExpired."""


class Admitted(msgspec.Struct, frozen=True):
    """Who comes in, from where, and which streams they want to go on with."""

    actor: Actor
    caller: Caller
    cursors: dict[str, Cursor]


class Handshakes:
    """Decides who comes in."""

    def __init__(self, verify: Verify, connections: Connections) -> None:
        self.verify, self.connections = verify, connections

    def admit(self, namespace: str, roles: frozenset[Role] | None, environ: dict[str, Any], auth: Any) -> Admitted:
        """Admit, or raise the library's refusal with `{code, message, retryable, retryAfterSeconds?}` as its data.

        Who is admitted holds a connection, which whoever asked for it gives back (`Connections.release`).
        """
        try:
            return self._admit(namespace, roles, environ, auth)
        except Refusal as refusal:
            _log.info("refused in %s: %s", namespace, refusal.code)
            raise _refuse(refusal.code, refusal.detail, refusal.retryable, refusal.retry_after_seconds) from refusal
        except Exception as error:  # a bug of ours ends one handshake, not the process
            _log.exception("a handshake in %s failed", namespace)
            raise _refuse(BUG.code, BUG.message, BUG.retryable) from error

    def _admit(self, namespace: str, roles: frozenset[Role] | None, environ: dict[str, Any], auth: Any) -> Admitted:
        caller = self.connections.caller(environ)
        self.connections.note_try(caller)
        try:
            given = msgspec.convert(auth or {}, Handshake)
        except msgspec.ValidationError as error:
            raise malformed(error) from error
        token = given.token or _bearer(environ)
        if not token:
            raise NotSignedIn
        actor = self.person(token, caller)
        require_one_of(actor, roles, namespace)
        self.connections.occupy(caller, holder_of(actor))
        return Admitted(actor, caller, given.cursors)

    def person(self, token: str, caller: Caller) -> Actor:
        """Who the token speaks for. Raises NotSignedIn and TokenExpired."""
        actor = self.verify(token)
        return msgspec.structs.replace(actor, address=caller.address)


def require_one_of(actor: Actor, roles: frozenset[Role] | None, namespace: str) -> None:
    """Raise NotAllowed unless the person has one of a namespace's roles; None lets in everybody who is signed in."""
    if roles is not None and not any(actor.is_(role) for role in roles):
        raise NotAllowed(f"You may not connect to {namespace}.")


def _bearer(environ: dict[str, Any]) -> str | None:
    scheme, _, token = str(environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _refuse(code: str, message: str, retryable: bool, retry_after_seconds: int | None = None) -> Refuse:
    refused = Refused(code=code, message=message, retryable=retryable, retry_after_seconds=retry_after_seconds)
    return Refuse(message, msgspec.to_builtins(refused))
