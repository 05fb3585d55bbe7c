"""`tabletap streams restart`: what a restored backup needs before screens come back."""

from tabletap import tables  # noqa: F401 - importing the tables fills the metadata
from tabletap.cafes import store as cafes_store
from tabletap.cafes.errors import CafeNotFound
from tabletap.cli.console import say
from tabletap.cli.running import begin_logs
from tabletap.infra import streams
from tabletap.infra.broker import MemoryBroker
from tabletap.infra.db.open import AnyDatabase, open_database
from tabletap.infra.db.revision import require_current
from tabletap.infra.db.transaction import Reader
from tabletap.infra.settings import load_settings
from tabletap.kernel.clock import SystemClock
from tabletap.kernel.ids import Id, is_id
from tabletap.ledger.audit import store as audit_store
from tabletap.reactions import follow

_CAFES_AT_ONCE = 100
_BEFORE_ALL: Id = "00000000-0000-0000-0000-000000000000"


async def restart_streams(cafe_id: Id | None) -> None:
    """Begin new epochs in the streams of a cafe, or of all of them. Raises CafeNotFound, DatabaseAway."""
    settings = load_settings()
    begin_logs(settings, quiet=True)
    await require_current(settings.database_url)
    db = open_database(settings.database_url, SystemClock(), follow, MemoryBroker().publish, 1)
    await db.start()
    try:
        cafes = await _every_cafe(db) if cafe_id is None else [await _known(db, cafe_id)]
        for cafe in cafes:
            epoch = await db.transaction(cafe, streams.restart, lock=True)
            say(f"Cafe {cafe}: every stream begins epoch {epoch}; screens take a snapshot when they come back.")
    finally:
        await db.stop()


async def _known(db: AnyDatabase, cafe_id: Id) -> Id:
    cafe = await db.read(cafe_id, lambda reader: cafes_store.get_cafe(reader, cafe_id)) if is_id(cafe_id) else None
    if cafe is None:
        raise CafeNotFound
    return cafe.cafe_id


async def _every_cafe(db: AnyDatabase) -> list[Id]:
    found: list[Id] = []
    after = _BEFORE_ALL

    async def look(reader: Reader) -> list[Id]:
        return await audit_store.cafes_after(reader, after, _CAFES_AT_ONCE)

    while page := await db.across_cafes(look):
        found, after = found + page, page[-1]
    return found
