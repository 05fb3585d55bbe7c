"""How many connections somebody may have; one connection carries all namespaces of a page.

All limits here are of one process (docs/decisions/0013): a connection costs the memory of the process that holds it.
"""

import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import msgspec

from tabletap.infra.ratelimit import Limit, TokenBuckets
from tabletap.kernel.addresses import TrustedProxies, caller_network
from tabletap.kernel.errors import Kind, Refusal
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Actor

CONNECTS_AT_ONCE = 6
"""Namespaces that a page may connect to in one go; whoever tries more often is counted as another connection."""
_PLACE = "tabletap.caller"
"""Where the caller is kept in the environ, which all namespaces of a connection share."""

Holder = tuple[Id, Id, str]
"""Cafe, person and audience: a paired device is not its person's."""


class TooManyConnections(Refusal):
    """One person can have a few connections at a time; close one of the others first."""

    code, kind, retryable = "too_many_connections", Kind.TOO_MANY, True


class LiveLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What the live edge takes (live.md, "Handshake, presence, limits")."""

    connections_per_person: int = 5
    connections_per_cafe: int = 5_000
    """No cafe takes the memory of all the others."""
    connects_per_minute: int = 600
    """From one network address. A busy cafe's guests share one, and all of them come back after a restart."""
    connect_seconds: float = 20
    """A connection that is in no namespace for so long is closed."""


class Caller:
    """Who is at the other end of one connection."""

    __slots__ = ("address", "id", "tries")

    def __init__(self, address: str | None = None) -> None:
        self.id = new_id()
        self.address = address
        self.tries = 0
        """How often a namespace was asked for."""


class Connections:
    """Every connection of this process, and who holds it."""

    def __init__(
        self,
        limits: LiveLimits,
        proxies: TrustedProxies | None = None,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.limits, self.proxies = limits, proxies or TrustedProxies()
        self._by_address = TokenBuckets(Limit("live-connects", self.limits.connects_per_minute, 60), now_ns)
        self._held: dict[Holder, dict[Caller, int]] = {}
        """For each holder the connections, and in how many namespaces each is theirs."""
        self._of_cafe: dict[Id, int] = {}

    def caller(self, environ: dict[str, Any]) -> Caller:
        """Who is at the other end; the same for all namespaces of a connection."""
        found = environ.get(_PLACE)
        if not isinstance(found, Caller):
            found = environ[_PLACE] = Caller(self._address(environ))
        return found

    def _address(self, environ: dict[str, Any]) -> str | None:
        scope = environ.get("asgi.scope", {})
        client = scope.get("client")
        lines = [value.decode("latin-1") for name, value in scope.get("headers", ()) if name == b"x-forwarded-for"]
        return self.proxies.caller(client[0] if client else None, lines)

    def note_try(self, caller: Caller) -> None:
        """Count an attempt to enter a namespace. Raises TooMany when the address had too many.

        Loopback is not an address that anybody else can come from: it is a program of this machine, or a proxy that
        was not named in TABLETAP_TRUSTED_PROXIES, behind which everybody would share one bucket.
        """
        tries, caller.tries = caller.tries, caller.tries + 1
        address = caller.address
        if tries % CONNECTS_AT_ONCE == 0 and address is not None and not ip_address(address).is_loopback:
            self._by_address.take(caller_network(address))

    def occupy(self, caller: Caller, holder: Holder) -> None:
        """One more namespace of the connection is this person's. Raises TooManyConnections."""
        held, cafe_id = self._held.get(holder, {}), holder[0]
        if caller not in held:
            of_cafe = self._of_cafe.get(cafe_id, 0)
            if len(held) >= self.limits.connections_per_person:
                raise TooManyConnections
            if of_cafe >= self.limits.connections_per_cafe:
                raise TooManyConnections("This cafe has as many connections as a cafe can have; try again later.")
            self._of_cafe[cafe_id] = of_cafe + 1
            self._held[holder] = held
        held[caller] = held.get(caller, 0) + 1

    def release(self, caller: Caller, holder: Holder) -> None:
        """This person has left a namespace of the connection."""
        held, cafe_id = self._held[holder], holder[0]
        held[caller] -= 1
        if held[caller]:
            return
        del held[caller]
        if not held:
            del self._held[holder]
        self._of_cafe[cafe_id] -= 1
        if not self._of_cafe[cafe_id]:
            del self._of_cafe[cafe_id]


def holder_of(by: Actor) -> Holder:
    """Whose connections are counted together."""
    return by.cafe_id, by.person_id, by.audience
