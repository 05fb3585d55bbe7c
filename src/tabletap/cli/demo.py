"""`tabletap demo`: a whole cafe in one process, with its provider, ready to be tried."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import msgspec

from tabletap.app import App
from tabletap.cafes.menu_file import parse_menu
from tabletap.cli import rush, scripted
from tabletap.cli.console import console, say
from tabletap.cli.folder import Folder, FolderUnusable, Kept, held_folder
from tabletap.cli.furnishing import (
    CURRENCY,
    DEMO_MENU,
    STAFF,
    Furnished,
    Wanted,
    furnish,
    open_provider_account,
)
from tabletap.cli.provider import Provider, provider_for
from tabletap.cli.ready import Ready, ready, show
from tabletap.cli.running import begin_logs, keep_what_is_set_up, stop_signal
from tabletap.cli.serving import AddressInUse, Server, bind
from tabletap.cli.setting_up import read_menu
from tabletap.cli.upkeep import prepare
from tabletap.infra.settings import Settings, load_settings
from tabletap.kernel.people import Role
from tabletap.payments.accounts.model import ProviderAccount

_OTHER_MENU = b"name,price,category,taxRate\nHouse blend,5.00,Coffee,10\nCheese toast,9.00,Food,10\n"


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How the demo was asked for."""

    data: Path | None = None
    port: int | None = None
    ready_file: Path | None = None
    menu: Path | None = None
    rush: bool = False
    scripted: bool = False


class Running(msgspec.Struct, frozen=True):
    """A demo that answers requests."""

    app: App
    ready: Ready
    name: str


async def run_demo(options: Options) -> None:
    """Open the cafe, say so, and stay until SIGINT or SIGTERM; with `scripted` until the service is over.

    Raises what is in the way: a used port or data folder, a broken menu file, a database that is away.
    """
    stopped = stop_signal()
    settings = load_settings(data_dir=options.data)
    begin_logs(settings, quiet=True)
    with held_folder(settings.data_dir) as folder:
        async with _opened(settings, folder, options) as running:
            show(running.ready, running.name, console())
            keep_what_is_set_up()
            try:
                if options.ready_file is not None:
                    running.ready.write(options.ready_file)
                await _until_over(running, options, stopped)
            finally:
                if options.ready_file is not None:
                    options.ready_file.unlink(missing_ok=True)


async def _until_over(running: Running, options: Options, stopped: asyncio.Event) -> None:
    lunch = asyncio.create_task(rush.lunch(running.ready)) if options.rush else None
    try:
        if options.scripted:
            await scripted.service(running.app, running.ready, stopped)
        else:
            await stopped.wait()
            say("Closing.")
    finally:
        if lunch is not None:
            lunch.cancel()
            with suppress(asyncio.CancelledError):
                await lunch


@asynccontextmanager
async def _opened(settings: Settings, folder: Folder, options: Options) -> AsyncIterator[Running]:
    home = _home(folder.kept, options.menu)
    if options.ready_file is not None:
        _forget(options.ready_file)
    async with AsyncExitStack() as stack:
        listening = stack.enter_context(_bound(settings, options, folder.kept))
        folder.save()
        await prepare(settings.database_url)
        provider = await stack.enter_async_context(provider_for(settings, folder))
        port: int = listening.getsockname()[1]
        folder.kept.port = port
        folder.save()
        app = App(settings, _secret(settings, folder.kept), public_url=settings.address(port))
        server = Server(app, listening)
        await server.start()
        stack.push_async_callback(server.stop)
        # Side by side: hashing the passwords of the first start takes longer than all the rest of it.
        furnished, other = await asyncio.gather(furnish(app, home), _furnish_other(app, folder.kept, provider))
        account = await open_provider_account(app, home.cafe_id, provider.url, provider.account, "test")
        yield _running(app, furnished, other, provider, account)


def _running(app: App, home: Furnished, other: Furnished, provider: Provider, account: ProviderAccount) -> Running:
    return Running(app, ready(app, home, other, provider, account), home.cafe.name)


def _home(kept: Kept, own_menu: Path | None) -> Wanted:
    """The demo's cafe; its menu file is read before anything else is touched."""
    return Wanted(
        cafe_id=kept.cafe_id,
        name="The Corner Cup",
        mail_domain="demo.example",
        tables=6,
        staff=STAFF,
        password=kept.password,
        menu=read_menu(own_menu or DEMO_MENU, CURRENCY),
        own_menu=own_menu is not None,
    )


async def _furnish_other(app: App, kept: Kept, provider: Provider) -> Furnished:
    """A second tenant in the same database: nothing of one cafe may ever reach the other."""
    wanted = Wanted(
        cafe_id=kept.other_cafe_id,
        name="The Other Cup",
        mail_domain="other.example",
        tables=1,
        staff=(Role.MANAGER, Role.KITCHEN),
        password=kept.password,
        menu=parse_menu("other.csv", _OTHER_MENU, CURRENCY),
    )
    furnished = await furnish(app, wanted)
    if provider.other_account is not None:
        await open_provider_account(app, wanted.cafe_id, provider.url, provider.other_account, "test")
    return furnished


def _secret(settings: Settings, kept: Kept) -> str:
    return settings.require_strong_secret() if settings.jwt_secret is not None else kept.jwt_secret


def _bound(settings: Settings, options: Options, kept: Kept) -> socket.socket:
    """The port that was asked for; any port means the one of last time, as long as it is free.

    The provider's callbacks and the guests' open pages still name it.
    """
    wanted = settings.port if options.port is None else options.port
    if wanted == 0 and kept.port:
        with suppress(AddressInUse):
            return bind(settings.host, kept.port)
    return bind(settings.host, wanted)


def _forget(ready_file: Path) -> None:
    """A killed demo leaves its ready file behind: nobody may take it for ours."""
    try:
        ready_file.unlink(missing_ok=True)
    except OSError as error:
        raise FolderUnusable(f"{ready_file} cannot be written: {error.strerror}.") from None
