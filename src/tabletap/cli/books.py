"""`tabletap verify`: whether a cafe's books agree with themselves, with its payments, and with what was sealed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from tabletap.cafes import store as cafes_store
from tabletap.cafes.errors import CafeNotFound
from tabletap.cli.console import say
from tabletap.cli.running import begin_logs
from tabletap.credits.sums.checking import check as check_lots
from tabletap.infra.broker import MemoryBroker
from tabletap.infra.db.integrity import damage
from tabletap.infra.db.open import AnyDatabase, open_database
from tabletap.infra.db.revision import require_current
from tabletap.infra.db.transaction import Reader
from tabletap.infra.settings import Settings, load_settings
from tabletap.kernel.clock import SystemClock
from tabletap.kernel.errors import Kind, Refusal
from tabletap.kernel.ids import Id, is_id
from tabletap.ledger.audit.checking import ChainReport, check_chain
from tabletap.ledger.audit.export import ExportReport, ExportUnreadable, check_export, write_export
from tabletap.ledger.checking import check as check_ledger
from tabletap.orders.checking import check as check_tax
from tabletap.payments.books.checking import Counted, check_credit, check_history, check_payments
from tabletap.reactions import follow
from tabletap.reconciliation.checks import check as check_bank
from tabletap.till.days.service import check as check_days
from tabletap.till.service import check as check_drawers
from tabletap.tips.sharing.service import check as check_tips

Check = Callable[[Reader], Awaitable[list[str]]]
CHECKS: tuple[tuple[str, Check], ...] = (
    ("the ledger", check_ledger),
    ("credit", check_credit),
    ("the lots of credit", check_lots),
    ("the tax of orders", check_tax),
    ("the history of payments", check_history),
    ("the bank's lines", check_bank),
    ("the drawers", check_drawers),
    ("the closed days", check_days),
    ("the shares of tips", check_tips),
)
"""What is asked of each part of the books, by its name; a domain adds its own line."""
_MOST_FAULTS = 50


class BooksDisagree(Refusal):
    """The books do not agree."""

    code = "books_disagree"


class ExportExists(Refusal):
    """An export is written to a file that is not there yet."""

    code, kind = "export_exists", Kind.CONFLICT


class Audit(msgspec.Struct):
    """What was looked at and what was found."""

    orders: int = 0
    payments: int = 0
    faults: list[str] = []
    chain: ChainReport = msgspec.field(default_factory=lambda: ChainReport([]))
    exported: ExportReport | None = None

    def require_in_order(self) -> None:
        """Raise BooksDisagree, with every fault, unless there is none."""
        _require_none(self.faults)

    def __str__(self) -> str:
        waiting = f" {self.chain.unsealed} rows are not sealed yet." if self.chain.unsealed else ""
        return (
            "Every journal sums to zero, every balance equals its entries, no refund exceeds its payment: "
            f"{self.orders} orders, {self.payments} payments. "
            f"The audit chain is unbroken: seals: {self.chain.seals}, signed heads: {self.chain.heads}.{waiting}"
        )


def _require_none(faults: list[str]) -> None:
    if faults:
        more = f"; and {len(faults) - _MOST_FAULTS} more" if len(faults) > _MOST_FAULTS else ""
        raise BooksDisagree("The books disagree: " + "; ".join(faults[:_MOST_FAULTS]) + more + ".")


async def verify_cafe(cafe_id: Id, export: Path | None = None) -> None:
    """Check a cafe's books and say what was checked; write what was sealed to a file when asked to.

    Changes nothing in the database. Raises CafeNotFound, BooksDisagree and ExportExists.
    """
    settings = load_settings()
    begin_logs(settings, quiet=True)
    if export is not None and export.exists():  # noqa: ASYNC240 - before anything runs
        raise ExportExists(f"{export} is there already; name another file, or check this one without --cafe.")
    faults = await asyncio.to_thread(damage, settings.database_url)
    try:
        await require_current(settings.database_url)
        async with _opened(settings) as db:
            audit = await audited(db, cafe_id)
            if export is not None:
                audit.exported = await exported(db, cafe_id, export)
    except Refusal:
        _require_none(faults)
        raise
    except Exception as error:
        _require_none([*faults, f"the database cannot be read any further: {_reason(error)}"])
        raise
    _require_none([*faults, *(fault for fault in audit.faults if fault not in faults)])
    say(str(audit))
    if audit.exported is not None:
        say(f"{audit.exported} Check it anywhere with `tabletap verify --export {export}`.")


def verify_export(file: Path) -> None:
    """Check an exported file without any database. Raises ExportUnreadable and BooksDisagree."""
    try:
        with file.open("rb") as lines:
            report = check_export(lines)
    except OSError as error:
        raise ExportUnreadable(f"The file {file} cannot be read: {error.strerror}.") from None
    _require_none(report.faults)
    say(f"{report} Compare the key with the one on your day reports: {', '.join(report.key_ids) or 'none'}.")


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[AnyDatabase]:
    db = open_database(settings.database_url, SystemClock(), follow, MemoryBroker().publish, 1)
    await db.start()
    try:
        yield db
    finally:
        await db.stop()


async def audited(db: AnyDatabase, cafe_id: Id) -> Audit:
    """The state of a cafe's books at one moment. Raises CafeNotFound."""
    if not is_id(cafe_id):
        raise CafeNotFound

    async def look(reader: Reader) -> Audit:
        if await cafes_store.get_cafe(reader, cafe_id) is None:
            raise CafeNotFound
        audit, counted = Audit(), Counted()
        for name, check in CHECKS:
            audit.faults += await _tried(name, check(reader))
        audit.faults += await _tried("payments", check_payments(reader, counted))
        audit.faults += await _tried("the audit chain", _check_chain(reader, audit))
        audit.orders, audit.payments = counted.orders, counted.payments
        return audit

    return await db.read(cafe_id, look, consistent=True)


async def _check_chain(reader: Reader, audit: Audit) -> list[str]:
    audit.chain = await check_chain(reader)
    return audit.chain.faults


async def _tried(name: str, check: Awaitable[list[str]]) -> list[str]:
    """What a check says; that it cannot read its rows is a fault like any other."""
    try:
        return await check
    except Exception as error:  # noqa: BLE001 - bytes that were changed can be anything
        return [f"{name} cannot be checked: {_reason(error)}"]


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


async def exported(db: AnyDatabase, cafe_id: Id, file: Path) -> ExportReport:
    """Write everything sealed of a cafe to a file, which is there whole or not at all."""
    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("wb") as written:
            report = await db.read(cafe_id, lambda reader: write_export(reader, written.write), consistent=True)
        part.rename(file)
    except OSError as error:
        raise ExportUnreadable(f"The file {file} cannot be written: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)
    return report
