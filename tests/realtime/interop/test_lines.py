"""Lines that break: the official clients come back by themselves, and nothing is missing or there twice."""

from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Role
from tests.realtime.interop.stage import Stage


async def test_a_client_that_is_cut_off_comes_back_and_misses_nothing(stage: Stage) -> None:
    socket = await stage.socket("/orders", reconnects=True, keeps_cursors=True)
    await socket.result("subscribe", {"stream": stage.key})
    await stage.happen("number 1")
    await socket.reaches(stage.key, 1)

    for times in range(1, 4):
        stage.wire.refuses = True
        stage.wire.cut()
        await socket.comes("disconnect", times)
        await stage.happen("while it was away", "and more")
        stage.wire.refuses = False
        await socket.hears("session_ready", times + 1)
        await stage.happen("and again")
        await socket.reaches(stage.key, 1 + 3 * times)

    assert socket.seqs(stage.key) == list(range(1, 11))


async def test_every_namespace_of_a_connection_comes_back(stage: Stage) -> None:
    client = await stage.client("/orders", "/payments", "/kitchen", reconnects=True)
    for namespace in client.namespaces:
        await client.on(namespace).hears("session_ready")

    stage.wire.refuses = True
    stage.wire.cut()
    await client.on("/orders").comes("disconnect")
    stage.wire.refuses = False

    for namespace in client.namespaces:
        await client.on(namespace).hears("session_ready", 2)
        assert await client.on(namespace).result("stream_ack", {"cursors": {}}) is None


async def test_a_command_whose_answer_was_lost_is_sent_again_and_happens_once(stage: Stage) -> None:
    order = await stage.paid_order()
    kitchen = await stage.socket("/kitchen", Role.KITCHEN, reconnects=True)
    observer = await stage.world.call("GET", f"/streams/order:{order['id']}/snapshot", "manager")
    move = {"orderId": order["id"], "status": "preparing", "commandId": new_id()}

    await kitchen.client.upgraded()
    stage.wire.deaf = True
    await kitchen.client.send("/kitchen", ("order_status_update", move))
    await stage.told(f"order:{order['id']}", observer.body["seq"] + 1)
    stage.wire.refuses = True
    stage.wire.cut()
    await kitchen.comes("disconnect")
    stage.wire.deaf = stage.wire.refuses = False
    await kitchen.hears("session_ready", 2)

    assert (await kitchen.result("order_status_update", move))["status"] == "preparing"
    after = await stage.world.call("GET", f"/streams/order:{order['id']}/snapshot", "manager")
    assert after.body["seq"] == observer.body["seq"] + 1, "moved once"
