"""The commands that set up, run and look after a real cafe."""

import asyncio
import io
import re
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tabletap.kernel.ids import new_id
from tests.cli.commands import PATIENCE_SECONDS, SECRET, Done, begin, end_of, until_it_logs
from tests.cli.conftest import Command
from tests.support.services import create_database, drop_database, free_port

MENU = "name,price\nTea,4.00\nCoffee,4.80\n"
BROKEN_MENU = "name,price\nTea,4.00\nCoffee,4.805\nCake,much\n"
PASSWORD = "a long enough phrase"


def test_wrong_usage_is_exit_code_two(command: Command) -> None:
    # when
    done = command("demo", "--prot", "0")

    # then
    assert done.code == 2
    assert "No such option" in done.err


@pytest.mark.parametrize(
    ("arguments", "settings", "sentence"),
    [
        (
            ["migrate"],
            {"TABLETAP_DATABASE_ULR": "x"},
            "TABLETAP_DATABASE_ULR is not a setting; did you mean TABLETAP_DATABASE_URL.",
        ),
        (["serve"], {}, "TABLETAP_JWT_SECRET is missing"),
        (["serve"], {"TABLETAP_JWT_SECRET": "secret"}, "TABLETAP_JWT_SECRET has fewer than 32 characters"),
        (["serve", "--workers", "2"], {"TABLETAP_JWT_SECRET": SECRET}, "2 workers need PostgreSQL"),
        (["serve"], {"TABLETAP_JWT_SECRET": SECRET}, "The database was never set up; run `tabletap migrate`."),
        (["verify", "--cafe", "x"], {}, "The database was never set up; run `tabletap migrate`."),
        (
            ["migrate"],
            {"TABLETAP_DATABASE_URL": f"postgresql://me:hidden@127.0.0.1:{free_port()}/cafe"},
            "The database cannot be reached: ",
        ),
        (["demo", "--menu", "missing.csv"], {}, "The menu file missing.csv cannot be read: No such file"),
        (
            ["demo", "--port", "0", "--ready-file", "ready.json"],
            {"TABLETAP_PAYCONIC_API_URL": f"http://127.0.0.1:{free_port()}"},
            "The payment provider at http://127.0.0.1:",
        ),
    ],
)
def test_what_is_in_the_way_is_said_in_one_sentence(
    command: Command, arguments: list[str], settings: dict[str, str], sentence: str
) -> None:
    # when
    done = command(*arguments, **settings)

    # then
    assert done.code == 1
    assert done.sentence.startswith(sentence)
    assert "hidden" not in done.sentence
    assert not Path("ready.json").exists()


def test_a_bug_is_one_sentence_too_unless_somebody_wants_to_know(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr("tabletap.cli.upkeep.load_settings", lambda: 1 // 0)

    # when
    done = command("check")

    # then
    assert done.code == 1
    assert done.sentence == "Something went wrong inside TableTap (ZeroDivisionError); --debug shows where."
    with pytest.raises(ZeroDivisionError):
        command("check", "--debug")


def test_a_broken_menu_opens_no_demo(command: Command, tmp_path: Path) -> None:
    # given
    (tmp_path / "broken.csv").write_text(BROKEN_MENU)

    # when
    done = command("demo", "--port", "0", "--menu", "broken.csv")

    # then
    assert done.code == 1
    assert "Line 3: price" in done.sentence
    assert "line 4: price" in done.sentence
    assert not (tmp_path / "tabletap-data" / "tabletap.db").exists()


def test_check_masks_secrets_and_says_what_does_not_work(command: Command) -> None:
    # when
    redis = f"redis://:hidden@127.0.0.1:{free_port()}"
    done = command("check", TABLETAP_JWT_SECRET="too short", TABLETAP_REDIS_URL=redis)

    # then
    assert done.code == 1
    for what in ("TABLETAP_JWT_SECRET has fewer", "The database was never set up", "Redis at 127.0.0.1 cannot be"):
        assert what in done.sentence
    assert "••••••" in done.out
    assert "too short" not in done.out + done.err
    assert "hidden" not in done.out + done.err


def test_check_finds_a_whole_installation_in_order(command: Command, postgres_url: str, redis_url: str) -> None:
    # given
    name = f"check_{new_id().replace('-', '')}"
    settings = {
        "TABLETAP_JWT_SECRET": SECRET,
        "TABLETAP_DATABASE_URL": asyncio.run(create_database(postgres_url, name)),
        "TABLETAP_REDIS_URL": redis_url,
    }
    assert [command("migrate", **settings).code for _ in range(2)] == [0, 0]

    # when
    done = command("check", **settings)

    # then
    asyncio.run(drop_database(postgres_url, name))
    assert (done.code, done.err) == (0, "")
    assert settings["TABLETAP_DATABASE_URL"].rsplit("@", 1)[0].rsplit(":", 1)[1] not in done.out


def test_check_says_what_is_wrong_with_the_mail_server(command: Command) -> None:
    # given
    away = {"TABLETAP_SMTP_URL": f"smtp://me:hidden@127.0.0.1:{free_port()}"}

    # when
    half, gone = command("check", **away), command("check", TABLETAP_MAIL_FROM="Nook <hi@nook.example>", **away)
    odd = command("check", TABLETAP_MAIL_FROM="Nook", **away)

    # then
    assert "set both, or none" in half.sentence
    assert "The mail server 127.0.0.1 cannot be reached" in gone.sentence
    assert "TABLETAP_MAIL_FROM" in odd.sentence
    assert "hidden" not in half.out + half.err + gone.out + gone.err


def test_a_cafe_is_set_up_served_and_its_books_are_verified(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    settings = {"TABLETAP_JWT_SECRET": SECRET, "TABLETAP_DATA_DIR": str(tmp_path / "data")}
    (tmp_path / "menu.csv").write_text(MENU)
    (tmp_path / "broken.csv").write_text(BROKEN_MENU)
    assert [command("migrate", **settings).code for _ in range(2)] == [0, 0]

    # when
    created = command("cafe", "create", "--name", "Nook", "--tables", "2", **settings)
    cafe_id = created.out.split()[1]
    imported = command("menu", "import", "menu.csv", "--cafe", cafe_id, **settings)
    broken = command("menu", "import", "broken.csv", "--cafe", cafe_id, **settings)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n"))
    hired = command(
        "staff", "add", "--cafe", cafe_id, "--name", "Ada", "--email", "ada@nook.example", "--role", "manager",
        "--password-stdin", **settings,
    )  # fmt: skip

    # then
    assert len(re.findall(r"/t/\S+", created.out)) == 2
    assert imported.out == "The menu of Nook was replaced: 2 added, 0 changed, 0 unchanged, 0 removed.\n"
    assert broken.code == 1
    assert "Line 3: price" in broken.sentence
    assert hired.out == "ada@nook.example may sign in as manager\n", hired.err

    # when
    stopped, signed_in, menu, customer_id = asyncio.run(_served(tmp_path, settings, cafe_id))

    # then
    assert stopped.code == 0, stopped.err
    assert signed_in["roles"] == ["manager"]
    assert [item["name"] for category in menu["categories"] for item in category["items"]] == ["Tea", "Coffee"]

    # when she leaves
    left, again = [
        command("staff", "remove", "--cafe", cafe_id, "--email", "Ada@nook.example", **settings) for _ in range(2)
    ]

    # then
    assert left.out == "Ada@nook.example may sign in no more\n", left.err
    assert (again.code, again.sentence) == (1, "Nobody at this cafe signs in with that address.")

    # when somebody changes a balance behind our back
    before = command("verify", "--cafe", cafe_id, **settings)
    with closing(sqlite3.connect(tmp_path / "data" / "tabletap.db")) as database, database:
        database.execute("UPDATE customer_credit SET posted_minor = posted_minor + 1")
    after = command("verify", "--cafe", cafe_id, **settings)
    nobody = command("verify", "--cafe", new_id(), **settings)

    # then
    assert (before.code, before.err) == (0, "")
    assert before.out.startswith("Every journal sums to zero")
    assert after.code == 1
    assert after.sentence.startswith(
        f"The books disagree: customer {customer_id} has a balance of 5001, the entries say 5000; "
    )
    assert nobody.code == 1


async def _served(folder: Path, settings: dict[str, str], cafe_id: str) -> tuple[Done, Any, Any, str]:
    """Serve for a moment: sign in, read the menu, give a new customer credit."""
    port = free_port()
    api = f"http://127.0.0.1:{port}/api/v1"
    server = await begin(folder, "serve", "--port", str(port), **settings)
    async with aiohttp.ClientSession() as session:
        await _until_it_answers(session, port)
        body: dict[str, Any] = {"email": "ada@nook.example", "password": PASSWORD}
        async with session.post(f"{api}/auth/login", json=body) as response:
            signed_in = await response.json()
        async with session.get(f"{api}/cafes/{cafe_id}/menu") as response:
            menu = await response.json()
        session.headers.update({"Authorization": f"Bearer {signed_in['accessToken']}"})
        async with session.post(f"{api}/customers", json={"name": "Casey"}) as response:
            customer_id: str = (await response.json())["id"]
        body = {"customerId": customer_id, "amount": 5_000, "reason": "welcome"}
        async with session.post(f"{api}/credits/add", json=body, headers={"Idempotency-Key": new_id()}) as response:
            assert response.status == 201, await response.text()
    server.send_signal(signal.SIGTERM)
    return await end_of(server), signed_in, menu, customer_id


async def _until_it_answers(session: aiohttp.ClientSession, port: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                async with session.get(f"http://127.0.0.1:{port}/health/ready") as response:
                    assert response.status == 200, await response.text()
                    return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)


def test_several_workers_and_jobs_alone_share_postgresql(command: Command, tmp_path: Path, postgres_url: str) -> None:
    # given
    name = f"workers_{new_id().replace('-', '')}"
    url = asyncio.run(create_database(postgres_url, name))
    settings = {"TABLETAP_JWT_SECRET": SECRET, "TABLETAP_DATABASE_URL": url}
    assert command("migrate", **settings).code == 0

    # when
    server, worker = asyncio.run(_workers(tmp_path, settings))

    # then
    asyncio.run(drop_database(postgres_url, name))
    assert (server.code, worker.code) == (0, 0), server.err + worker.err
    assert server.err.count("stopping") == 2
    assert "Traceback" not in server.err + worker.err


async def _workers(folder: Path, settings: dict[str, str]) -> list[Done]:
    port = free_port()
    server = await begin(folder, "serve", "--workers", "2", "--no-jobs", "--port", str(port), **settings)
    worker = await begin(folder, "work", **settings)
    async with aiohttp.ClientSession() as session:
        await _until_it_answers(session, port)
    for _ in range(2):
        await until_it_logs(server, "TableTap answers at")
    await until_it_logs(worker, "background jobs run")
    for process in (server, worker):
        process.send_signal(signal.SIGTERM)
    return [await end_of(process) for process in (server, worker)]
