"""What a token says, and which tokens are refused."""

import base64
import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from tabletap.identity.tokens import Tokens
from tabletap.kernel.errors import NotSignedIn, TokenExpired
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Role
from tests.identity.conftest import SECRET
from tests.support.rows import MovedClock


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return decoded


def signed(claims: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode({"alg": algorithm}, claims, OctKey.import_key(secret), algorithms=[algorithm])


def good_claims(clock: MovedClock) -> dict[str, Any]:
    now = int(clock.now().timestamp())
    return {
        "sub": new_id(),
        "cafeId": new_id(),
        "roles": ["staff"],
        "exp": now + 60,
        "iat": now,
        "jti": new_id(),
        "aud": "access",
    }


def test_a_token_carries_the_claims_of_the_contract_for_one_hour(tokens: Tokens) -> None:
    cafe_id, person_id = new_id(), new_id()

    token = tokens.issue(cafe_id=cafe_id, person_id=person_id, roles=frozenset({Role.MANAGER}))

    claims = claims_of(token)
    assert set(claims) == {"sub", "cafeId", "roles", "exp", "iat", "jti", "aud"}
    assert (claims["sub"], claims["cafeId"], claims["roles"], claims["aud"]) == (
        person_id,
        cafe_id,
        ["manager"],
        "access",
    )
    assert claims["exp"] - claims["iat"] == 3600


def test_a_guest_token_names_table_and_session(tokens: Tokens) -> None:
    cafe_id, person_id, table_id, session_id = (new_id() for _ in range(4))

    actor = tokens.verify(
        tokens.issue(
            cafe_id=cafe_id,
            person_id=person_id,
            roles=frozenset({Role.CUSTOMER}),
            audience="guest",
            table_id=table_id,
            session_id=session_id,
        )
    )

    assert (actor.cafe_id, actor.person_id, actor.table_id, actor.session_id) == (
        cafe_id,
        person_id,
        table_id,
        session_id,
    )
    assert actor.is_guest
    assert not actor.is_staff


def test_a_token_is_refused_once_its_hour_is_over_even_when_it_was_seen_before(
    tokens: Tokens, clock: MovedClock
) -> None:
    token = tokens.issue(cafe_id=new_id(), person_id=new_id(), roles=frozenset({Role.STAFF}))
    first = tokens.verify(token)

    clock.let_time_pass(minutes=59)
    assert tokens.verify(token) is first
    clock.let_time_pass(minutes=1)

    for _ in range(2):
        with pytest.raises(TokenExpired):
            tokens.verify(token)


def test_every_single_changed_character_is_noticed(tokens: Tokens) -> None:
    token = tokens.issue(cafe_id=new_id(), person_id=new_id(), roles=frozenset({Role.STAFF}))
    tokens.verify(token)
    accepted = []
    for place in range(0, len(token) - 1, 7):  # the last character has bits that mean nothing
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        try:
            tokens.verify(changed)
            accepted.append(place)
        except NotSignedIn:
            continue

    assert accepted == []


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_is_refused_though_the_secret_is_right(
    tokens: Tokens, clock: MovedClock, algorithm: str
) -> None:
    token = signed(good_claims(clock), SECRET + SECRET, algorithm)

    with pytest.raises(NotSignedIn):
        Tokens(SECRET + SECRET, clock).verify(token)


def test_an_unsigned_token_is_refused(tokens: Tokens, clock: MovedClock) -> None:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    for header in ({"alg": "none"}, {"alg": "None", "typ": "JWT"}, {"typ": "JWT"}):
        with pytest.raises(NotSignedIn):
            tokens.verify(f"{part(header)}.{part(good_claims(clock))}.")


def test_an_asymmetric_signature_is_refused(tokens: Tokens, clock: MovedClock) -> None:
    token = jwt.encode({"alg": "RS256"}, good_claims(clock), RSAKey.generate_key(2048), algorithms=["RS256"])

    with pytest.raises(NotSignedIn):
        tokens.verify(token)


def test_a_token_of_another_secret_is_refused(tokens: Tokens, clock: MovedClock) -> None:
    with pytest.raises(NotSignedIn):
        tokens.verify(signed(good_claims(clock), SECRET[::-1]))


@pytest.mark.parametrize(
    "change",
    [
        {"sub": "not-an-id"},
        {"sub": None},
        {"cafeId": ""},
        {"roles": ["owner"]},
        {"roles": "manager"},
        {"exp": "tomorrow"},
        {"exp": 10**18},
        {"exp": None},
        {"aud": "refresh"},
        {"aud": ["access"]},
    ],
)
def test_our_own_signature_on_wrong_claims_is_refused(
    tokens: Tokens, clock: MovedClock, change: dict[str, Any]
) -> None:
    assert tokens.verify(signed(good_claims(clock))).is_staff

    with pytest.raises(NotSignedIn):
        tokens.verify(signed(good_claims(clock) | change))


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "é.é.é", "x" * 5000, "eyJhbGciOiJIUzI1NiJ9..", "\x00"])
def test_what_is_no_token_at_all_is_refused(tokens: Tokens, text: str) -> None:
    with pytest.raises(NotSignedIn):
        tokens.verify(text)


def test_the_cache_of_verified_tokens_never_grows_beyond_its_bound(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tabletap.identity.tokens._CACHED_TOKENS", 5)
    many = [tokens.issue(cafe_id=new_id(), person_id=new_id(), roles=frozenset({Role.STAFF})) for _ in range(20)]

    for token in many:
        tokens.verify(token)

    assert len(tokens._verified) == 5
    assert tokens.verify(many[0]).is_staff
