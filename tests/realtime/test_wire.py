"""Bytes that no client would send: the connection may end, the server does not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import msgspec
import pytest

from tabletap.kernel.people import Role
from tests.realtime.world import World


@asynccontextmanager
async def wire(world: World) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A bare WebSocket that has connected to /kitchen."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{world.url}/socket.io/?EIO=4&transport=websocket") as socket,
    ):
        assert (await socket.receive_str()).startswith("0{")
        auth = msgspec.json.encode({"token": world.token(Role.KITCHEN)}).decode()
        await socket.send_str(f"40/kitchen,{auth}")
        assert (await socket.receive_str()).startswith("40/kitchen,")
        assert (await socket.receive_str()).startswith('42/kitchen,["session_ready"')
        yield socket


async def until(socket: aiohttp.ClientWebSocketResponse, start: str) -> str:
    """The next packet that begins like this."""
    async with asyncio.timeout(5):
        while not (packet := await socket.receive_str()).startswith(start):
            pass
    return packet


@pytest.mark.parametrize(
    "packet",
    [
        "42/kitchen,{}", "42/kitchen,[]", "42/kitchen,7", "42/kitchen,[", "42/kitchen,", '42/kitchen,"x"', "4",
        "49/kitchen", "4x", '459999999999-/kitchen,["subscribe",{}]',
        '4599-/kitchen,["subscribe",{}]', '45-/kitchen,["subscribe"]',
        '44/kitchen,{"message":"x"}', "4²/kitchen,[]", '45²-/kitchen,["x"]',
    ],
)  # fmt: skip
async def test_a_packet_that_is_none_ends_its_connection_alone(world: World, packet: str) -> None:
    bystander = await world.screen("/kitchen", Role.KITCHEN)
    async with wire(world) as socket:
        await socket.send_str(packet)
        assert await until(socket, "41/kitchen,")

    assert [session.socket_id for session in world.live.sessions] == [bystander.client.get_sid("/kitchen")]
    assert await bystander.result("subscribe", {"stream": world.kitchen()})


@pytest.mark.parametrize("name", ["7", "null", '["subscribe"]', "{}", "true"])
async def test_a_name_that_is_none_is_refused(world: World, name: str) -> None:
    async with wire(world) as socket:
        await socket.send_str(f"42/kitchen,1[{name},{{}}]")

        assert '"invalid_request"' in await until(socket, "43/kitchen,1")


@pytest.mark.parametrize("name", ["connect", "disconnect", "connect_error"])
async def test_the_protocols_own_names_are_no_messages(world: World, name: str) -> None:
    async with wire(world) as socket:
        await socket.send_str(f'42/kitchen,1["{name}",{{"token":"x"}}]')

        assert '"invalid_request"' in await until(socket, "43/kitchen,1")
        await socket.send_str(f'42/kitchen,2["subscribe",{{"stream":"{world.kitchen()}"}}]')
        assert '"ok":true' in await until(socket, "43/kitchen,2")


async def test_messages_before_connecting_are_not_answered(world: World) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{world.url}/socket.io/?EIO=4&transport=websocket") as socket,
    ):
        await socket.receive_str()
        await socket.send_str(f'42/kitchen,1["subscribe",{{"stream":"{world.kitchen()}"}}]')
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.receive_str(), 0.3)

    assert len(world.live.sessions) == 0


async def test_connecting_twice_is_one_session(world: World) -> None:
    async with wire(world) as socket:
        auth = msgspec.json.encode({"token": world.token(Role.KITCHEN)}).decode()
        await socket.send_str(f"40/kitchen,{auth}")

        assert await until(socket, "44/kitchen,")
        assert len(world.live.sessions) == 1
