"""A whole TableTap for tests: real database, real server on a free port, real sandbox; only the clock can be moved."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import msgspec

from tabletap.app import App
from tabletap.cafes.menu_file import parse_menu
from tabletap.cafes.model import Cafe, ChangeSettings, MenuItemView, TableView
from tabletap.cli.serving import Server, bind
from tabletap.credits.service import MoveCredit
from tabletap.identity.model import CreateCustomer
from tabletap.infra.db.sqlite import SqliteDatabase
from tabletap.infra.settings import Settings
from tabletap.kernel.clock import SystemClock
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Actor, Role, system
from tabletap.payments.accounts.model import ChangeAccount, ProviderAccount
from tabletap.sandbox import RunningSandbox, SandboxAccount, Timing, start_sandbox
from tests.support import jobs
from tests.support.databases import migrated_database

SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a6978"
WEBHOOK_SECRET = "a-webhook-secret-of-the-tests"
MENU = b"""name,price,category,taxRate,allergens,modifiers
Flat white,4.80,Coffee,10,milk,Milk: oat +0.70 | soy +0.70; Size: large +1.00
Espresso,3.50,Coffee,10,,
Banana bread,6.20,Food,10,gluten,
"""


class WorldClock(SystemClock):
    """The machine's clock, moved on by what tests let pass."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        """The present moment of the test."""
        return super().now() + self.ahead


class Answer(msgspec.Struct):
    """What an HTTP request came to."""

    status: int
    body: Any
    headers: Mapping[str, str]
    """By name, in any case."""


class CafeWorld(msgspec.Struct):
    """One cafe with people to act in it."""

    cafe: Cafe
    tables: Sequence[TableView]
    menu: dict[str, MenuItemView]
    people: dict[str, Actor]
    tokens: dict[str, str]

    @property
    def id(self) -> Id:
        """The cafe's id."""
        return self.cafe.cafe_id


class World:
    """A running TableTap and its sandbox."""

    def __init__(self, app: App, url: str, sandbox: RunningSandbox, clock: WorldClock, session: aiohttp.ClientSession):
        self.app, self.url, self.sandbox, self.clock, self.session = app, url, sandbox, clock, session
        self.folder = Path()
        """Where its files are; the provider keeps its charges in `sandbox.db`."""
        self.home: CafeWorld
        self.other: CafeWorld

    # --- over the public API ------------------------------------------------------------

    async def call(
        self, verb: str, path: str, who: str | None = None, body: Any = None, *, key: str | None = None, **headers: str
    ) -> Answer:
        """One HTTP request below /api/v1 in somebody's name, with an Idempotency-Key where one is given."""
        if who is not None:
            token = self.home.tokens.get(who) or self.other.tokens.get(who.removeprefix("other:")) or who
            token = self.other.tokens[who.removeprefix("other:")] if who.startswith("other:") else token
            headers["Authorization"] = f"Bearer {token}"
        if key is not None:
            headers["Idempotency-Key"] = key
        data = body if isinstance(body, bytes) else None if body is None else msgspec.json.encode(body)
        async with self.session.request(
            verb, f"{self.url}/api/v1{path}", data=data, headers={"Content-Type": "application/json", **headers}
        ) as response:
            raw = await response.read()
            return Answer(response.status, msgspec.json.decode(raw) if raw else None, response.headers)

    async def order(self, who: str = "customer", *, items: dict[str, int] | None = None, **more: Any) -> dict[str, Any]:
        """Place an order of menu items by name and quantity (one flat white) and answer it."""
        wanted = items or {"Flat white": 1}
        lines = [{"menuItemId": self.home.menu[name].id, "quantity": count} for name, count in wanted.items()]
        answer = await self.call("POST", "/orders", who, {"items": lines, **more})
        assert answer.status == 201, answer
        order: dict[str, Any] = answer.body
        return order

    async def pay(
        self, order: dict[str, Any], method: str, who: str = "customer", *, key: str | None = None, **more: Any
    ) -> Answer:
        """Start paying an order."""
        body = {"orderId": order["id"], "paymentMethod": method, **more}
        return await self.call("POST", "/payments", who, body, key=key or new_id())

    async def payment(self, payment_id: str, who: str = "manager") -> dict[str, Any]:
        """A payment as it is now."""
        answer = await self.call("GET", f"/payments/{payment_id}", who)
        assert answer.status == 200, answer
        found: dict[str, Any] = answer.body
        return found

    async def until(self, payment_id: str, status: str, seconds: float = 10) -> dict[str, Any]:
        """Wait until a payment has a status."""
        deadline = asyncio.get_running_loop().time() + seconds
        while (found := await self.payment(payment_id))["status"] != status:
            assert asyncio.get_running_loop().time() < deadline, f"still {found['status']}, not {status}: {found}"
            await asyncio.sleep(0.02)
        return found

    # --- the provider -------------------------------------------------------------------

    async def control(self, verb: str, path: str, body: Any = None) -> Any:
        """The sandbox's control API."""
        async with self.session.request(verb, f"{self.sandbox.control_url}{path}", json=body) as response:
            assert response.status < 300, await response.text()
            raw = await response.read()
            return msgspec.json.decode(raw) if raw else None

    async def stop_provider(self) -> None:
        """End the sandbox: the one that is there now, for a test may have put another in its place."""
        await self.sandbox.stop()

    async def charges(self) -> list[dict[str, Any]]:
        """What the provider really charged and refunded."""
        found: list[dict[str, Any]] = await self.control("GET", "/charges")
        return found

    # --- time ---------------------------------------------------------------------------

    async def let_time_pass(self, **how_long: float) -> None:
        """Move our clock on, and every waiting job with it, then run what is due, to its end."""
        passed = timedelta(**how_long)
        self.clock.ahead += passed
        await jobs.hurry(self.app.db, passed)
        await jobs.assert_eventually(self._nothing_due)

    async def _nothing_due(self) -> bool:
        """Run what is due; the app's own worker may have been quicker and may not have finished yet."""
        await self.app.jobs.run_due()
        return await jobs.nothing_due(self.app.db)


@asynccontextmanager
async def running(
    folder: Path,
    engine_name: str,
    postgres_url: str | None,
    *,
    with_jobs: bool = True,
    trusted_proxies: tuple[str, ...] = (),
    redis_url: str | None = None,
) -> AsyncIterator[World]:
    """A world of its own: a migrated database, a served app, a sandbox, two cafes with staff, menu and customers."""
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - before anything runs
    async with migrated_database(folder, postgres_url if engine_name == "postgres" else None) as url:
        clock = WorldClock()
        account = SandboxAccount("cafe-merchant", "cafe-api-key", WEBHOOK_SECRET)
        other = SandboxAccount("other-merchant", "other-api-key", WEBHOOK_SECRET + "-2")
        sandbox = await start_sandbox(folder / "sandbox.db", (account, other), timing=Timing(hold_ms=50))
        listening = bind("127.0.0.1", 0)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        settings = Settings(
            database_url=url,
            redis_url=redis_url,
            public_url=address,
            payconic_timeout_seconds=3,
            trusted_proxies=trusted_proxies,
            live_connects_per_minute=1_000_000,  # every client of every test comes from one address
        )
        app = App(settings, SECRET, clock=clock)
        server = Server(app, listening)
        async with AsyncExitStack() as closing:
            # Idle connections are given up before the servers give them up: a request never meets a closing one.
            connector = aiohttp.TCPConnector(keepalive_timeout=2)
            session = await closing.enter_async_context(aiohttp.ClientSession(connector=connector))
            world = World(app, address, sandbox, clock, session)
            world.folder = folder
            closing.push_async_callback(world.stop_provider)
            await server.start(with_jobs=with_jobs)
            closing.push_async_callback(server.stop)
            world.home = await furnish(app, "Corner Cafe", sandbox.url, account)
            world.other = await furnish(app, "Other Cafe", sandbox.url, other)
            yield world


@asynccontextmanager
async def another_process(world: World, **settings: Any) -> AsyncIterator[tuple[App, str]]:
    """A second server of the same installation, and where it answers; on PostgreSQL alone."""
    listening = bind("127.0.0.1", 0)
    app = App(msgspec.structs.replace(world.app.settings, **settings), SECRET, clock=world.clock)
    server = Server(app, listening)
    await server.start(with_jobs=False)
    try:
        yield app, f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        await server.stop()


async def furnish(app: App, name: str, provider_url: str, account: SandboxAccount) -> CafeWorld:
    """A cafe as an owner would set it up."""
    services_ = app.services
    created = await services_.cafes.create(name, "AUD", "Australia/Sydney")
    by = system(created.cafe_id)
    bank = {"accountName": name, "bsb": "062000", "accountNumber": "12345678"}
    await services_.cafes.change_settings(
        msgspec.convert({"bankDetails": bank, "cashRoundingAmount": 5}, ChangeSettings), by
    )
    tables = [await services_.cafes.add_table(str(number), by) for number in (1, 2)]
    await services_.cafes.replace_menu(parse_menu("menu.csv", MENU, "AUD"), by)
    await add_provider(app, created.cafe_id, provider_url, account)
    people, tokens = await _people(app, created.cafe_id, by)
    menu = await services_.cafes.menu(created.cafe_id)
    items = {item.name: item for category in menu.categories for item in category.items}
    return CafeWorld(await services_.cafes.get(created.cafe_id), tables, items, people, tokens)


async def add_provider(app: App, cafe_id: Id, provider_url: str, account: SandboxAccount) -> ProviderAccount:
    """Give a cafe its account at the provider."""
    wanted = ChangeAccount(
        api_url=provider_url,
        merchant_id=account.merchant_id,
        api_key=account.api_key,
        webhook_secret=account.webhook_secret,
        mode="test",
    )
    return await app.services.provider_accounts.open_account("payconic", wanted, system(cafe_id))


async def _people(app: App, cafe_id: Id, by: Actor) -> tuple[dict[str, Actor], dict[str, str]]:
    people: dict[str, Actor] = {}
    tokens: dict[str, str] = {}

    def note(name: str, person_id: Id, roles: frozenset[Role]) -> None:
        people[name] = Actor(cafe_id=cafe_id, person_id=person_id, roles=roles)
        tokens[name] = app.services.tokens.issue(cafe_id=cafe_id, person_id=person_id, roles=roles)

    for role in (Role.ADMIN, Role.MANAGER, Role.COUNTER, Role.STAFF, Role.KITCHEN):
        note(str(role), new_id(), frozenset({role}))
    for name in ("customer", "friend"):
        customer = await app.services.identity.create_customer(CreateCustomer(name=name), by)
        note(name, customer.id, frozenset({Role.CUSTOMER}))
    await app.services.credits.add(
        MoveCredit(customer_id=people["customer"].person_id, amount_minor=50_000, reason="demo"), by
    )
    return people, tokens


async def money_row_counts(world: World) -> dict[str, int]:
    """How many rows each money table has: what a refused request must leave as it was.

    That it was refused may be told to the managers: those events are none of the money's.
    """
    names = (
        "cafe_order",
        "payment",
        "payment_change",
        "journal",
        "entry",
        "credit_transaction",
        "refund",
        "split",
        "stream_event WHERE name <> 'security_event'",
    )
    if isinstance(world.app.db, SqliteDatabase):

        def count(execute: Any) -> dict[str, int]:
            return {name: execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}  # noqa: S608 - the names above

        return await world.app.db.on_writer(count)
    connection = await asyncpg.connect(world.app.db.url)
    try:
        return {name: await connection.fetchval(f"SELECT count(*) FROM {name}") for name in names}  # noqa: S608 - the names above
    finally:
        await connection.close()
