"""Sealing in the background and signing the end of the chain once a day (money.md, "Cash, day close, audit")."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta

from tabletap.cafes import store as cafes_store
from tabletap.cafes.business_day import business_day_of
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Duplicate, Reader, Transaction
from tabletap.infra.paging import Page, page_of
from tabletap.infra.secrets import Sealer
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Actor
from tabletap.ledger.audit import signing, store
from tabletap.ledger.audit.keys import SigningKeys
from tabletap.ledger.audit.model import (
    NOTHING,
    Chain,
    Head,
    KeysView,
    Row,
    SignedHead,
    head_bytes,
    keys_view,
    next_seals,
    signed_head,
)

_MOST_AT_ONCE = 128
"""Seals of one transaction. They come in powers of two, so that few shapes of statement are ever prepared."""
_SLICE = 2000
"""Keys that are looked at in one go: SQLite answers on the thread that serves guests."""
_RECENT = timedelta(hours=1)
_CAFES_AT_ONCE = 100


async def seal(db: AnyDatabase, cafe_id: Id, *, since: timedelta | None = None) -> int:
    """Seal every row of the cafe's books that is not sealed yet, and answer how many that were.

    Rows are found by what no seal names, so one that was committed late, with an id older than what is sealed already,
    is never missed. `since`: only rows with ids as young as that, which is quick. Safe to repeat and to run from
    several processes at once: a row is sealed once. It holds no lock but the chain's own, in batches.
    """
    floor = store.FIRST_ID if since is None else _id_before(since)
    sources = await db.read(cafe_id, lambda reader: store.with_rows(reader, floor))
    await asyncio.sleep(0)
    return sum([await _seal_source(db, cafe_id, source, floor) for source in sources])


async def _seal_source(db: AnyDatabase, cafe_id: Id, source: str, floor: Id) -> int:
    done, after = 0, floor
    while after < store.LAST_ID:
        upto, rows = await _slice(db, cafe_id, source, after)
        while rows:
            done += await _append(db, cafe_id, rows[: 1 << (len(rows).bit_length() - 1)])
            _, rows = await _slice(db, cafe_id, source, after)
        after = upto
        await asyncio.sleep(0)
    return done


async def _slice(db: AnyDatabase, cafe_id: Id, source: str, after: Id) -> tuple[Id, list[Row]]:
    """Where a slice of a table ends, and what is not sealed in it."""

    async def look(reader: Reader) -> tuple[Id, list[Row]]:
        upto = await store.boundary(reader, source, after, _SLICE)
        return upto, await store.unsealed(reader, source, after, upto, _MOST_AT_ONCE)

    return await db.read(cafe_id, look)


async def _append(db: AnyDatabase, cafe_id: Id, rows: list[Row]) -> int:
    async def decide(tx: Transaction) -> int:
        known = await store.chain(tx, lock=True)
        chain = known or Chain(cafe_id, 0, NOTHING)
        store.append(tx, chain, next_seals(chain, rows, tx.now), is_new=known is None)
        return len(rows)

    try:
        return await db.transaction(cafe_id, decide, lock=True)
    except Duplicate:
        return 0  # another process sealed some of them just now: look again


def _id_before(since: timedelta) -> Id:
    """The smallest id of so long ago: ids begin with the milliseconds since 1970 (RFC 9562, section 5.7)."""
    fresh = new_id().replace("-", "")
    stamp = max(0, int(fresh[:12], 16) - int(since.total_seconds() * 1000))
    return f"{stamp:012x}"[:8] + "-" + f"{stamp:012x}"[8:] + store.FIRST_ID[13:]


class AuditService:
    """Seals, signs, and shows what was signed."""

    def __init__(self, db: AnyDatabase, sealer: Sealer) -> None:
        self.db, self.signing_keys = db, SigningKeys(db, sealer)

    async def close_day(self, cafe_id: Id, business_day: date) -> SignedHead:
        """Seal everything there is and sign the end of the chain for a business day: what a day close calls last.

        Call it after the day close's own row is committed, so that it is sealed, too. Safe to repeat: when nothing was
        sealed since, the day's head is answered as it is; otherwise the day gets one more.
        """
        await seal(self.db, cafe_id)
        return await self.sign(cafe_id, business_day)

    async def sign(self, cafe_id: Id, business_day: date) -> SignedHead:
        """Sign what is sealed so far as the head of a business day. Safe to repeat, as `close_day`."""
        key, private_key = await self.signing_keys.current(cafe_id)
        day = business_day.isoformat()

        async def decide(tx: Transaction) -> Head:
            chain = await store.chain(tx, lock=True) or Chain(cafe_id, 0, NOTHING)
            last = await store.head_of(tx, day)
            if last is not None and last.seq == chain.seq:
                return last
            n = last.n + 1 if last is not None else 1
            bare = Head(cafe_id, new_id(), day, n, chain.seq, chain.hash, key.key_id, b"", tx.now)
            signature = signing.signature_of(private_key, head_bytes(bare))
            head = Head(cafe_id, bare.id, day, n, chain.seq, chain.hash, key.key_id, signature, tx.now)
            store.add_head(tx, head)
            return head

        return signed_head(await self.db.transaction(cafe_id, decide, lock=True))

    async def heads(self, by: Actor, limit: int, cursor: str | None) -> Page[SignedHead]:
        """The signed heads, the last first. Raises InvalidRequest for a bad limit or cursor."""

        async def look(reader: Reader) -> Page[SignedHead]:
            return await page_of(
                lambda before, count: store.heads_page(reader, before, count),
                limit,
                cursor,
                key=lambda head: head.id,
                view=signed_head,
            )

        return await self.db.read(by.cafe_id, look)

    async def keys(self, by: Actor) -> KeysView:
        """The public keys that heads are checked with."""
        return keys_view(await self.db.read(by.cafe_id, store.keys))

    async def seal_recent(self) -> None:
        """Seal what every cafe did in the last hour: each minute, in the background."""
        async for cafe_id in self._cafes():
            await seal(self.db, cafe_id, since=_RECENT)

    async def sweep(self) -> None:
        """Seal whatever every cafe has left, and sign the days that ended without a day close. Safe to repeat."""
        async for cafe_id in self._cafes():
            await seal(self.db, cafe_id)
            await self._sign_last_day(cafe_id)

    async def _sign_last_day(self, cafe_id: Id) -> None:
        """The business day before the present one, unless it has a head or nothing was sealed yet."""

        async def ended(reader: Reader) -> date | None:
            cafe = await cafes_store.get_cafe(reader, cafe_id)
            if cafe is None or await store.chain(reader) is None:
                return None
            today = business_day_of(cafe, reader.now)
            day = business_day_of(cafe, today.starts_at - timedelta(seconds=1)).date
            return day if await store.head_of(reader, day.isoformat()) is None else None

        day = await self.db.read(cafe_id, ended)
        if day is not None:
            await self.sign(cafe_id, day)

    async def _cafes(self) -> AsyncIterator[Id]:
        after = store.FIRST_ID
        while found := await self._cafes_after(after):
            for cafe_id in found:
                yield cafe_id
            after = found[-1]

    async def _cafes_after(self, after: Id) -> list[Id]:
        return await self.db.across_cafes(lambda reader: store.cafes_after(reader, after, _CAFES_AT_ONCE))
