"""Sessions of the official clients: refreshed in place, ended by the clock or by us, and begun again without a gap."""

from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Role
from tests.realtime.interop.clients import Socket
from tests.realtime.interop.stage import Stage

SENT_AWAY = {"io server disconnect", "server disconnect"}
"""How the clients call it; none of them comes back by itself."""


async def sent_away(socket: Socket) -> str:
    """Why the socket is not connected any more."""
    return (await socket.comes("disconnect")).name


async def test_a_token_is_refreshed_in_place(stage: Stage) -> None:
    socket = await stage.socket("/orders")
    await socket.result("subscribe", {"stream": stage.key})
    await stage.let_time_pass(minutes=59, seconds=30)
    warning = await socket.hears("auth_expiring")

    refreshed = await socket.result("auth_refresh", {"token": stage.token(Role.MANAGER)})
    await stage.let_time_pass(minutes=30)
    await stage.happen("still here")

    assert 0 < warning["seconds"] <= 60
    assert refreshed["tokenExpiresAt"] > socket.named("session_ready")[0]["tokenExpiresAt"]
    assert await socket.reaches(stage.key, 1) == [1]


async def test_a_token_of_somebody_else_refreshes_nothing(stage: Stage) -> None:
    socket = await stage.socket("/orders")

    error = await socket.error("auth_refresh", {"token": stage.token(Role.MANAGER, new_id())})

    assert error["type"] == "authorization_denied"
    assert await socket.result("stream_ack", {"cursors": {}}) is None


async def test_a_session_ends_with_its_token_and_begins_again_with_another(stage: Stage) -> None:
    socket = await stage.socket("/orders", reconnects=True, keeps_cursors=True)
    await socket.result("subscribe", {"stream": stage.key})
    await stage.happen("one")
    await socket.reaches(stage.key, 1)

    await stage.let_time_pass(minutes=61)
    assert await sent_away(socket) in SENT_AWAY
    assert [each.name for each in socket.heard if each.name != "heartbeat"][-2] == "session_expired"
    await stage.happen("two")
    await socket.client.again({"token": stage.token(Role.MANAGER)})
    await stage.happen("three")

    assert await socket.reaches(stage.key, 3) == [1, 2, 3]


async def test_a_person_who_is_sent_away_is_off_in_every_namespace(stage: Stage) -> None:
    client = await stage.client("/orders", "/payments", "/admin")
    for namespace in client.namespaces:
        await client.on(namespace).hears("session_ready")

    await stage.world.app.live.sessions.end_person(stage.world.home.id, stage.me)

    for namespace in client.namespaces:
        assert await sent_away(client.on(namespace)) in SENT_AWAY
        assert client.on(namespace).named("session_expired")
    await stage.nobody_is_left()


async def test_one_namespace_can_be_ended_and_the_others_stay(stage: Stage) -> None:
    client = await stage.client("/orders", "/payments")
    for namespace in client.namespaces:
        await client.on(namespace).hears("session_ready")
    sessions = stage.world.app.live.sessions
    [ended] = [session for session in sessions if session.namespace == "/payments"]

    await sessions.end(ended, "Enough.")

    assert await sent_away(client.on("/payments")) in SENT_AWAY
    assert await client.on("/orders").result("stream_ack", {"cursors": {}}) is None
    assert not client.on("/orders").times("disconnect")
