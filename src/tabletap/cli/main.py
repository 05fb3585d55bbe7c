"""The command line: what each command takes, and how refusals become one plain sentence and an exit code."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from tabletap import __version__
from tabletap.cafes.model import PaymentPolicy
from tabletap.cli import books, demo, notices, processes, reconciling, restarting, setting_up, simulate, upkeep
from tabletap.cli.console import complain, say
from tabletap.cli.provider import given_account
from tabletap.cli.running import run
from tabletap.infra.settings import load_settings
from tabletap.kernel.errors import Refusal
from tabletap.kernel.people import Role
from tabletap.sandbox import serve as serve_sandbox
from tabletap.webhooks.model import NoticeState

_DEBUG = "--debug"
app = typer.Typer(
    name="tabletap",
    help="Payments and live order flow for cafes and restaurants.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
cafe = typer.Typer(help="Set up a cafe.", no_args_is_help=True)
staff = typer.Typer(help="Set up who works there.", no_args_is_help=True)
menu = typer.Typer(help="Set up what there is to order.", no_args_is_help=True)
app.add_typer(cafe, name="cafe")
app.add_typer(staff, name="staff")
app.add_typer(menu, name="menu")
webhooks = typer.Typer(help="What payment providers told us.", no_args_is_help=True)
app.add_typer(webhooks, name="webhooks")
streams = typer.Typer(help="The numbered events of the live API.", no_args_is_help=True)
app.add_typer(streams, name="streams")

CafeId = Annotated[str, typer.Option("--cafe", help="The cafe's id, as `cafe create` printed it.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen at; 0 takes any that is free.")]


def main() -> None:
    """Run the command line and end the process: 0 done, 1 refused or failed, 2 wrong usage."""
    debug = _DEBUG in sys.argv
    arguments = [word for word in sys.argv[1:] if word != _DEBUG]
    try:
        app(args=arguments, prog_name="tabletap")
    except Refusal as refusal:
        complain(refusal.detail)
    except BrokenPipeError:
        sys.stderr.close()
    except Exception as error:
        if debug:
            raise
        complain(f"Something went wrong inside TableTap ({type(error).__name__}); {_DEBUG} shows where.")
    sys.exit(1)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"tabletap {__version__}")
        raise typer.Exit


@app.callback()
def every_command(
    debug: Annotated[bool, typer.Option(_DEBUG, help="Show where it went wrong, if it does.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What every command understands; `--debug` may also stand behind the command."""


# --- trying it ----------------------------------------------------------------------------


@app.command("demo")
def run_demo(
    *,
    data: Annotated[Path | None, typer.Option(help="Folder for database, secrets and charges.")] = None,
    port: Port = None,
    ready_file: Annotated[Path | None, typer.Option(help="Write addresses and sign-ins there once it answers.")] = None,
    menu_file: Annotated[Path | None, typer.Option("--menu", help="The cafe's own menu, CSV or YAML.")] = None,
    rush: Annotated[bool, typer.Option("--rush", help="Simulate a lunch rush.")] = False,
    scripted: Annotated[bool, typer.Option("--scripted", help="Drive one whole service, print it and end.")] = False,
    simulate_days: Annotated[
        int | None, typer.Option(min=1, max=366, help="Simulate so many days of trade, close each, verify and end.")
    ] = None,
    seed: Annotated[int, typer.Option(help="With --simulate-days: the same seed brings the same guests.")] = 1,
) -> None:
    """A whole cafe on this machine: database, server, a simulated payment provider, staff, tables and a menu."""
    if simulate_days is not None:
        run(simulate.run_simulation(simulate.Simulation(days=simulate_days, seed=seed), data, menu_file))
        return
    options = demo.Options(data=data, port=port, ready_file=ready_file, menu=menu_file, rush=rush, scripted=scripted)
    run(demo.run_demo(options))


@app.command("payconic-sandbox")
def run_sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at; 0 takes any that is free.")] = 8100,
    state: Annotated[Path, typer.Option(help="File in which charges are kept.")] = Path("payconic.db"),
) -> None:
    """The simulated payment provider on its own.

    It knows the account in TABLETAP_PAYCONIC_MERCHANT_ID, …_API_KEY and …_WEBHOOK_SECRET, and those that are posted to
    /control/accounts.
    """
    account = given_account(load_settings())
    accounts = [account] if account is not None else []
    serve_sandbox(port, state, accounts, on_ready=lambda running: say(f"The Payconic sandbox answers at {running.url}"))


# --- running it ---------------------------------------------------------------------------


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen at.")] = None,
    port: Port = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Server processes; several need PostgreSQL.")
    ] = None,
    no_jobs: Annotated[bool, typer.Option("--no-jobs", help="Leave background jobs to `tabletap work`.")] = False,
) -> None:
    """The server. It needs a strong TABLETAP_JWT_SECRET and a migrated database."""
    processes.serve(processes.Serving(host=host, port=port, workers=workers, jobs=not no_jobs))


@app.command()
def work() -> None:
    """Background jobs alone, for a worker process beside `tabletap serve --no-jobs`."""
    run(processes.work())


@app.command()
def migrate() -> None:
    """Bring the database to the current schema. Safe to repeat and to run from two places at once."""
    run(upkeep.migrate_database())


@streams.command("restart")
def restart_streams(
    cafe_id: Annotated[str | None, typer.Option("--cafe", help="Only this cafe's; otherwise those of all.")] = None,
) -> None:
    """After a backup was restored: screens and callers that know what came after it must not go on from there."""
    run(restarting.restart_streams(cafe_id))


@app.command()
def check() -> None:
    """Print the settings in force, secrets masked, and test the database, the broker and the provider."""
    run(upkeep.check())


@app.command()
def verify(
    cafe_id: Annotated[str | None, typer.Option("--cafe", help="The cafe's id, as `cafe create` printed it.")] = None,
    export: Annotated[
        Path | None,
        typer.Option(
            help="With --cafe: write what is sealed to this file. Without: check this file, with no database."
        ),
    ] = None,
) -> None:
    """Check a cafe's books: journals, balances, refunds, orders, the audit chain. Exit 1 says where they disagree.

    With --cafe and --export FILE the sealed books are also written to FILE. With --export FILE alone that file is
    checked, on any machine and without a database.
    """
    if cafe_id is not None:
        run(books.verify_cafe(cafe_id, export))
    elif export is not None:
        books.verify_export(export)
    else:
        raise typer.BadParameter("name a cafe with --cafe, or an exported file with --export.")


# --- setting up a cafe --------------------------------------------------------------------


@cafe.command("create")
def create_cafe(
    name: Annotated[str, typer.Option(help="What it is called.")],
    currency: Annotated[str, typer.Option(help="ISO 4217, for example AUD.")] = "AUD",
    time_zone: Annotated[str, typer.Option(help="For example Australia/Sydney.")] = "Australia/Sydney",
    pay_later: Annotated[bool, typer.Option("--pay-later", help="The kitchen starts before the guest pays.")] = False,
    tables: Annotated[int, typer.Option(min=0, max=500, help="How many tables, numbered from 1.")] = 0,
) -> None:
    """Open a cafe and print its id and the addresses of its tables."""
    policy: PaymentPolicy = "pay_later" if pay_later else "pay_first"
    wanted = setting_up.NewCafe(name=name, currency=currency, time_zone=time_zone, payment_policy=policy, tables=tables)
    run(setting_up.create_cafe(wanted))


@staff.command("add")
def add_staff(
    cafe_id: CafeId,
    name: Annotated[str, typer.Option(help="Who it is.")],
    email: Annotated[str, typer.Option(help="What they sign in with.")],
    role: Annotated[list[Role], typer.Option(help="admin, manager, counter, staff or kitchen; may be repeated.")],
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin.")] = False,
) -> None:
    """Give somebody who works at a cafe an account. The password is asked for, never an argument."""
    run(setting_up.add_staff(cafe_id, name, email, _password(password_stdin), role))


@staff.command("remove")
def remove_staff(
    cafe_id: CafeId,
    email: Annotated[str, typer.Option(help="What they sign in with.")],
) -> None:
    """Shut somebody out who worked at a cafe: what they have open ends within a second."""
    run(setting_up.remove_staff(cafe_id, email))


def _password(from_stdin: bool) -> str:
    """Arguments can be read by everybody on the machine, so a password is none."""
    if from_stdin or not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password


@menu.command("import")
def import_menu(
    file: Annotated[Path, typer.Argument(help="A .csv, .yaml or .yml file.")],
    cafe_id: CafeId,
) -> None:
    """Replace a cafe's menu by what is in a file: all of it, or nothing if a line is wrong."""
    run(setting_up.import_menu(file, cafe_id))


# --- the bank -------------------------------------------------------------------------------


@app.command()
def reconcile(
    file: Annotated[Path, typer.Argument(help="A bank statement: camt.053, camt.054, MT940, OFX or CSV.")],
    cafe_id: CafeId,
    account: Annotated[
        str | None, typer.Option(help="Say that a statement of this account is right, if the cafe's is another.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen and change nothing.")] = False,
) -> None:
    """Match a bank statement with the transfers that are awaited. Safe to repeat: the same file changes nothing."""
    run(reconciling.reconcile(file, cafe_id, account, dry_run=dry_run))


# --- what providers told us -----------------------------------------------------------------


@webhooks.command("list")
def list_notices(
    cafe_id: CafeId,
    state: Annotated[NoticeState | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many at most.")] = 50,
) -> None:
    """What came in and what became of it, the newest first."""
    run(notices.list_notices(cafe_id, state, limit))


@webhooks.command("replay")
def replay_notices(
    cafe_id: CafeId,
    notice_id: Annotated[
        str | None, typer.Argument(metavar="NOTICE", help="Its id, as `webhooks list` shows it.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="All that came since: 30m, 24h, 7d, 2026-11-23T09:00:00Z.")] = None,
    wait: Annotated[int, typer.Option(min=0, max=600, help="Seconds to wait for what becomes of them.")] = 10,
) -> None:
    """Have notices worked off again: the provider is asked once more, which is always safe."""
    if (notice_id is None) == (since is None):
        raise typer.BadParameter("name one notice, or --since for all that came since then.")
    moment = None
    if since is not None:
        try:
            moment = notices.moment_of(since, datetime.now(UTC))
        except ValueError:
            raise typer.BadParameter(f"--since {since} is neither like 24h nor a time.") from None
    run(notices.replay(cafe_id, notice_id, moment, wait))


@webhooks.command("redeliver")
def redeliver_notices(
    payment_id: Annotated[str, typer.Argument(metavar="PAYMENT", help="The payment's id.")],
    cafe_id: CafeId,
) -> None:
    """Have the provider tell us about a payment again: a sandbox sends its notices anew, any other one is asked."""
    run(notices.redeliver(cafe_id, payment_id))
