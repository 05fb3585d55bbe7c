"""What a row that is held keeps from others, and what it does not (PostgreSQL: on SQLite writers come in turn)."""

import asyncio
from pathlib import Path

import sqlalchemy as sa

from tabletap.cafes.store import cafe
from tabletap.infra.db.schema import param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import new_id
from tabletap.till.model import DrawerSession
from tabletap.till.store import drawer_session
from tests.infra.db.filled import fill
from tests.support.rows import MovedClock, fresh_database

CAFE = new_id()
_CAFE = Statement(sa.select(cafe.c.cafe_id).where(cafe.c.cafe_id == param("cafe_id")))


async def test_a_row_that_is_held_keeps_nobody_from_adding_rows_that_refer_to_it(
    tmp_path: Path, postgres_url: str
) -> None:
    held, referred = asyncio.Event(), asyncio.Event()

    async def hold(tx: Transaction) -> None:
        await tx.rows(_CAFE, {"cafe_id": CAFE}, True)
        held.set()
        await referred.wait()

    async def refer(tx: Transaction) -> None:
        opened = DrawerSession(
            CAFE, new_id(), "Bar", "open", "AUD", 0, 0, None, None, new_id(), tx.now, None, None, None, None, 1
        )
        tx.add(drawer_session, opened)

    async with fresh_database(tmp_path, postgres_url, MovedClock()) as db:
        await fill(db, CAFE)
        holding = asyncio.create_task(db.transaction(CAFE, hold, lock=True))
        await held.wait()
        try:
            async with asyncio.timeout(10):
                await db.transaction(CAFE, refer)
            assert not holding.done()
        finally:
            referred.set()
            await holding
