"""A file from a bank: read whole, then matched. The way in for HTTP and for the command line."""

import asyncio
import io

import msgspec

from tabletap.infra.db.open import AnyDatabase
from tabletap.kernel.people import Actor, Role
from tabletap.payments.gateways.gateway import Gateways
from tabletap.reconciliation.importing import ImportService, Progress
from tabletap.reconciliation.model import Statement
from tabletap.reconciliation.readers.camt import read_camt
from tabletap.reconciliation.readers.errors import StatementUnreadable
from tabletap.reconciliation.readers.mt940 import read_mt940
from tabletap.reconciliation.readers.ofx import read_ofx
from tabletap.reconciliation.views import ImportReport


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """A file and what somebody says of it."""

    content: bytes
    account: str | None = None
    dry_run: bool = False


class StatementService:
    """Files from banks."""

    def __init__(self, db: AnyDatabase, gateways: Gateways) -> None:
        self.db, self.importing = db, ImportService(db, gateways)

    async def take_in(self, upload: Upload, by: Actor, progress: Progress | None = None) -> ImportReport:
        """Read a file and match its lines: all of it, or nothing if the file is damaged or does not add up.

        Safe to repeat: the same file changes nothing more. Raises StatementUnreadable, StatementBalanceWrong,
        StatementAccountUnknown, StatementCurrency, CafeNotFound, NotAllowed.
        """
        by.require(Role.MANAGER)

        statements = await asyncio.to_thread(_read, upload.content)
        return await self.importing.take_in(
            upload.content, statements, by, account=upload.account, dry_run=upload.dry_run, progress=progress
        )


def _read(content: bytes) -> tuple[Statement, ...]:
    start, source = content[:4096].decode("latin-1").lstrip("\ufeff \r\n\t"), io.BytesIO(content)
    if "OFXHEADER" in start or "<OFX>" in start:
        return tuple(read_ofx(source))
    if start.startswith(("<", "\xef\xbb\xbf<")):
        return tuple(read_camt(source))
    if ":20:" in start:
        return tuple(read_mt940(source))
    raise StatementUnreadable
