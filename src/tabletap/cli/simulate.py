"""`tabletap demo --simulate-days N`: days of trade in simulated time, each of them closed, and the books verified."""

import random
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import aiohttp
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tabletap.app import App
from tabletap.cafes.business_day import business_day
from tabletap.cafes.errors import CafeNotFound
from tabletap.cafes.model import ChangeSettings
from tabletap.cli.books import Audit, audited
from tabletap.cli.console import console, say, table
from tabletap.cli.folder import Folder, held_folder
from tabletap.cli.furnishing import (
    CURRENCY,
    DEMO_MENU,
    STAFF,
    TIME_ZONE,
    Furnished,
    Wanted,
    furnish,
    open_provider_account,
)
from tabletap.cli.running import begin_logs
from tabletap.cli.setting_up import read_menu
from tabletap.cli.trade.bank import Bank
from tabletap.cli.trade.clock import SimulatedClock
from tabletap.cli.trade.day import Dispute, Trade
from tabletap.cli.upkeep import prepare
from tabletap.infra.settings import Settings, load_settings
from tabletap.kernel.clock import SystemClock
from tabletap.kernel.errors import Kind, Refusal
from tabletap.kernel.ids import Id
from tabletap.kernel.money import format_major
from tabletap.kernel.people import system
from tabletap.sandbox import RunningSandbox, start_sandbox
from tabletap.till.days.model import DayReport, DayView

GUESTS_A_DAY = 20
_OPENING_TIME = time(6)
_CASH_ROUNDING = 5
_TABLES = 6

Tick = Callable[[], None]
"""A day is over."""


class FolderHasBooks(Refusal):
    """There is a cafe in this data folder already, and its books are its own."""

    code, kind = "data_folder_has_books", Kind.CONFLICT


class Simulation(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be simulated."""

    days: int
    seed: int = 1
    guests: int = GUESTS_A_DAY
    """How many come on a day, more or less."""


class Simulated(msgspec.Struct, frozen=True):
    """Days that went by."""

    cafe_id: Id
    days: list[DayView]
    orders: int
    audit: Audit


async def run_simulation(wanted: Simulation, data: Path | None = None, menu: Path | None = None) -> None:
    """Simulate, print a line a day, verify the books. Raises FolderHasBooks, BooksDisagree and what is in the way."""
    settings = load_settings(data_dir=data or _fresh(load_settings().data_dir))
    begin_logs(settings, quiet=True)
    with _bar() as bar:
        task = bar.add_task("Trading", total=wanted.days)
        done = await simulated(settings, wanted, menu or DEMO_MENU, lambda: bar.advance(task))
    _print(done)
    done.audit.require_in_order()
    say("")
    say(f"{len(done.days)} days were closed, with {done.orders} orders. {done.audit}")
    say(f"The cafe is {done.cafe_id}, its data in {settings.data_dir}: `tabletap demo --data {settings.data_dir}`.")


def _fresh(folder: Path) -> Path:
    """A folder for this simulation alone, beside the demo's own data."""
    taken = {path.name for path in folder.glob("simulation-*")}
    return folder / next(name for number in range(1, len(taken) + 2) if (name := f"simulation-{number}") not in taken)


def _bar() -> Progress:
    """On stderr: what is printed on stdout is the result alone."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


async def simulated(
    settings: Settings, wanted: Simulation, menu: Path = DEMO_MENU, tick: Tick | None = None
) -> Simulated:
    """Days of trade up to yesterday, in a new cafe. Raises FolderHasBooks, and whatever a service refuses."""
    first = SystemClock().now().astimezone(ZoneInfo(TIME_ZONE)).date() - timedelta(days=wanted.days)
    clock = SimulatedClock(datetime.combine(first, _OPENING_TIME, ZoneInfo(TIME_ZONE)))
    with held_folder(settings.data_dir) as folder:
        folder.save()
        await prepare(settings.database_url)
        async with _opened(settings, folder, clock) as (app, sandbox, session):
            home = await _furnished(app, folder, menu, sandbox)
            chance = random.Random(wanted.seed)  # noqa: S311 - what guests fancy is no secret
            trade = Trade(app, clock, chance, home, _bank_of(home), _dispute_at(session, sandbox))
            days = []
            for number in range(wanted.days):
                guests = chance.randint(wanted.guests * 3 // 4, wanted.guests * 5 // 4)
                days.append(await trade.day(business_day(home.cafe, first + timedelta(days=number)), guests))
                if tick is not None:
                    tick()
            return Simulated(home.cafe.cafe_id, days, trade.orders, await audited(app.db, home.cafe.cafe_id))


@asynccontextmanager
async def _opened(
    settings: Settings, folder: Folder, clock: SimulatedClock
) -> AsyncIterator[tuple[App, RunningSandbox, aiohttp.ClientSession]]:
    """The app with nothing around it, and a sandbox that approves every payment and calls nobody back."""
    sandbox = await start_sandbox(folder.sandbox_state, (folder.kept.account,), clock=clock)
    try:
        async with aiohttp.ClientSession() as session:
            await _control(session, sandbox, "/mode", {"autoApprove": True, "webhooks": False})
            app = App(settings, settings.jwt_secret or folder.kept.jwt_secret, clock=clock)
            try:
                await app.open()
                yield app, sandbox, session
            finally:
                await app.stop()
                await _control(session, sandbox, "/mode", {"autoApprove": False, "webhooks": True})
    finally:
        await sandbox.stop()


async def _control(session: aiohttp.ClientSession, sandbox: RunningSandbox, path: str, body: object) -> None:
    async with session.post(f"{sandbox.control_url}{path}", json=body) as answer:
        answer.raise_for_status()


def _dispute_at(session: aiohttp.ClientSession, sandbox: RunningSandbox) -> Dispute:
    async def dispute(payment_id: Id, won: bool | None) -> None:
        path = f"/payments/{payment_id}/dispute"
        if won is None:
            await _control(session, sandbox, path, {"reason": "Never been there"})
        else:
            await _control(session, sandbox, f"{path}/close", {"outcome": "won" if won else "lost"})

    return dispute


async def _furnished(app: App, folder: Folder, menu: Path, sandbox: RunningSandbox) -> Furnished:
    """A new cafe that takes cash to five cents. Raises FolderHasBooks and MenuFileRefused."""
    kept = folder.kept
    try:
        await app.services.cafes.get(kept.cafe_id)
    except CafeNotFound:
        pass
    else:
        raise FolderHasBooks(f"There is a cafe in {folder.path} already; choose a new folder with --data.")
    home = await furnish(app, Wanted(
        cafe_id=kept.cafe_id, name="The Corner Cup", mail_domain="demo.example", tables=_TABLES, staff=STAFF,
        password=kept.password, menu=read_menu(menu, CURRENCY),
    ))  # fmt: skip
    rounding = msgspec.convert({"cashRoundingAmount": _CASH_ROUNDING}, ChangeSettings)
    await app.services.cafes.change_settings(rounding, system(kept.cafe_id))
    await open_provider_account(app, kept.cafe_id, sandbox.url, kept.account, "test")
    return msgspec.structs.replace(home, cafe=await app.services.cafes.get(kept.cafe_id))


def _bank_of(home: Furnished) -> Bank:
    details = home.cafe.bank_details or {}
    return Bank(f"{details.get('bsb', '')}{details.get('accountNumber', '')}", home.cafe.currency)


# --- what is printed ------------------------------------------------------------------------


def _print(done: Simulated) -> None:
    shown = table("", "Z", "day", "payments", "taken", "refunded", "tips", "cash difference", "open", "signed head")
    for column in shown.columns[2:8]:
        column.justify = "right"
    for day in done.days:
        shown.add_row(*_row(day))
    console().print(shown)


def _row(day: DayView) -> tuple[str, ...]:
    report, head = day.report, day.signature
    taken = report.figures.get("payments", {}).values()
    count = sum(each.get("count", 0) for each in taken)
    amount, tips = (sum(each.get(name, 0) for each in taken) for name in ("amount", "tips"))
    back = sum(
        each.get("amount", 0) for method in report.figures.get("refunds", {}).values() for each in method.values()
    )
    difference = sum(each.difference_amount for each in report.drawers)
    return (
        str(report.z_number), report.business_day, str(count), _money(amount + tips, report), _money(back, report),
        _money(tips, report), _money(difference, report), str(len(report.open_items)),
        f"{head.seq} {head.hash[:16]}" if head is not None else "",
    )  # fmt: skip


def _money(amount_minor: int, report: DayReport) -> str:
    return format_major(amount_minor, report.currency)
