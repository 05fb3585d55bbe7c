"""A file from a bank: read whole, then matched. The way in for HTTP and for the command line."""

import asyncio
from datetime import datetime

import msgspec

from tabletap.cafes import store as cafes
from tabletap.cafes.errors import CafeNotFound
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.kernel.people import Actor, Role
from tabletap.payments.gateways.gateway import Gateways
from tabletap.reconciliation import store
from tabletap.reconciliation.importing import ImportService, Progress
from tabletap.reconciliation.readers.csv_mapping import CsvMapping
from tabletap.reconciliation.readers.reading import read
from tabletap.reconciliation.records import CsvMappingRow
from tabletap.reconciliation.views import ImportReport


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """A file and what somebody says of it."""

    content: bytes
    account: str | None = None
    dry_run: bool = False


class MappingView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """How a cafe's bank writes its CSV files."""

    mapping: CsvMapping | None = None
    updated_at: datetime | None = None


class StatementService:
    """Files from banks."""

    def __init__(self, db: AnyDatabase, gateways: Gateways) -> None:
        self.db, self.importing = db, ImportService(db, gateways)

    async def take_in(self, upload: Upload, by: Actor, progress: Progress | None = None) -> ImportReport:
        """Read a file and match its lines: all of it, or nothing if the file is damaged or does not add up.

        Safe to repeat: the same file changes nothing more. Raises StatementUnreadable, StatementBalanceWrong,
        StatementMappingNeeded, StatementAccountUnknown, StatementCurrency, CafeNotFound, NotAllowed.
        """
        by.require(Role.MANAGER)

        async def look(reader: Reader) -> tuple[str, CsvMapping | None]:
            cafe = await cafes.get_cafe(reader, reader.cafe_id)
            if cafe is None:
                raise CafeNotFound
            return cafe.currency, _mapping_of(await store.mapping(reader))

        currency, mapping = await self.db.read(by.cafe_id, look)
        statements = await asyncio.to_thread(
            read, upload.content, mapping=mapping, currency=currency, account=upload.account
        )
        return await self.importing.take_in(
            upload.content, statements, by, account=upload.account, dry_run=upload.dry_run, progress=progress
        )

    async def mapping(self, by: Actor) -> MappingView:
        """How the cafe's bank writes its CSV files; nothing in it while nobody said so. Raises NotAllowed."""
        by.require(Role.MANAGER)
        row = await self.db.read(by.cafe_id, store.mapping)
        return MappingView(mapping=_mapping_of(row), updated_at=row.updated_at if row else None)

    async def set_mapping(self, mapping: CsvMapping, by: Actor) -> MappingView:
        """Say how the cafe's bank writes its CSV files. Safe to repeat. Raises NotAllowed."""
        by.require(Role.MANAGER)

        async def decide(tx: Transaction) -> MappingView:
            before = await store.mapping(tx, lock=True)
            said = msgspec.to_builtins(mapping)
            version = before.version + 1 if before else 1
            after = CsvMappingRow(tx.cafe_id, said, version, by.person_id, tx.now)
            if before is None:
                tx.add(store.bank_csv_mapping, after, retry_on_duplicate=True)
            else:
                tx.save(store.bank_csv_mapping, before, after, ("cafe_id",), ("version",))
            return MappingView(mapping=mapping, updated_at=tx.now)

        return await self.db.transaction(by.cafe_id, decide)


def _mapping_of(row: CsvMappingRow | None) -> CsvMapping | None:
    return msgspec.convert(row.mapping, CsvMapping) if row is not None else None
