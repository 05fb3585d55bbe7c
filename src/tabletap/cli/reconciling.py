"""`tabletap reconcile`: match a bank statement with what is awaited, and print what came of it."""

import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tabletap.cli.console import console, say, table
from tabletap.cli.setting_up import office
from tabletap.kernel.errors import Refusal
from tabletap.kernel.ids import Id
from tabletap.kernel.money import format_major
from tabletap.kernel.people import system
from tabletap.reconciliation.uploading import Upload
from tabletap.reconciliation.views import Count, ImportReport

MAX_BYTES = 256 * 1024 * 1024
"""Far more than an upload may have: a year of a busy account."""


class StatementFileUnusable(Refusal):
    """The statement file cannot be read."""

    code = "statement_file_unusable"


async def reconcile(path: Path, cafe_id: Id, account: str | None, *, dry_run: bool) -> None:
    """Take a statement in and print what became of its lines. Raises what reading and matching refuse."""
    content = _read(path)
    async with office() as app:
        cafe = await app.services.cafes.get(cafe_id)
        upload = Upload(content=content, account=account, dry_run=dry_run)
        with _bar() as bar:
            task = bar.add_task("Matching", total=None)
            report = await app.services.bank_statements.take_in(
                upload, system(cafe_id), lambda done, of: bar.update(task, completed=done, total=of)
            )
    _print(report, cafe.currency)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise StatementFileUnusable(f"{path} is larger than {MAX_BYTES // 1024 // 1024} MiB.")
        return path.read_bytes()
    except OSError as error:
        raise StatementFileUnusable(f"{path} cannot be read: {error.strerror}.") from None


def _bar() -> Progress:
    """On stderr: what is printed on stdout is the result alone."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def _print(report: ImportReport, currency: str) -> None:
    for each in report.statements:
        opening, closing = (
            format_major(balance, currency) if balance is not None else "?"
            for balance in (each.opening_balance, each.closing_balance)
        )
        name = each.statement_id or "without a name"
        say(f"Statement {name} of account {each.account or '(not named)'}: {each.line_count} lines, "
            f"{opening} to {closing} {currency}.")  # fmt: skip
    tally = report.tally
    rows: list[tuple[str, Count]] = [
        ("matched", tally.matched),
        ("partly paid", tally.partly_paid),
        ("overpaid", tally.overpaid),
        ("suggested", tally.suggested),
        ("suspense", tally.suspense),
    ]
    shown = table("", "", "lines", currency)
    for column in shown.columns[1:]:
        column.justify = "right"
    for name, count in rows:
        shown.add_row(name, str(count.lines), format_major(count.amount, currency))
    shown.add_section()
    shown.add_row("new lines", str(tally.lines), format_major(tally.amount_minor, currency))
    console().print(shown)
    if report.dry_run:
        say("This was a dry run: nothing was changed.")
    elif report.already_imported:
        say("This file was taken in before: nothing was changed.")
    elif report.known_lines:
        say(f"{report.known_lines} lines were known already and were left as they are.")
    waiting = tally.suggested.lines + tally.suspense.lines + tally.overpaid.lines
    if waiting and not report.dry_run:
        say(f"{waiting} lines wait for a person: GET /bank-lines?status=suggested, suspense or overpaid.")
