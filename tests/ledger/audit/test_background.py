"""The chain without anybody's doing: sealed by jobs, signed for days that nobody closed."""

from datetime import timedelta

import pytest

from tabletap.cafes.business_day import business_day_of
from tabletap.cli.books import audited
from tabletap.ledger.audit import store
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_every_minute_what_every_cafe_did_is_sealed(traded: World) -> None:
    paid = await traded.pay(await traded.order(), "customer_credit")
    assert paid.status == 201
    waiting = (await audited(traded.app.db, traded.home.id)).chain.unsealed

    await traded.app.audit.seal_recent()

    for cafe in (traded.home, traded.other):
        audit = await audited(traded.app.db, cafe.id)
        assert (audit.faults, audit.chain.unsealed) == ([], 0)
        assert audit.chain.seals > 0
    assert waiting > 0


async def test_a_day_that_nobody_closed_is_signed_when_it_is_over(traded: World) -> None:
    db, cafe = traded.app.db, traded.home.cafe
    traded.clock.ahead += timedelta(days=1)
    yesterday = business_day_of(cafe, traded.clock.now() - timedelta(days=1)).date.isoformat()

    await traded.app.audit.sweep()
    await traded.app.audit.sweep()

    heads = await db.read(cafe.cafe_id, store.heads)
    assert [head.business_day for head in heads if head.business_day == yesterday] == [yesterday]
    assert (await audited(db, cafe.cafe_id)).faults == []
