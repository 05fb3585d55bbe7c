"""Access tokens: what they say, and a verification that costs next to nothing the second time (contract section 2)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from tabletap.kernel.clock import Clock
from tabletap.kernel.errors import NotSignedIn, TokenExpired
from tabletap.kernel.ids import GivenId, Id, new_id
from tabletap.kernel.people import Actor, Role

Audience = Literal["access", "guest", "device"]

LIFETIME = timedelta(hours=1)
MAX_TOKEN_CHARACTERS = 4096
"""Longer is not looked at: ours have about 500."""
_CACHED_TOKENS = 20_000
_ALGORITHM = "HS256"
"""Pinned: a token that names another algorithm, `none` among them, is refused whatever its signature."""
_HEADER = {"alg": _ALGORITHM, "typ": "JWT"}


class _Claims(msgspec.Struct, rename="camel", omit_defaults=True):
    """The payload of a token (RFC 7519, section 4.1, and our own)."""

    sub: GivenId
    cafe_id: GivenId
    roles: list[Role]
    exp: int
    iat: int
    jti: GivenId
    aud: Audience
    table_id: GivenId | None = None
    session_id: GivenId | None = None
    family_id: GivenId | None = None


def _as_before(actor: Actor) -> Actor:
    """Nobody was signed out."""
    return actor


class Tokens:
    """Issues and verifies access tokens with one secret."""

    def __init__(
        self,
        secret: str,
        clock: Clock,
        lifetime: timedelta = LIFETIME,
        current: Callable[[Actor], Actor] = _as_before,
    ) -> None:
        self._now, self.lifetime = clock.now, lifetime
        self._current = current
        """What became of an actor since the token was issued (`Revocations.current`)."""
        self._key = OctKey.import_key(secret)
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(_Claims).decode
        self._verified: dict[str, tuple[datetime, Actor]] = {}

    @property
    def expires_in_seconds(self) -> int:
        """How long a token that is issued now will be good for."""
        return int(self.lifetime.total_seconds())

    def issue(
        self,
        *,
        cafe_id: Id,
        person_id: Id,
        roles: frozenset[Role],
        audience: Audience = "access",
        table_id: Id | None = None,
        session_id: Id | None = None,
        family_id: Id | None = None,
    ) -> str:
        """A signed token for a person, a guest or a device."""
        issued_at = int(self._now().timestamp())
        claims = _Claims(
            sub=person_id,
            cafe_id=cafe_id,
            roles=sorted(roles),
            exp=issued_at + self.expires_in_seconds,
            iat=issued_at,
            jti=new_id(),
            aud=audience,
            table_id=table_id,
            session_id=session_id,
            family_id=family_id,
        )
        return jws.serialize_compact(_HEADER, self._encode(claims), self._key, algorithms=[_ALGORITHM])

    def verify(self, token: str) -> Actor:
        """The person a token speaks for. Raises NotSignedIn, or TokenExpired for one of ours that is too old.

        A token's signature is checked once, its expiry and whether it was revoked every time.
        """
        expires_at, actor = self._verified.get(token) or self._check(token)
        if expires_at <= self._now():
            self._verified.pop(token, None)
            raise TokenExpired
        return self._current(actor)

    def _check(self, token: str) -> tuple[datetime, Actor]:
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise NotSignedIn
        try:
            signed = jws.deserialize_compact(token, self._key, algorithms=[_ALGORITHM])
            claims = self._decode(signed.payload)
            expires_at = datetime.fromtimestamp(claims.exp, UTC)
        except (JoseError, ValueError, OverflowError, OSError, msgspec.MsgspecError):
            raise NotSignedIn("The token is not one of ours, or it was changed.") from None
        actor = Actor(
            cafe_id=claims.cafe_id,
            person_id=claims.sub,
            roles=frozenset(claims.roles),
            audience=claims.aud,
            table_id=claims.table_id,
            session_id=claims.session_id,
            expires_at=expires_at,
            token_id=claims.jti,
            family_id=claims.family_id,
        )
        if len(self._verified) >= _CACHED_TOKENS:
            del self._verified[next(iter(self._verified))]
        self._verified[token] = expires_at, actor
        return expires_at, actor
