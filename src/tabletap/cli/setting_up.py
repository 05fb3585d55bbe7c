"""Setting up a real cafe: the cafe itself, its staff, its menu."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from tabletap.app import App
from tabletap.cafes.errors import MenuFileRefused
from tabletap.cafes.menu_file import MAX_BYTES, parse_menu
from tabletap.cafes.model import MenuRow, PaymentPolicy
from tabletap.cli.console import say
from tabletap.cli.furnishing import open_provider_account
from tabletap.cli.provider import given_account
from tabletap.cli.running import begin_logs
from tabletap.infra.db.revision import require_current
from tabletap.infra.settings import load_settings
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Role, system
from tabletap.payments.accounts.model import Mode, may_be_live


class NewCafe(msgspec.Struct, frozen=True, kw_only=True):
    """A cafe to be opened."""

    name: str
    currency: str
    time_zone: str
    payment_policy: PaymentPolicy
    tables: int


@asynccontextmanager
async def office() -> AsyncIterator[App]:
    """The app with its database open and nothing else: nobody can reach it. Raises SchemaNotCurrent, DatabaseAway."""
    settings = load_settings()
    begin_logs(settings, quiet=True)
    await require_current(settings.database_url)
    app = App(settings, settings.jwt_secret or new_id())
    await app.db.start()
    try:
        yield app
    finally:
        await app.gateways.close()
        await app.db.stop()


async def create_cafe(wanted: NewCafe) -> None:
    """Open a cafe with its tables, and with its account at the provider that the settings name."""
    async with office() as app:
        cafes, settings = app.services.cafes, app.settings
        account = given_account(settings) if settings.payconic_api_url is not None else None
        if account is not None and not settings.encryption_keys:
            settings.require_strong_secret()  # it seals the account's secrets, and the server has to open them
        cafe = await cafes.create(wanted.name, wanted.currency, wanted.time_zone, wanted.payment_policy)
        say(f"cafe {cafe.cafe_id} {cafe.name}, {cafe.currency}, {cafe.time_zone}")
        for number in range(1, wanted.tables + 1):
            seat = await cafes.add_table(str(number), system(cafe.cafe_id))
            say(f"table {seat.number} {app.public_url}/t/{seat.code}")
        if settings.payconic_api_url is not None and account is not None:
            mode: Mode = "live" if may_be_live(settings.payconic_api_url) else "test"
            opened = await open_provider_account(app, cafe.cafe_id, settings.payconic_api_url, account, mode)
            say(f"payconic callbacks {app.services.provider_accounts.webhook_url(opened)}")
        else:
            say("payconic is not set up: credit, cash and transfers by QR code can be taken.")


async def add_staff(cafe_id: Id, name: str, email: str, password: str, roles: list[Role]) -> None:
    """Give somebody an account. Raises CafeNotFound, EmailTaken, PasswordTooWeak and InvalidRequest."""
    async with office() as app:
        await app.services.cafes.get(cafe_id)
        added = await app.services.identity.add_staff(
            name=name, email=email, password=password, roles=frozenset(roles), by=system(cafe_id)
        )
        say(f"{added.email} may sign in as {', '.join(added.roles)}")


async def remove_staff(cafe_id: Id, email: str) -> None:
    """Shut somebody out: a running server ends their sessions within a second. Raises CafeNotFound, PersonNotFound."""
    async with office() as app:
        await app.services.cafes.get(cafe_id)
        await app.services.identity.shut_out(email, system(cafe_id))
        say(f"{email} may sign in no more")


async def import_menu(path: Path, cafe_id: Id) -> None:
    """Make a file the whole menu; items whose names stay keep their ids. Raises CafeNotFound, MenuFileRefused."""
    async with office() as app:
        cafe = await app.services.cafes.get(cafe_id)
        imported = await app.services.cafes.replace_menu(read_menu(path, cafe.currency), system(cafe_id))
        counts = ", ".join(f"{value} {name}" for name, value in msgspec.structs.asdict(imported).items())
        say(f"The menu of {cafe.name} was replaced: {counts}.")


def read_menu(path: Path, currency: str) -> list[MenuRow]:
    """The menu in a file. Raises MenuFileRefused, which names every bad line."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise MenuFileRefused(f"The menu file {path} cannot be read: {error.strerror}.") from None
    return parse_menu(path.name, content, currency)
