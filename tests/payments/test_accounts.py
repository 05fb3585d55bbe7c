"""Provider accounts: secrets go in and never come out, rotate without a gap, and lie sealed in the database."""

import asyncio
import io
import logging
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tabletap.app import App
from tabletap.infra.db.sqlite import SqliteDatabase
from tabletap.infra.logs import set_up_logs
from tabletap.infra.secrets import SecretsUnreadable
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import system
from tabletap.payments.accounts import store
from tabletap.payments.accounts.model import AccountRow, ChangeAccount, ProviderAccount
from tests.support.books import rows
from tests.support.world import SECRET, World

pytestmark = pytest.mark.asyncio(loop_scope="package")

PATH = "/provider-accounts/payconic"
API_KEY, WEBHOOK_SECRET = "sk_test_9f8e7d6c5b4a39281706", "whsec_51a2b3c4d5e6f708192a"
NEW = {
    "apiUrl": "https://api.payconic.example/v1/",
    "merchantId": "corner-cafe",
    "apiKey": API_KEY,
    "webhookSecret": WEBHOOK_SECRET,
    "mode": "live",
}


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Whatever is logged while the test runs, at the most talkative level."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    lines = io.StringIO()
    set_up_logs("debug", "json", lines)
    yield lines
    root.handlers[:] = handlers
    root.setLevel(level)


async def row_of(world: World, cafe_id: str) -> AccountRow:
    row = await world.app.db.read(cafe_id, lambda reader: store.account(reader, "payconic"))
    assert row is not None
    return row


async def opened(world: World, cafe_id: str) -> ProviderAccount:
    account = await world.app.accounts.find(cafe_id, "payconic")
    assert account is not None
    return account


async def another_app(world: World, *keys: str, secret: str = SECRET) -> App:
    """A process that starts later on the same database, with keys of its own."""
    app = App(msgspec.structs.replace(world.app.settings, encryption_keys=keys), secret, clock=world.clock)
    await app.open()
    return app


async def store_in_clear(world: World) -> None:
    """The home cafe's account as it was stored before secrets were sealed."""
    await rows(
        world,
        f"UPDATE provider_account SET api_key = '{API_KEY}', webhook_secret = '{WEBHOOK_SECRET}', "  # noqa: S608 - constants
        "sealed_api_key = NULL, sealed_webhook_secret = NULL, version = 1 "
        f"WHERE cafe_id = '{world.home.id}' RETURNING id",
    )


async def stored_bytes(world: World) -> bytes:
    """Everything the database keeps: the bytes of its files, on PostgreSQL the rows of every account."""
    db = world.app.db
    if isinstance(db, SqliteDatabase):
        files = sorted(db.path.parent.glob(f"{db.path.name}*"))
        return b"".join(file.read_bytes() for file in files)
    return repr(await rows(world, "SELECT provider_account::text FROM provider_account")).encode()


async def test_an_account_is_opened_and_its_secrets_never_come_out(own_world: World) -> None:
    await rows(own_world, "DELETE FROM provider_account RETURNING id")

    before = await own_world.call("GET", PATH, "manager")
    made = await own_world.call("PUT", PATH, "manager", NEW)
    shown = await own_world.call("GET", PATH, "manager")

    assert (before.status, before.body["code"]) == (404, "provider_account_not_found")
    assert (made.status, made.body) == (200, shown.body)
    assert made.body["apiKey"]["endsWith"] == API_KEY[-4:]
    assert made.body["webhookSecret"]["endsWith"] == WEBHOOK_SECRET[-4:]
    assert (made.body["apiUrl"], made.body["mode"]) == ("https://api.payconic.example/v1", "live")
    assert made.body["webhookUrl"].startswith(f"{own_world.url}/api/v1/webhooks/payconic/")
    for secret in (API_KEY, WEBHOOK_SECRET):
        assert secret not in repr(made.body)
    account = await opened(own_world, own_world.home.id)
    assert (account.api_key, account.webhook_secrets) == (API_KEY, (WEBHOOK_SECRET,))


async def test_no_secret_is_in_the_database_a_log_or_an_answer(own_world: World, logged: io.StringIO) -> None:
    world = own_world
    await world.call("PUT", PATH, "manager", {**NEW, "apiUrl": world.sandbox.url, "mode": "test"})
    fresh = await world.call("POST", f"/provider-accounts/{(await row_of(world, world.home.id)).id}/webhook-secret",
                             "manager", {})  # fmt: skip
    refused = await world.call("PUT", PATH, "manager", {"apiKey": API_KEY, "surprise": WEBHOOK_SECRET})
    weak = await world.call("PUT", PATH, "manager", {"apiKey": f"{API_KEY} with a space"})
    await world.pay(await world.order(), "payconic_card")
    account = await opened(world, world.home.id)
    logging.getLogger("tests").warning("the account is %r and %s", account, await row_of(world, world.home.id))

    kept, said = await stored_bytes(world), logged.getvalue()

    assert fresh.status == 200
    assert (refused.status, weak.body["code"]) == (400, "provider_secret_weak")
    assert "the account is ProviderAccount" in said
    for secret in (API_KEY, WEBHOOK_SECRET, fresh.body["webhookSecret"]):
        assert secret.encode() not in kept
        assert secret not in said
        assert secret not in repr(refused.body) + repr(weak.body) + repr(account)


async def test_what_was_stored_in_clear_is_sealed_at_the_next_start_and_gone(own_world: World) -> None:
    world = own_world
    await store_in_clear(world)
    in_clear = API_KEY.encode() in await stored_bytes(world)
    used_before = await opened(world, world.home.id)

    app = await another_app(world)
    again = await app.accounts.seal()
    await app.stop()

    row = await row_of(world, world.home.id)
    assert in_clear
    assert (used_before.api_key, used_before.webhook_secrets) == (API_KEY, (WEBHOOK_SECRET,))
    assert (row.api_key, row.webhook_secret, again) == ("", "", 0)
    assert await opened(world, world.home.id) == used_before
    kept = await stored_bytes(world)
    assert API_KEY.encode() not in kept
    assert WEBHOOK_SECRET.encode() not in kept


async def test_processes_that_start_at_once_seal_together_and_once(own_world: World) -> None:
    world = own_world
    await store_in_clear(world)

    apps = await asyncio.gather(*(another_app(world) for _ in range(4)))
    rows_after = await row_of(world, world.home.id)
    for app in apps:
        await app.stop()

    assert (rows_after.version, rows_after.api_key) == (2, "")
    assert (await opened(world, world.home.id)).api_key == API_KEY


async def test_an_account_is_opened_once_and_then_remembered(world: World) -> None:
    assert await opened(world, world.home.id) is await opened(world, world.home.id)


async def test_the_keys_that_seal_rotate_at_a_start(own_world: World) -> None:
    world = own_world
    first, second = "1a2b3c4d" * 8, "5e6f7a8b" * 8
    before = await opened(world, world.home.id)

    for keys, secret in (((first,), SECRET), ((second, first), SECRET), ((second,), new_id() * 2)):
        app = await another_app(world, *keys, secret=secret)
        assert await app.accounts.find(world.home.id, "payconic") == before
        assert await app.accounts.seal() == 0
        await app.stop()


async def test_a_server_with_another_key_says_so_and_charges_nothing(own_world: World, logged: io.StringIO) -> None:
    world = own_world
    stranger = await another_app(world, secret="another secret that signs the tokens of nobody here")
    view = await stranger.services.provider_accounts.get("payconic", system(world.home.id))

    found = await stranger.accounts.find(world.home.id, "payconic")
    with pytest.raises(SecretsUnreadable):
        await stranger.accounts.by_token((await row_of(world, world.home.id)).token)
    healed = await stranger.services.provider_accounts.put(
        "payconic", ChangeAccount(api_key=API_KEY, webhook_secret=WEBHOOK_SECRET), system(world.home.id)
    )
    count, closed = await stranger.accounts.unreadable()
    await stranger.stop()

    assert found is None
    assert (view.readable, view.api_key.ends_with) == (False, None)
    assert "A stored secret opens with no key in TABLETAP_ENCRYPTION_KEYS" in logged.getvalue()
    assert "Traceback" not in logged.getvalue()
    assert (healed.readable, count, closed) == (True, 2, 1)


async def test_a_sealed_secret_copied_to_another_cafes_account_does_not_open(own_world: World) -> None:
    world = own_world
    sealed = (await row_of(world, world.other.id)).sealed_api_key
    await rows(
        world,
        f"UPDATE provider_account SET sealed_api_key = '{sealed}' WHERE cafe_id = '{world.home.id}' RETURNING id",  # noqa: S608 - our own text
    )
    order = await world.order()

    answer = await world.pay(order, "payconic_card")

    assert (await world.call("GET", PATH, "manager")).body["readable"] is False
    assert (answer.status, answer.body["code"]) == (503, "gateway_unavailable")
    assert await world.charges() == []


async def test_an_account_that_changed_is_used_as_it_is_now(own_world: World) -> None:
    world = own_world
    await world.control("POST", "/accounts", {"merchantId": "cafe-merchant", "apiKey": API_KEY,
                                              "webhookSecret": WEBHOOK_SECRET})  # fmt: skip
    lapsed = await world.pay(await world.order(), "payconic_card")

    changed = await world.call("PUT", PATH, "manager", {"apiKey": API_KEY, "webhookSecret": WEBHOOK_SECRET})
    started = await world.pay(await world.order(), "payconic_card")
    await world.control("POST", f"/payments/{started.body['gatewayPaymentId']}/approve")

    assert lapsed.body.get("gatewayPaymentId") is None
    assert changed.status == 200
    await world.until(started.body["paymentId"], "completed")


async def test_whose_account_it_is_does_not_change_while_payments_are_open(own_world: World) -> None:
    world = own_world
    started = await world.pay(await world.order(), "payconic_card")

    refused = await world.call("PUT", PATH, "manager", {"merchantId": "somebody-else"})
    renamed = await world.call("PUT", PATH, "manager", {"apiKey": "cafe-api-key"})
    await world.call("POST", f"/payments/{started.body['paymentId']}/cancel", "staff")
    moved = await world.call("PUT", PATH, "manager", {"merchantId": "somebody-else"})

    assert (refused.status, refused.body["code"]) == (409, "provider_account_in_use")
    assert (renamed.status, moved.status) == (200, 200)
    await world.call("PUT", PATH, "manager", {"merchantId": "cafe-merchant"})


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"apiUrl": "http://api.payconic.example"}, "provider_address_refused"),
        ({"apiUrl": "https://10.1.2.3/v1"}, "provider_address_refused"),
        ({"apiUrl": "https://169.254.169.254"}, "provider_address_refused"),
        ({"apiUrl": "https://me:pw@api.payconic.example"}, "provider_address_refused"),
        ({"apiUrl": "https://api.payconic.example/?x=1"}, "provider_address_refused"),
        ({"apiUrl": "https://[::1"}, "provider_address_refused"),
        ({"apiUrl": "ftp://api.payconic.example"}, "provider_address_refused"),
        ({"apiUrl": "https://"}, "provider_address_refused"),
        ({"apiUrl": "https://catch-the-key.example"}, "provider_key_needed"),
        ({"mode": "live"}, "live_mode_refused"),
        ({"apiUrl": "http://localhost:9", "mode": "live", "apiKey": API_KEY}, "live_mode_refused"),
        ({"apiUrl": "https://127.0.0.1:9", "mode": "live", "apiKey": API_KEY}, "live_mode_refused"),
        ({"mode": "play"}, "invalid_request"),
        ({"apiKey": "short"}, "provider_secret_weak"),
        ({"webhookSecret": "with\nnewline"}, "provider_secret_weak"),
        ({"merchantId": "two words"}, "invalid_request"),
        ({"token": "mine"}, "invalid_request"),
    ],
)
async def test_what_an_account_cannot_be_is_refused_and_changes_nothing(
    world: World, change: dict[str, Any], code: str
) -> None:
    before = await row_of(world, world.home.id)

    answer = await world.call("PUT", PATH, "manager", change)

    assert answer.body["code"] == code, answer
    assert await row_of(world, world.home.id) == before


async def test_an_account_is_opened_whole_or_not_at_all(own_world: World) -> None:
    await rows(own_world, "DELETE FROM provider_account RETURNING id")

    answers = {
        field: await own_world.call("PUT", PATH, "manager", {name: each for name, each in NEW.items() if name != field})
        for field in ("apiUrl", "merchantId", "apiKey", "mode")
    }

    assert {field: (each.status, each.body["errors"][0]["field"]) for field, each in answers.items()} == {
        field: (400, field) for field in answers
    }
    assert await rows(own_world, "SELECT id FROM provider_account") == []


async def test_only_managers_see_and_change_accounts_and_only_their_cafes(world: World) -> None:
    theirs = await row_of(world, world.other.id)
    rotate = f"/provider-accounts/{theirs.id}/webhook-secret"

    for who in ("counter", "staff", "kitchen", "customer"):
        for verb, path, body in (("GET", PATH, None), ("PUT", PATH, {}), ("POST", rotate, {})):
            assert (await world.call(verb, path, who, body)).status == 403
    foreign = await world.call("POST", rotate, "manager", {})
    nobody = await world.call("PUT", "/provider-accounts/nobody", "manager", NEW)

    assert (foreign.status, foreign.body["code"]) == (404, "provider_account_not_found")
    assert (nobody.status, nobody.body["code"]) == (404, "provider_unknown")
    assert (await row_of(world, world.other.id)) == theirs
    assert (await world.call("GET", PATH, "manager")).body["merchantId"] == "cafe-merchant"
    assert (await world.call("GET", PATH, "other:manager")).body["merchantId"] == "other-merchant"


async def test_a_server_that_others_reach_uses_no_sandbox_of_a_managers_choice(own_world: World) -> None:
    public = msgspec.structs.replace(own_world.app.settings, public_url="https://cafe.example.org")
    app = App(public, SECRET, clock=own_world.clock)
    await app.open()
    by = system(own_world.home.id)

    unchanged = await app.services.provider_accounts.put("payconic", ChangeAccount(api_url=own_world.sandbox.url), by)
    with pytest.raises(Exception, match="A sandbox on this machine cannot be used by a server that others reach"):
        await app.services.provider_accounts.put("payconic", ChangeAccount(api_url="http://127.0.0.1:6379"), by)
    await app.stop()

    assert unchanged.api_url == own_world.sandbox.url


async def test_no_secret_shows_in_a_repr() -> None:
    account = ProviderAccount("c", "i", "payconic", "t", "https://x", "m", API_KEY, (WEBHOOK_SECRET,), "test")
    row = AccountRow(
        "c", "i", "payconic", "t", "https://x", "m", API_KEY, WEBHOOK_SECRET, "test", sealed_api_key="s1.a.b"
    )
    change = ChangeAccount(api_key=API_KEY, webhook_secret=WEBHOOK_SECRET)

    for each in (account, row, change):
        for text in (repr(each), str(each), f"{each}", repr([each]), repr({"account": each})):
            assert API_KEY not in text
            assert WEBHOOK_SECRET not in text
            assert "s1.a.b" not in text
