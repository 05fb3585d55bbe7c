"""`python -m bench.reconciliation`: time and memory of matching a bank statement, by its number of lines.

Each size runs in a process of its own, on a fresh SQLite database with as many awaited transfers as half the lines: 40
in 100 lines pay exactly, 5 less, 5 more, 10 carry no reference but the amount of something awaited, 40 are unknown.
"""

import argparse
import asyncio
import io
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from tabletap.app import App
from tabletap.cafes.menu_file import parse_menu
from tabletap.cafes.model import ChangeSettings
from tabletap.infra.db.migrate import migrate
from tabletap.infra.settings import Settings
from tabletap.kernel.money import format_major
from tabletap.kernel.people import Actor, system
from tabletap.orders.model import Line, PlaceOrder
from tabletap.payments.service import StartPayment
from tabletap.reconciliation.importing import ImportService
from tabletap.reconciliation.readers.camt import read_camt

IBAN = "NL41MOCK0000000001"
DAY = "2026-11-20"
_TOGETHER = 64
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">'
    "<BkToCstmrStmt><GrpHdr><MsgId>BENCH</MsgId><CreDtTm>2026-11-21T00:00:00Z</CreDtTm></GrpHdr><Stmt><Id>BENCH</Id>"
    f"<CreDtTm>2026-11-21T00:00:00Z</CreDtTm><Acct><Id><IBAN>{IBAN}</IBAN></Id><Ccy>EUR</Ccy></Acct>"
)
_TAIL = "</Stmt></BkToCstmrStmt></Document>"


class Cost(msgspec.Struct):
    """What one size came to."""

    lines: int
    file_bytes: int
    read_seconds: float
    match_seconds: float
    match_cpu_seconds: float
    again_seconds: float
    peak_mib: float
    """Of the whole process, the seeding of the database included."""
    base_mib: float
    """Before the file was read."""
    tally: dict[str, Any]


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _balance(code: str, minor: int) -> str:
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{format_major(minor, "EUR")}</Amt>'
        f"<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{DAY}</Dt></Dt></Bal>"
    )


def _entry(number: int, minor: int, text: str) -> str:
    amount = f'<Amt Ccy="EUR">{format_major(minor, "EUR")}</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
    return (
        f"<Ntry>{amount}<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{DAY}</Dt></BookgDt><ValDt><Dt>{DAY}</Dt></ValDt>"
        f"<AcctSvcrRef>B{number}</AcctSvcrRef><BkTxCd><Prtry><Cd>X</Cd></Prtry></BkTxCd><NtryDtls><TxDtls><Refs>"
        f"<EndToEndId>NOTPROVIDED</EndToEndId></Refs>{amount}<RltdPties><Dbtr><Pty><Nm>Payer {number}</Nm></Pty></Dbtr>"
        f"</RltdPties><RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
    )


def statement(lines: list[tuple[int, str]]) -> bytes:
    """A camt.053 of these amounts and texts."""
    total = sum(minor for minor, _ in lines)
    entries = [_entry(number, minor, text) for number, (minor, text) in enumerate(lines, 1)]
    return "".join([_HEAD, _balance("OPBD", 0), _balance("CLBD", total), *entries, _TAIL]).encode()


async def _cafe(app: App) -> Actor:
    cafe = await app.services.cafes.create("Bench", "EUR", "Europe/Brussels")
    by = system(cafe.cafe_id)
    details = {"bankDetails": {"accountName": "Bench", "iban": IBAN}}
    await app.services.cafes.change_settings(msgspec.convert(details, ChangeSettings), by)
    await app.services.cafes.replace_menu(
        parse_menu("menu.csv", b"name,price,category\nCoffee,2.40,Drinks\n", "EUR"), by
    )
    return by


async def _awaited(app: App, by: Actor, count: int) -> list[tuple[str, int]]:
    menu = await app.services.cafes.menu(by.cafe_id)
    coffee = menu.categories[0].items[0].id

    async def one(number: int) -> tuple[str, int]:
        order = PlaceOrder(items=(Line(menu_item_id=coffee, quantity=1 + number % 40),))
        placed = await app.services.orders.place(order, by)
        started = await app.services.payments.start(StartPayment(order_id=placed.id, method="qr_bank_transfer"), by)
        assert started.value.qr is not None
        return started.value.qr.reference, started.value.total_amount

    found: list[tuple[str, int]] = []
    while len(found) < count:
        numbers = range(len(found), min(count, len(found) + _TOGETHER))
        found += await asyncio.gather(*(one(number) for number in numbers))
    return found


def _sent(wanted: list[tuple[str, int]], count: int) -> list[tuple[int, str]]:
    lines = []
    for number, (reference, minor) in enumerate(wanted):
        difference = {0: -1, 1: 1}.get(number % 10, 0)
        lines.append((minor + difference, f"Thank you {reference}"))
    while len(lines) < count:
        number = len(lines)
        lines.append((240 * (1 + number % 40), "coffee") if number % 5 == 0 else (1_000_001 + number, "something else"))
    return lines


async def cost_of(count: int, folder: Path) -> Cost:
    """Seed a database, then read, match, and match again."""
    url = f"sqlite:///{folder / 'bench.db'}"
    await migrate(url)
    app = App(Settings(database_url=url), "b" * 48)
    await app.db.start()
    try:
        by = await _cafe(app)
        file = statement(_sent(await _awaited(app, by, count // 2), count))
        base, service = _peak_mib(), ImportService(app.db, app.gateways)
        started = time.perf_counter()
        statements = tuple(read_camt(io.BytesIO(file)))
        read, cpu = time.perf_counter(), time.process_time()
        report = await service.take_in(file, statements, by)
        matched, cpu = time.perf_counter(), time.process_time() - cpu
        again = await service.take_in(file, statements, by)
        done = time.perf_counter()
        assert (again.new_lines, report.new_lines) == (0, count)
    finally:
        await app.gateways.close()
        await app.db.stop()
    tally = msgspec.to_builtins(report.tally)
    return Cost(count, len(file), read - started, matched - read, cpu, done - matched, _peak_mib(), base, tally)


async def _one(count: int) -> Cost:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        return await cost_of(count, Path(folder))


async def _apart(count: int) -> Cost:
    """In a process of its own: its peak of memory is of nobody else."""
    arguments = (sys.executable, "-m", "bench.reconciliation", "--one", str(count))
    process = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    return msgspec.json.decode(said, type=Cost)


def main() -> None:
    """Measure each size and print a table."""
    parser = argparse.ArgumentParser(prog="bench.reconciliation", description=__doc__)
    parser.add_argument("--lines", nargs="+", type=int, default=[1_000, 10_000, 100_000])
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one is not None:
        sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(_one(asked.one))))
        return
    table = Table(
        "lines",
        "file MiB",
        "read s",
        "match s",
        "CPU s",
        "CPU ms/line",
        "again s",
        "MiB before",
        "MiB peak",
        "KiB/line",
    )
    for count in asked.lines:
        cost = asyncio.run(_apart(count))
        per_line = 1000 * cost.match_cpu_seconds / count
        kib_per_line = 1024 * (cost.peak_mib - cost.base_mib) / count
        table.add_row(
            f"{count:,}", f"{cost.file_bytes / 2**20:.1f}", f"{cost.read_seconds:.2f}", f"{cost.match_seconds:.2f}",
            f"{cost.match_cpu_seconds:.2f}", f"{per_line:.2f}", f"{cost.again_seconds:.2f}", f"{cost.base_mib:.0f}",
            f"{cost.peak_mib:.0f}", f"{kib_per_line:.1f}",
        )  # fmt: skip
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
