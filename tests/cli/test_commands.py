"""The commands that set up, run and look after a real cafe."""

import asyncio
import re
import signal
import sqlite3
from pathlib import Path

import aiohttp

from tabletap.kernel.ids import new_id
from tests.cli.commands import SECRET, begin, end_of, tabletap
from tests.support.services import create_database, drop_database, free_port

MENU = "name,price\nTea,4.00\nCoffee,4.80\n"
PASSWORD = "a long enough phrase"


async def test_wrong_usage_and_wrong_settings_are_said_plainly(tmp_path: Path) -> None:
    # when
    usage, unknown, weak, several, unmigrated, at_odds = await asyncio.gather(
        tabletap(tmp_path, "demo", "--prot", "0"),
        tabletap(tmp_path, "migrate", TABLETAP_DATABASE_ULR="x"),
        tabletap(tmp_path, "serve", TABLETAP_JWT_SECRET="secret"),
        tabletap(tmp_path, "serve", "--workers", "2", TABLETAP_JWT_SECRET=SECRET),
        tabletap(tmp_path, "serve", TABLETAP_JWT_SECRET=SECRET),
        tabletap(
            tmp_path, "check", TABLETAP_JWT_SECRET="secret", TABLETAP_REDIS_URL=f"redis://127.0.0.1:{free_port()}"
        ),
    )

    # then
    assert usage.code == 2
    assert "No such option" in usage.err
    assert unknown.code == 1
    assert unknown.sentence == ("TABLETAP_DATABASE_ULR is not a setting; did you mean TABLETAP_DATABASE_URL.")
    assert weak.code == 1
    assert weak.sentence.startswith("TABLETAP_JWT_SECRET has fewer than 32 characters")
    assert several.code == 1
    assert several.sentence.startswith("2 workers need PostgreSQL")
    assert unmigrated.code == 1
    assert unmigrated.sentence == "The database was never set up; run `tabletap migrate`."
    assert at_odds.code == 1
    for what in ("TABLETAP_JWT_SECRET has fewer", "The database was never set up", "Redis at 127.0.0.1 cannot be"):
        assert what in at_odds.sentence
    assert "••••••" in at_odds.out
    assert list(tmp_path.iterdir()) == []


async def test_a_cafe_is_set_up_served_and_its_books_are_verified(tmp_path: Path) -> None:
    settings = {"TABLETAP_JWT_SECRET": SECRET, "TABLETAP_DATA_DIR": str(tmp_path / "data")}
    (tmp_path / "menu.csv").write_text(MENU)
    (tmp_path / "broken.yaml").write_text("- name: Tea\n  price: 4.00\n- name: Coffee\n  price: free\n")

    # given a database that is migrated from two places at once, and a cafe in it
    migrated = await asyncio.gather(*(tabletap(tmp_path, "migrate", **settings) for _ in range(2)))
    assert [done.code for done in migrated] == [0, 0], migrated
    created = await tabletap(tmp_path, "cafe", "create", "--name", "Nook", "--tables", "2", **settings)
    assert created.code == 0, created.err
    cafe_id = created.out.split()[1]
    assert len(re.findall(r"/t/\S+", created.out)) == 2

    # when
    hired, imported, broken = await asyncio.gather(
        tabletap(
            tmp_path, "staff", "add", "--cafe", cafe_id, "--name", "Ada", "--email", "ada@nook.example",
            "--role", "manager", "--password-stdin", given=f"{PASSWORD}\n", **settings,
        ),
        tabletap(tmp_path, "menu", "import", "menu.csv", "--cafe", cafe_id, **settings),
        tabletap(tmp_path, "menu", "import", "broken.yaml", "--cafe", cafe_id, **settings),
    )  # fmt: skip

    # then
    assert hired.out == "ada@nook.example may sign in as manager\n", hired.err
    assert imported.out.startswith("The menu of Nook was replaced: 2 added"), imported.err
    assert broken.code == 1
    assert "Line 3: price" in broken.sentence

    # when
    port = free_port()
    server = await begin(tmp_path, "serve", "--port", str(port), **settings)
    signed_in, menu = await _visit(f"http://127.0.0.1:{port}/api/v1", cafe_id)
    customer = await _customer_with_credit(f"http://127.0.0.1:{port}/api/v1", signed_in["accessToken"])
    server.send_signal(signal.SIGTERM)
    stopped = await end_of(server)

    # then
    assert stopped.code == 0, stopped.err
    assert signed_in["roles"] == ["manager"]
    assert [item["name"] for category in menu["categories"] for item in category["items"]] == ["Tea", "Coffee"]

    # when somebody changes a balance behind our back
    before = await tabletap(tmp_path, "verify", "--cafe", cafe_id, **settings)
    with sqlite3.connect(tmp_path / "data" / "tabletap.db") as database:
        database.execute("UPDATE customer_credit SET posted_minor = posted_minor + 1")
    database.close()
    after, nobody = await asyncio.gather(
        tabletap(tmp_path, "verify", "--cafe", cafe_id, **settings),
        tabletap(tmp_path, "verify", "--cafe", new_id(), **settings),
    )

    # then
    assert (before.code, before.err) == (0, "")
    assert before.out.startswith("Every journal sums to zero")
    assert after.code == 1
    assert after.sentence == (f"The books disagree: customer {customer} has a balance of 5001, the entries say 5000.")
    assert nobody.code == 1


async def _visit(
    api: str, cafe_id: str
) -> tuple[dict[str, object], dict[str, list[dict[str, list[dict[str, object]]]]]]:
    """Sign in and read the menu, as soon as somebody answers."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(60):
        while True:
            try:
                body = {"email": "ada@nook.example", "password": PASSWORD}
                async with session.post(f"{api}/auth/login", json=body) as response:
                    signed_in = await response.json()
                async with session.get(f"{api}/cafes/{cafe_id}/menu") as response:
                    return signed_in, await response.json()
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)


async def _customer_with_credit(api: str, token: object) -> str:
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": new_id()}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(f"{api}/customers", json={"name": "Casey"}) as response:
            customer_id: str = (await response.json())["id"]
        body = {"customerId": customer_id, "amount": 5_000, "reason": "welcome"}
        async with session.post(f"{api}/credits/add", json=body) as response:
            assert response.status == 201, await response.text()
    return customer_id


async def test_several_workers_and_jobs_alone_share_postgresql(tmp_path: Path, postgres_url: str) -> None:
    # given
    name = f"workers_{new_id().replace('-', '')}"
    settings = {
        "TABLETAP_JWT_SECRET": SECRET,
        "TABLETAP_DATABASE_URL": await create_database(postgres_url, name),
    }
    assert (await tabletap(tmp_path, "migrate", **settings)).code == 0
    port = free_port()

    # when
    server = await begin(tmp_path, "serve", "--workers", "2", "--no-jobs", "--port", str(port), **settings)
    worker = await begin(tmp_path, "work", **settings)
    statuses = []
    async with aiohttp.ClientSession() as session, asyncio.timeout(60):
        while len(statuses) < 10:
            try:
                async with session.get(f"http://127.0.0.1:{port}/health/ready", headers={"Connection": "close"}) as it:
                    statuses.append(it.status)
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)
        checked = await tabletap(tmp_path, "check", **settings)
    for process in (server, worker):
        process.send_signal(signal.SIGTERM)
    ends = [await end_of(process) for process in (server, worker)]
    await drop_database(postgres_url, name)

    # then
    assert statuses == [200] * 10
    assert [done.code for done in ends] == [0, 0], ends
    assert checked.code == 0, checked.err
    password = postgres_url.rsplit("@", 1)[0].rsplit(":", 1)[1]
    assert password not in checked.out
