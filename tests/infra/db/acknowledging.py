"""Writes many at once and says what is committed, until it is killed.

Started as `python -m tests.infra.db.acknowledging DATABASE_URL ROUND`;
every line it prints is a business day whose row was acknowledged.
"""

import asyncio
import os
import sys

import tabletap.tables  # noqa: F401  # fills the metadata
from tabletap.infra.db.open import AnyDatabase, open_database
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.clock import SystemClock
from tabletap.kernel.events import Event, Fact
from tabletap.kernel.ids import new_id
from tabletap.orders.store import OrderCounter, order_counter

CAFE = "01937b1c-0000-7000-8000-000000000001"
STREAM = "order:1"
WRITERS = 16


async def write_on(db: AnyDatabase, name: str) -> None:
    number = 0
    while True:
        number += 1
        day = f"{name}-{number}"

        async def decide(tx: Transaction, day: str = day) -> None:
            tx.add(order_counter, OrderCounter(CAFE, day, 1))
            data = f'{{"day":"{day}"}}'.encode()
            tx.tell(
                Event(
                    cafe_id=CAFE, stream=STREAM, name="told", data=data, event_id=new_id(), cause_id=tx.cause_id,
                    at=tx.now,
                )
            )  # fmt: skip

        await db.transaction(CAFE, decide)
        os.write(1, f"{day}\n".encode())


async def work(url: str, round_: str) -> None:
    db = open_database(url, SystemClock(), _follow, _publish)
    await db.start()
    await asyncio.gather(*(write_on(db, f"{round_}-{writer}") for writer in range(WRITERS)))


async def _follow(_: Transaction, __: Fact) -> None:
    """No reactions."""


def _publish(_: list[Event]) -> None:
    """Nobody listens."""


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2]))
