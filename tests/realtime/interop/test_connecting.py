"""Coming in: six namespaces over one connection, each with its own answer; who is refused is told why."""

import asyncio
from typing import Any

import pytest

from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Role
from tests.realtime.interop.clients import PuppetClient
from tests.realtime.interop.stage import Stage

NAMESPACES = ("/orders", "/kitchen", "/counter", "/customers", "/admin", "/payments")
MAY_CONNECT = {
    Role.ADMIN: {"/orders", "/kitchen", "/counter", "/admin", "/payments"},
    Role.KITCHEN: {"/orders", "/kitchen", "/payments"},
    Role.STAFF: {"/orders", "/counter", "/payments"},
    Role.CUSTOMER: {"/orders", "/customers", "/payments"},
}
"""Contract 4, "Who may connect"."""


@pytest.mark.parametrize("role", MAY_CONNECT, ids=str)
async def test_one_connection_has_all_namespaces_that_its_person_may_have(stage: Stage, role: Role) -> None:
    client = await stage.client(*NAMESPACES, role=role)
    await client.until(lambda: len([each for each in client.heard if each.kind.startswith("connect")]) == 6)

    admitted = {namespace for namespace in NAMESPACES if client.on(namespace).times("connect")}
    assert admitted == MAY_CONNECT[role]
    for namespace in NAMESPACES:
        socket = client.on(namespace)
        if namespace in admitted:
            await socket.hears("session_ready")
            assert [each.name for each in socket.heard[1:2]] == ["session_ready"]
        else:
            [refused] = socket.times("connect_error")
            assert refused.name == refused.payload["message"]
            assert (refused.payload["code"], refused.payload["retryable"]) == ("not_allowed", False)
            assert set(refused.payload) == {"code", "message", "retryable"}


@pytest.mark.parametrize(
    ("auth", "code"),
    [({}, "token_invalid"), ({"token": "a.b.c"}, "token_invalid"), ({"token": 7}, "invalid_request")],
    ids=["without a token", "with a false token", "with a token that is a number"],
)
async def test_who_is_refused_is_told_why(stage: Stage, auth: Any, code: str) -> None:
    client = await stage.client("/orders", auth=auth)

    refused = await client.on("/orders").comes("connect_error")

    assert set(refused.payload) == {"code", "message", "retryable"}
    assert (refused.payload["code"], refused.payload["retryable"]) == (code, False)
    assert refused.name == refused.payload["message"]


async def test_a_namespace_that_there_is_not_is_refused(stage: Stage) -> None:
    client = await stage.client("/everything")

    await client.on("/everything").comes("connect_error")
    assert not client.on("/everything").times("connect")


async def test_who_was_refused_may_come_again_with_another_token(stage: Stage) -> None:
    client = await stage.client("/orders", auth={"token": "a.b.c"})
    await client.on("/orders").comes("connect_error")

    await client.again({"token": stage.token(Role.STAFF)})

    assert await client.on("/orders").hears("session_ready")


async def test_the_connection_is_of_the_kind_that_was_asked_for(stage: Stage) -> None:
    socket = await stage.socket("/orders")

    await socket.client.upgraded()
    assert await socket.result("stream_ack", {"cursors": {}}) is None


async def test_nothing_is_lost_or_doubled_while_a_connection_is_upgraded(stage: Stage) -> None:
    async def keep_happening() -> None:
        for number in range(40):
            await stage.happen(str(number))

    await stage.happen("before")
    happening = asyncio.create_task(keep_happening())
    cursors = {stage.key: {"epoch": 1, "seq": 0}}
    client = await stage.client("/orders", auth={"token": stage.token(Role.STAFF), "cursors": cursors})
    await happening

    assert await client.on("/orders").reaches(stage.key, 41) == list(range(1, 42))


async def test_a_person_has_several_clients_and_each_hears_everything(stage: Stage) -> None:
    sockets = [await stage.socket("/orders") for _ in range(3)]
    for socket in sockets:
        await socket.result("subscribe", {"stream": stage.key})

    await stage.happen("one", "two")

    for socket in sockets:
        assert await socket.reaches(stage.key, 2) == [1, 2]


async def test_leaving_one_namespace_leaves_the_others_as_they_are(stage: Stage) -> None:
    client = await stage.client("/orders", "/payments")
    for namespace in client.namespaces:
        await client.on(namespace).hears("session_ready")
    if not isinstance(client, PuppetClient):
        return  # the Python client cannot leave a namespace: it leaves altogether

    await client.leave("/payments")
    await client.on("/payments").comes("disconnect")

    await client.on("/orders").result("subscribe", {"stream": stage.key})
    await stage.happen("still here")
    assert await client.on("/orders").reaches(stage.key, 1) == [1]
    assert [session.namespace for session in stage.world.app.live.sessions] == ["/orders"]


async def test_a_stranger_hears_nothing(stage: Stage) -> None:
    me = await stage.socket("/orders")
    await me.result("subscribe", {"stream": stage.key})
    stranger = await stage.client("/orders", auth={"token": stage.token(Role.CUSTOMER, new_id())})
    await stranger.on("/orders").hears("session_ready")

    error = await stranger.on("/orders").error("subscribe", {"stream": stage.key})
    await stage.happen("private")
    await me.reaches(stage.key, 1)

    assert (error["type"], error["code"]) == ("authorization_denied", "not_allowed")
    assert await stranger.on("/orders").result("stream_ack", {"cursors": {}}) is None
    assert stranger.on("/orders").seqs(stage.key) == []
