"""A gateway of somebody else's, from a package of its own: installed, proved with the kit, and used by a server."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tabletap.infra.db.sqlite import SqliteDatabase
from tabletap.kernel.ids import new_id
from tests.support.shared_world import opened
from tests.support.world import World

REPOSITORY = Path(__file__).parents[2]
THIRD_PARTY = Path(__file__).parent / "third_party"
GUIDE = REPOSITORY / "docs/guides/add-a-gateway.md"
START_SECONDS = 60


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package installed in it, made without the network."""
    folder = tmp_path_factory.mktemp("plugin")
    source = folder / "source"
    shutil.copytree(THIRD_PARTY, source, ignore=shutil.ignore_patterns("__pycache__"))
    uv = Path(sys.prefix) / "bin" / "uv"
    options = ["--offline", "--no-build-isolation", "--no-deps", "--python", sys.executable]
    command = [uv if uv.exists() else "uv", "pip", "install", "--quiet", *options, "--target", folder / "site", source]
    subprocess.run(command, check=True, timeout=120)
    return folder / "site"


@pytest.fixture
def tests_of_its_own(tmp_path: Path) -> Path:
    """The third party's tests and simulator, away from its source: they see what is installed."""
    for name in ("pyproject.toml", "test_pebble_pay.py", "pebble_simulator.py"):
        shutil.copy(THIRD_PARTY / name, tmp_path)
    return tmp_path


def environment(installed: Path) -> dict[str, str]:
    """What a process needs to have the plug-in."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(installed), str(REPOSITORY)])}


async def test_the_kit_passes_for_a_gateway_from_another_package(installed: Path, tests_of_its_own: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider",
        env=environment(installed), cwd=tests_of_its_own, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate()

    assert process.returncode == 0, output.decode()
    assert re.search(r"\b3\d passed", output.decode()), output.decode()


@pytest.fixture
async def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, engine_name: str
) -> AsyncIterator[World]:
    """A cafe whose requests we send to another server."""
    async with opened(request, tmp_path_factory, engine_name, with_jobs=False) as world:
        own_url = world.url
        yield world
        world.url = own_url


@asynccontextmanager
async def serving(world: World, installed: Path) -> AsyncIterator[None]:
    """Another server over the same data, with the plug-in on its path, takes the requests while inside."""
    db = world.app.db
    database_url = f"sqlite:///{db.path}" if isinstance(db, SqliteDatabase) else db.url
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.testing.plugin_server", database_url,
        env=environment(installed), cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(START_SECONDS):
        world.url = (await process.stdout.readline()).decode().strip()
    try:
        yield
    finally:
        process.kill()
        await process.wait()


@pytest.fixture
async def provider(installed: Path) -> AsyncIterator[Any]:
    """The third party's simulator, in our process."""
    del installed
    sys.path.insert(0, str(THIRD_PARTY))
    try:
        simulators = __import__("pebble_simulator")
        async with simulators.pebble_simulator() as simulator:
            yield simulator
    finally:
        sys.path.remove(str(THIRD_PARTY))


async def test_a_server_with_the_package_takes_payments_and_refunds_through_it(
    world: World, installed: Path, provider: Any
) -> None:
    account = provider.account
    body = {
        "apiUrl": account.api_url, "merchantId": "cafe", "apiKey": account.api_key,
        "webhookSecret": account.webhook_secrets[0], "mode": "test",
    }  # fmt: skip
    without = await world.pay(await world.order(), "pebble_pay")
    async with serving(world, installed):
        no_account = await world.pay(await world.order(), "pebble_pay")
        opened_account = await world.call("PUT", "/provider-accounts/pebble_pay", "manager", body)
        order, key = await world.order(), new_id()
        answers = [await world.pay(order, "pebble_pay", key=key, tipAmount=48) for _ in range(2)]
        started = answers[0].body
        await provider.approve(started["paymentId"])
        raw = b'{"what": "paid", "reference": "' + started["paymentId"].encode() + b'"}'
        webhook = opened_account.body["webhookUrl"].removeprefix(world.url)
        headers = dict(provider.signed(raw, account.webhook_secrets[0]))
        async with world.session.post(world.url + webhook, data=raw, headers=headers) as told:
            heard = told.status
        completed = await world.until(started["paymentId"], "completed")
        path = f"/payments/{started['paymentId']}/refunds"
        refund = await world.call("POST", path, "manager", {"amount": 200}, key=new_id())
        refunded = await world.payment(started["paymentId"])
        paid = (await world.call("GET", f"/orders/{order['id']}", "customer")).body
        charges = await provider.charges()

    assert (without.status, without.body["code"]) == (422, "method_not_offered")
    assert (no_account.status, no_account.body["code"]) == (422, "method_not_offered")
    assert opened_account.status == 200, opened_account
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[1].body == started
    assert (started["status"], started["redirectUrl"]) == ("pending", "https://pebble.example/pay")
    open_for = datetime.fromisoformat(started["expiresAt"]) - datetime.fromisoformat(started["initiatedAt"])
    assert open_for == timedelta(minutes=30)
    assert heard == 200
    assert (completed["totalAmount"], paid["paymentStatus"]) == (528, "partly_refunded")
    assert (refund.status, refund.body["status"], refund.body["refundAmount"]) == (201, "completed", 200)
    assert (refunded["status"], refunded["refundedAmount"]) == ("partial_refund", 200)
    assert [(charge.reference, charge.amount_minor, charge.refunded_minor) for charge in charges] == [
        (started["paymentId"], 528, 200)
    ]


def test_the_guide_shows_the_very_code_that_is_tested() -> None:
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    files = [path.read_text() for path in sorted(THIRD_PARTY.iterdir()) if path.suffix in (".py", ".toml")]
    commands = {"uv pip install -e .", "pip install 'tabletap[testing]'", "pytest"}

    code = [text for language, text in blocks if language in ("python", "toml")]
    shell = [line for language, text in blocks if language == "sh" for line in text.splitlines()]

    assert len(code) >= 6
    assert [text for text in code if not any(text.rstrip("\n") in file for file in files)] == []
    assert set(shell) == commands
    assert {language for language, _ in blocks} == {"python", "toml", "sh"}
