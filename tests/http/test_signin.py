"""Who calls: tokens, addresses behind proxies, and the doors of the routes."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from litestar import get
from multidict import CIMultiDict

from tabletap.http.app import create_http
from tabletap.http.call import Call
from tabletap.http.door import door
from tabletap.http.services import HttpSettings, Services
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Role
from tests.http.conftest import PASSWORD, Place
from tests.http.edge import Caller, served
from tests.support.rows import MovedClock


@get("/me")
async def who_am_i(request: Call) -> dict[str, Any]:
    by = request.user
    return {"personId": by.person_id, "address": by.address, "userAgent": by.user_agent}


@get("/managers", opt=door(Role.MANAGER))
async def managers_only() -> dict[str, bool]:
    return {"in": True}


@pytest.fixture
async def caller(idle_services: Services) -> AsyncIterator[Caller]:
    async with served(create_http(idle_services, routes=[who_am_i, managers_only])) as anybody:
        yield anybody


def token_of(services: Services, *roles: Role) -> str:
    return services.tokens.issue(cafe_id=new_id(), person_id=new_id(), roles=frozenset(roles))


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer nonsense", "Bearer a.b.c", "nonsense"]
)
async def test_without_a_valid_token_nobody_comes_in(caller: Caller, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}

    reply = await caller.get("/me", headers=headers)

    assert (reply.status, reply.code) == (401, "token_invalid")
    assert reply.headers["www-authenticate"].startswith("Bearer")


async def test_a_token_that_somebody_changed_is_refused(caller: Caller, manager_token: str) -> None:
    head, payload, signature = manager_token.split(".")
    changed = [f"{head}.{payload}.{signature[::-1]}", f"{head}.{payload[:-2]}.{signature}", f"{head}.{payload}."]

    replies = [await caller.with_token(token).get("/me") for token in changed]

    assert [(reply.status, reply.code) for reply in replies] == [(401, "token_invalid")] * 3


async def test_an_expired_token_says_so(caller: Caller, manager_token: str, clock: MovedClock) -> None:
    signed_in = await caller.with_token(manager_token).get("/me")
    clock.let_time_pass(hours=2)
    expired = await caller.with_token(manager_token).get("/me")

    assert signed_in.status == 200
    assert (expired.status, expired.code) == (401, "token_expired")
    assert "www-authenticate" in expired.headers


async def test_a_door_lets_in_its_roles_and_those_above(caller: Caller, idle_services: Services) -> None:
    statuses = {role: (await caller.with_token(token_of(idle_services, role)).get("/managers")).status for role in Role}

    assert {role for role, status in statuses.items() if status == 200} == {Role.MANAGER, Role.ADMIN}
    assert {status for status in statuses.values() if status != 200} == {403}


async def test_address_and_program_of_the_caller_are_known(caller: Caller, manager_token: str) -> None:
    headers = {"User-Agent": "till/1.0" + "x" * 500, "X-Forwarded-For": "203.0.113.9"}
    me = (await caller.with_token(manager_token).get("/me", headers=headers)).body

    assert me["address"] == "127.0.0.1"
    assert me["userAgent"].startswith("till/1.0")
    assert len(me["userAgent"]) == 200


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, 10.1.2.3", "203.0.113.9"),
        ("2001:db8::7", "2001:db8::7"),
        ("198.51.100.1, 203.0.113.9:51234, [::ffff:10.1.2.3]:80", "203.0.113.9"),
        ("not an address", None),
        ("", "127.0.0.1"),
    ],
)
async def test_trusted_proxies_are_believed_and_nobody_before_them(
    idle_services: Services, manager_token: str, forwarded: str, address: str | None
) -> None:
    settings = HttpSettings(trusted_proxies=("127.0.0.0/8", "10.0.0.0/8"))
    async with served(create_http(idle_services, settings, routes=[who_am_i])) as caller:
        reply = await caller.with_token(manager_token).get("/me", headers={"X-Forwarded-For": forwarded})

    assert reply.body["address"] == address


async def test_what_a_proxy_adds_as_a_line_of_its_own_counts_last(idle_services: Services, manager_token: str) -> None:
    lines = [("Authorization", f"Bearer {manager_token}")]
    lines += [("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", "203.0.113.9")]
    settings = HttpSettings(trusted_proxies=("127.0.0.0/8",))
    async with (
        served(create_http(idle_services, settings, routes=[who_am_i])) as caller,
        caller.session.get(f"{caller.url}/api/v1/me", headers=CIMultiDict(lines)) as response,
    ):
        me = await response.json()

    assert me["address"] == "203.0.113.9"


async def test_a_program_that_is_called_like_a_card_has_no_name(caller: Caller, manager_token: str) -> None:
    headers = {"User-Agent": "till/4111 1111 1111 1111"}
    me = (await caller.with_token(manager_token).get("/me", headers=headers)).body

    assert me["userAgent"] is None


async def test_staff_sign_in_refresh_and_sign_out(place: Place) -> None:
    email = f"manager@{place.cafe.cafe_id[-6:]}.example.org"
    anybody = place.anybody

    signed_in = await anybody.post("/auth/login", {"email": email, "password": PASSWORD})
    wrong = await anybody.post("/auth/login", {"email": email, "password": "not this one"})
    refreshed = await anybody.post("/auth/refresh", {"refreshToken": signed_in.body["refreshToken"]})
    caller = anybody.with_token(refreshed.body["accessToken"])
    before = await caller.get("/orders")
    signed_out = await anybody.post("/auth/logout", {"refreshToken": refreshed.body["refreshToken"]})
    at_once = await caller.get("/orders")
    after = await anybody.post("/auth/refresh", {"refreshToken": refreshed.body["refreshToken"]})
    reused = await anybody.post("/auth/refresh", {"refreshToken": signed_in.body["refreshToken"]})

    assert signed_in.status == refreshed.status == 200
    assert set(signed_in.body) == {"accessToken", "refreshToken", "expiresIn", "cafeId", "roles"}
    assert before.status == 200
    assert (at_once.status, at_once.body["code"]) == (401, "token_invalid")
    assert (wrong.status, wrong.code) == (401, "credentials_invalid")
    assert (signed_out.status, signed_out.raw) == (204, b"")
    assert (after.status, after.code) == (401, "refresh_token_invalid")
    assert (reused.status, reused.code) == (401, "refresh_token_reused")


async def test_guessing_passwords_is_slowed_down(place: Place) -> None:
    body = {"email": f"manager@{place.cafe.cafe_id[-6:]}.example.org", "password": "a guess"}

    replies = [await place.anybody.post("/auth/login", body) for _ in range(10)]
    # On a slow machine the window slides on meanwhile, and another guess or two may pass.
    while replies[-1].status == 401 and len(replies) < 20:
        replies.append(await place.anybody.post("/auth/login", body))

    assert {reply.code for reply in replies[:10]} == {"credentials_invalid"}
    assert (replies[-1].status, replies[-1].code) == (429, "rate_limit_exceeded")
    assert int(replies[-1].headers["retry-after"]) > 0


async def test_a_guest_sits_down_with_the_tables_code(place: Place) -> None:
    seated = await place.anybody.post("/auth/guest", {"tableCode": place.table_code})
    lost = await place.anybody.post("/auth/guest", {"tableCode": "no-such-code"})

    assert seated.status == 200
    assert seated.body["roles"] == ["customer"]
    assert seated.body["customerId"]
    assert (lost.status, lost.code) == (404, "table_code_unknown")
