"""Whatever is refused or fails: no card number, token, password or key is logged, answered or stored."""

import io
import logging
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import structlog

from tabletap.http.app import API_PATH
from tabletap.http.door import door_of
from tabletap.http.requests import Nothing
from tabletap.infra.db.schema import metadata
from tabletap.infra.logs import set_up_logs
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Role, system
from tests.payments.guests import guest, refusals
from tests.support.books import rows
from tests.support.world import SECRET, WEBHOOK_SECRET, Answer, World

pytestmark = pytest.mark.asyncio(loop_scope="package")

CARD = "4556737586899855"
WRITTEN = ["4556737586899855", "4556 7375 8689 9855", "4556-7375-8689-9855", "4556\u00a07375\u20138689\t9855"]
CVV = "cvv-7319"
PASSWORD = "correct-horse-battery-staple-7319"
API_KEY = "cafe-api-key"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Everything that is logged, in full."""
    root = logging.getLogger()
    before, level, config = list(root.handlers), root.level, structlog.get_config()
    stream = io.StringIO()
    set_up_logs("debug", "json", stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    structlog.configure(**config)


async def everything_stored(world: World) -> dict[str, str]:
    """Every row of every table as text, by table; jobs with them."""
    stored: dict[str, str] = {}
    for name in [*metadata.tables, *await _job_tables(world)]:
        found = await rows(world, f"SELECT * FROM {name}")  # noqa: S608 - names of our own tables
        stored[name] = "\n".join(" ".join(_text(value) for value in row) for row in found)
    return stored


async def _job_tables(world: World) -> list[str]:
    if world.app.db.engine == "sqlite":
        found = await rows(world, "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%job%'")
    else:
        found = await rows(world, "SELECT tablename::text FROM pg_tables WHERE tablename LIKE 'pgqueuer%'")
    return [name for (name,) in found]


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def has_card(text: str) -> bool:
    """The digits in any writing."""
    return CARD in re.sub(r"[^0-9a-zA-Z]", "", text)


def bad_bodies(order_id: str, written: str) -> list[Any]:
    """Starts of payments with a card number somewhere."""
    good = {"orderId": order_id, "paymentMethod": "payconic_card"}
    return [
        {**good, "metadata": {"card": written, "cvv": CVV}},
        {**good, "metadata": {written: CVV}},
        {**good, "metadata": {"deep": [{"er": [written]}]}},
        {**good, "metadata": {"number": int(CARD)}},
        {**good, "metadata": {"float": float(CARD)}},
        {**good, "amount": int(CARD)},
        {**good, "cardNumber": written, "cvv": CVV},
        {**good, "paymentMethod": written},
        {**good, "returnUrl": f"https://cafe.example.org/?pan={written}"},
        {"orderId": written},
        [written],
        written,
    ]


async def money_routes(world: World, order: Any, payment_id: str) -> list[tuple[str, str, str, Any]]:
    """Who sends what where, with a card number in a text that would be kept."""
    text = f"card {CARD} {CVV}"
    customer = world.home.people["customer"].person_id
    line = {"menuItemId": world.home.menu["Espresso"].id, "quantity": 1, "note": text}
    return [
        ("manager", "POST", f"/payments/{payment_id}/refunds", {"reason": text}),
        ("counter", "POST", f"/payments/{payment_id}/cash", {"received": int(CARD)}),
        ("counter", "POST", f"/qr-payments/{new_id()}/confirm", {"amount": 480, "bankReference": text}),
        ("manager", "POST", "/credits/add", {"customerId": customer, "amount": 100, "reason": text}),
        ("manager", "POST", "/credits/deduct", {"customerId": customer, "amount": 1, "reason": text}),
        ("customer", "POST", f"/orders/{order['id']}/splits", {"method": "custom", "shares": [{"label": text}]}),
        ("customer", "POST", "/orders", {"items": [line]}),
        ("customer", "POST", "/orders", {"items": [], "takeawayName": text}),
        ("customer", "PATCH", f"/orders/{order['id']}", {"add": [line], "expectedVersion": 1}),
        ("staff", "POST", f"/orders/{order['id']}/status", {"status": "cancelled", "reason": text}),
    ]


async def test_no_refused_request_leaves_a_card_number_anywhere(guarded_world: World, lines: io.StringIO) -> None:
    world, payer = guarded_world, await guest(guarded_world)
    order = await payer.order()
    answers: list[Answer] = []

    for written in WRITTEN:
        for body in bad_bodies(order["id"], written):
            answers.append(await payer.call("POST", "/payments", body, key=new_id()))
    own = await world.order()
    paid = (await world.pay(own, "customer_credit")).body["paymentId"]
    for who, verb, path, body in await money_routes(world, own, paid):
        answers.append(await world.call(verb, path, who, body, key=new_id()))
        assert answers[-1].body["code"] == "card_number_refused", (path, answers[-1])

    assert {answer.status for answer in answers} == {422}
    assert {answer.body["code"] for answer in answers} == {"card_number_refused"}
    await world.app.services.security.log.flush()
    stored = await everything_stored(world)
    for where, text in [("log", lines.getvalue()), ("answers", str(answers)), *stored.items()]:
        assert not has_card(text), where
        assert CVV not in text, where
    assert await refusals(world, rule="card_number_refused", personId=payer.person_id) == len(WRITTEN) * len(
        bad_bodies("", "")
    )


async def test_failed_and_refused_requests_give_no_secret_away(guarded_world: World, lines: io.StringIO) -> None:
    world = guarded_world
    email = f"ada-{new_id()}@example.org"
    await world.app.services.identity.add_staff(
        name="Ada", email=email, password=PASSWORD, roles=frozenset({Role.MANAGER}), by=system(world.home.id)
    )
    signed_in = (await world.call("POST", "/auth/login", None, {"email": email, "password": PASSWORD})).body
    access, refresh = signed_in["accessToken"], signed_in["refreshToken"]
    answers = [
        await world.call("POST", "/auth/login", None, {"email": email, "password": PASSWORD + "!", "extra": PASSWORD}),
        await world.call("POST", "/auth/login", None, b'{"email": "%s", "password": "%s"' % (b"a", PASSWORD.encode())),
        await world.call("POST", "/payments", access, {"token": access, "password": PASSWORD}, key=new_id()),
        await world.call("POST", "/payments", access, {"orderId": new_id(), "paymentMethod": "cash"}, key=new_id()),
        await world.call("GET", "/payments?token=" + PASSWORD, access),
        await world.call("GET", "/orders/" + PASSWORD, access),
        await world.call("POST", "/auth/refresh", None, {"refreshToken": refresh + "x"}),
        await world.call("GET", "/security-events", access + "x"),
    ]
    await world.control("POST", "/faults", {"fault": "error_500", "times": 3})
    order = await world.order()
    answers.append(await world.pay(order, "payconic_card", metadata={"note": "kept"}))
    answers.append(await world.call("GET", "/payments", "manager"))

    assert all(answer.status >= 400 for answer in answers[:-2])
    secrets = [PASSWORD, access.rpartition(".")[2], refresh, SECRET]
    for secret in (*secrets, API_KEY, WEBHOOK_SECRET):
        assert secret not in lines.getvalue()
        assert secret not in msgspec.json.encode([answer.body for answer in answers]).decode()
    for table, text in (await everything_stored(world)).items():
        assert not [secret for secret in secrets if secret in text], table


async def test_of_a_providers_answer_only_what_we_know_is_stored(guarded_world: World) -> None:
    world = guarded_world
    await world.control("POST", "/mode", {"autoApprove": True, "webhooks": True})
    paid = await world.pay(await world.order(), "payconic_card", metadata={"note": "kept"})
    await world.until(paid.body["paymentId"], "completed")

    stored = await everything_stored(world)

    columns = {column.name for column in metadata.tables["payment"].columns}
    assert not [name for name in columns if "response" in name or "raw" in name or "token" in name]
    assert {name for name, text in stored.items() if "autoApprove" in text or "holdMs" in text} == set()
    for table in ("payment", "provider_call", "payment_change"):
        assert API_KEY not in stored[table]
        assert WEBHOOK_SECRET not in stored[table]


async def test_every_route_near_money_that_takes_words_refuses_cards(guarded_world: World) -> None:
    near = ("/payments", "/refunds", "/orders", "/qr-payments", "/credits", "/splits", "/disputes")
    open_doors = [
        f"{method} {route.path}"
        for route in guarded_world.app.http.routes
        if route.path.startswith(tuple(API_PATH + place for place in near))
        for handler in getattr(route, "route_handlers", [])
        for method in handler.http_methods & {"POST", "PUT", "PATCH"}
        if handler.parsed_data_field is not None and handler.parsed_data_field.annotation is not Nothing
        if not door_of(handler).refuses_cards
    ]

    assert open_doors == []
