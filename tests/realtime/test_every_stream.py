"""Whatever the stream: heard in order, the same as is stored, with its head in the heartbeat and its ack noted."""

from functools import partial
from typing import Any

import msgspec

from tabletap.audiences.broadcasts import Announce
from tabletap.kernel.people import Role
from tests.realtime.world import Screen, World, in_order


async def a_whole_service(world: World, boss: Any) -> list[str]:
    """An order from placing to the end with everybody listening in /admin, and the streams that were written to."""
    place = world.place
    cafe = [f"cafe:{place.id}:{tail}" for tail in ("kitchen", "counter", "staff", "management", "board", "role:staff")]
    order = await place.order(boss)
    payment = await place.start_cash(order, boss)
    return [*cafe, f"order:{order.id}", f"payment:{payment.payment_id}", f"user:{boss.person_id}"]


async def test_every_stream_is_heard_as_it_is_stored_and_answered_for(world: World) -> None:
    place, boss = world.place, await world.place.hire(Role.MANAGER)
    keys = await a_whole_service(world, boss)
    screen = await world.screen("/admin", boss)
    for key in keys:
        await screen.result("subscribe", {"stream": key, "cursor": {"epoch": 1, "seq": 0}})

    # when something happens in each of them
    [order_key] = [key for key in keys if key.startswith("order:")]
    order = await place.services.orders.get(order_key.removeprefix("order:"), boss)
    [payment_key] = [key for key in keys if key.startswith("payment:")]
    payment = await place.services.payments.get(payment_key.removeprefix("payment:"), boss)
    await place.take_cash(payment)
    await place.move_to_the_end(order)
    for request in (
        Announce(message="To the staff together", streams=frozenset({f"cafe:{place.id}:role:staff"})),
        Announce(message="To you alone", include_users=frozenset({boss.person_id})),
    ):
        await place.services.broadcasts.announce(request, boss)

    # then it is heard in order, and is to the letter what GET /events gives
    heads: dict[str, Any] = {}
    for key in keys:
        stored = [msgspec.json.decode(event.wire()) for event in await place.told(key)]
        assert stored, key
        await screen.until(partial(_has_heard, screen, key, len(stored)))
        assert screen.events(key) == stored
        assert in_order(screen.seqs(key))
        heads[key] = {"epoch": 1, "seq": stored[-1]["seq"]}
    one_event: dict[str, set[str]] = {}
    for event in screen.events():
        one_event.setdefault(event["eventId"], set()).add(event["name"])
    assert all(len(names) == 1 for names in one_event.values())

    # and the heartbeat says how far each has come, and the screen how far it is
    await screen.until(lambda: _last_beat(screen) == heads)
    await screen.result("stream_ack", {"cursors": heads})
    [connection] = await world.live.presence.connections_of(place.id, boss.person_id)
    assert {key: at.seq for key, at in connection.acknowledged.items()} == {key: at["seq"] for key, at in heads.items()}


def _has_heard(screen: Screen, key: str, count: int) -> bool:
    return len(screen.events(key)) >= count


def _last_beat(screen: Screen) -> Any:
    beats = screen.named("heartbeat")
    return beats[-1]["heads"] if beats else None
