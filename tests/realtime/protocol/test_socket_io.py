"""Socket.IO, protocol revision 5, case by case (`make protocol-suites` runs the official suite)."""

from collections.abc import AsyncIterator

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from tests.realtime.protocol.echo import served
from tests.realtime.protocol.test_engine_io import Wire, is_closed, said


@pytest_asyncio.fixture
async def wire() -> AsyncIterator[Wire]:
    """A client of the echo server."""
    async with served() as address, aiohttp.ClientSession() as session:
        yield Wire(address, session, "/socket.io/")


async def connected(wire: Wire, namespace: str = "") -> aiohttp.ClientWebSocketResponse:
    """A WebSocket that is in a namespace."""
    socket = await wire.opened()
    await socket.send_str(f"40{namespace}")
    assert str(await said(socket)).startswith(f"40{namespace}{{")
    assert str(await said(socket)) == f'42{namespace}["auth",{{}}]'
    return socket


@pytest.mark.parametrize("namespace", ["", "/custom,"])
@pytest.mark.parametrize("auth", ["", '{"token":"abc"}'])
async def test_a_client_connects_to_a_namespace(wire: Wire, namespace: str, auth: str) -> None:
    socket = await wire.opened()

    await socket.send_str(f"40{namespace}{auth}")

    reply = str(await said(socket)).removeprefix(f"40{namespace}")
    assert set(msgspec.json.decode(reply)) == {"sid"}
    assert await said(socket) == f'42{namespace}["auth",{auth or "{}"}]'


async def test_an_unknown_namespace_is_refused_by_name(wire: Wire) -> None:
    socket = await wire.opened()

    await socket.send_str("40/random")

    assert await said(socket) == '44/random,{"message":"Invalid namespace"}'


async def test_a_namespace_is_entered_once(wire: Wire) -> None:
    socket = await connected(wire)

    await socket.send_str("40")

    assert str(await said(socket)).startswith("44{")


async def test_who_enters_no_namespace_is_sent_away(wire: Wire) -> None:
    socket = await wire.opened()

    await said(socket)  # pings are answered meanwhile, so that it is not for them
    assert socket.close_code == 1000


async def test_one_namespace_is_left_and_the_other_goes_on(wire: Wire) -> None:
    socket = await connected(wire)
    await socket.send_str("40/custom")
    assert str(await said(socket)).startswith("40/custom,{")
    assert await said(socket) == '42/custom,["auth",{}]'

    await socket.send_str("41/custom")
    await socket.send_str('42/custom,["message","nobody hears this"]')
    await socket.send_str('42["message","to the main one"]')

    assert await said(socket) == '42["message-back","to the main one"]'


@pytest.mark.parametrize(
    ("sent", "heard"),
    [
        ('42["message",1,"2",{"3":[true]}]', '42["message-back",1,"2",{"3":[true]}]'),
        ('42456["message-with-ack",1,"2",{"3":[false]}]', '43456[1,"2",{"3":[false]}]'),
    ],
)
async def test_messages_and_acks(wire: Wire, sent: str, heard: str) -> None:
    socket = await connected(wire)

    await socket.send_str(sent)

    assert await said(socket) == heard


@pytest.mark.parametrize(
    ("sent", "heard"),
    [('452-["message",', '452-["message-back",'), ('452-789["message-with-ack",', "462-789[")],
    ids=["event", "ack"],
)
async def test_bytes_travel_beside_their_packet(wire: Wire, sent: str, heard: str) -> None:
    places = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'
    socket = await connected(wire)

    await socket.send_str(sent + places)
    await socket.send_bytes(b"\x01\x02\x03")
    await socket.send_bytes(b"\x04\x05\x06")

    assert [await said(socket) for _ in range(3)] == [heard + places, b"\x01\x02\x03", b"\x04\x05\x06"]


@pytest.mark.parametrize("packet", ["4abc", "42{}", '42abc["message-with-ack",1]', "49", "4"])
async def test_a_packet_that_is_none_ends_the_connection(wire: Wire, packet: str) -> None:
    socket = await connected(wire)

    await socket.send_str(packet)

    assert await is_closed(socket)


async def test_a_first_packet_that_is_none_ends_the_connection(wire: Wire) -> None:
    socket = await wire.opened()

    await socket.send_str("4abc")

    assert await is_closed(socket)
