"""Who calls: the actor from the bearer token, from which address and with which program."""

from typing import Any

import msgspec
from litestar.connection import ASGIConnection

from tabletap.identity.tokens import Tokens
from tabletap.kernel.addresses import TrustedProxies
from tabletap.kernel.cards import has_card_number
from tabletap.kernel.errors import NotSignedIn
from tabletap.kernel.people import Actor

MAX_USER_AGENT_CHARACTERS = 200

Connection = ASGIConnection[Any, Any, Any, Any]


class SignIn:
    """Turns the headers of a request into an actor."""

    def __init__(self, tokens: Tokens, trusted_proxies: tuple[str, ...] = ()) -> None:
        self.tokens = tokens
        self.proxies = TrustedProxies(trusted_proxies)

    def actor(self, connection: Connection) -> Actor:
        """The person the bearer token speaks for. Raises NotSignedIn and TokenExpired."""
        kind, _, token = connection.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise NotSignedIn("Sign in first: send Authorization: Bearer with an access token.")
        actor = self.tokens.verify(token.strip())
        return msgspec.structs.replace(actor, address=self.address(connection), user_agent=user_agent(connection))

    def address(self, connection: Connection) -> str | None:
        """The caller's network address, as far as trusted proxies can be believed."""
        client = connection.scope.get("client")
        return self.proxies.caller(client[0] if client else None, connection.headers.getall("x-forwarded-for", []))


def user_agent(connection: Connection) -> str | None:
    """What the caller says it is, printable and not too long; it is stored, so that a card number is left out."""
    given = connection.headers.get("user-agent")
    shown = "".join(filter(str.isprintable, given))[:MAX_USER_AGENT_CHARACTERS] if given else None
    return None if shown and has_card_number(shown) else shown
