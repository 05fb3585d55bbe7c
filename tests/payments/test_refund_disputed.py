"""While a guest's bank disputes a payment, nothing of it goes back: the dispute decides over its money."""

from typing import Any

import pytest

from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import SYSTEM_ID
from tabletap.ledger.model import provider
from tabletap.payments import store
from tabletap.payments.disputes.service import follow
from tabletap.payments.model import Answer, DisputeStatus, ProviderDispute
from tests.payments.test_refund_orders import named, paid_by_three, preview, refund_order
from tests.payments.test_refunds import charge_of, order_of, paid_by, refund
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def told_of_dispute(world: World, payment: dict[str, Any], status: DisputeStatus, dispute_id: str) -> None:
    """The provider says how a dispute over a payment stands."""

    async def decide(tx: Transaction) -> None:
        found = await store.get(tx, payment["paymentId"], lock=True)
        assert found is not None
        told = ProviderDispute(id=dispute_id, amount_minor=100, status=status)
        answer = Answer(state="completed", evidence="query", disputes=(told,))
        await follow(tx, found, provider(found.provider_account_id or ""), answer, SYSTEM_ID)

    await world.app.db.transaction(world.home.id, decide)


async def test_a_disputed_payment_is_not_refunded_until_the_dispute_is_decided(world: World) -> None:
    payment, dispute_id = await paid_by(world, "payconic_card"), new_id()
    await told_of_dispute(world, payment, "open", dispute_id)

    refused = [
        await refund(world, payment),
        await refund(world, payment, amount=1),
        await refund(world, payment, destination="credit"),
        await world.call("POST", f"/payments/{payment['paymentId']}/refunds/preview", "manager", {}),
    ]
    during = await world.payment(payment["paymentId"])
    await told_of_dispute(world, payment, "won", dispute_id)
    after = await refund(world, payment)

    assert {(answer.status, answer.body["code"]) for answer in refused} == {(422, "payment_disputed")}
    assert during["refundableAmount"] == 0
    assert (after.status, after.body["status"]) == (201, "completed")
    assert (await charge_of(world, payment))["refunded"] == 480


async def test_of_an_order_with_a_disputed_payment_only_the_others_go_back(world: World) -> None:
    paid, dispute_id = await paid_by_three(world), new_id()
    await told_of_dispute(world, paid["card"], "open", dispute_id)

    too_much, seen = await preview(world, paid, amount=600), (await preview(world, paid)).body
    path = f"/orders/{paid['card']['orderId']}/status"
    cancelled = await world.call("POST", path, "manager", {"status": "cancelled"}, key=new_id())
    nothing_else = await refund_order(world, paid)
    await told_of_dispute(world, paid["card"], "won", dispute_id)
    rest = (await refund_order(world, paid)).body

    assert (too_much.status, too_much.body["code"]) == (422, "payment_disputed")
    assert named(paid, seen["refunds"]) == {"credit": (350, 50, 350), "cash": (183, 0, 185)}
    assert (cancelled.status, cancelled.body["status"]) == (200, "cancelled")
    assert nothing_else.body["code"] == "payment_disputed"
    assert named(paid, rest["refunds"]) == {"card": (537, 60, 537)}
    assert (await order_of(world, paid["card"]))["paymentStatus"] == "refunded"
