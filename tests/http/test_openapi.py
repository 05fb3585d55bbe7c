"""What the API says of itself: every route, what it asks, and nothing from another site."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from litestar.handlers import HTTPRouteHandler

from tabletap.http.app import create_http
from tabletap.http.door import door_of
from tabletap.http.routes import API_ROUTES
from tabletap.http.services import HttpSettings, Services
from tabletap.kernel.errors import REFUSALS
from tests.http.edge import Caller, served

PUBLIC = {
    "post /api/v1/auth/login",
    "post /api/v1/auth/refresh",
    "post /api/v1/auth/logout",
    "post /api/v1/auth/guest",
    "get /api/v1/cafes/{cafe_id}/menu",
    "get /api/v1/qr-payments/{qr_payment_id}/status",
    "post /api/v1/qr-payments/{qr_payment_id}/scanned",
    "post /api/v1/webhooks/{provider}/{account_token}",
    "get /health/live",
    "get /health/ready",
    "get /api/v1/health/live",
    "get /api/v1/health/ready",
}
MONEY = {
    "post /api/v1/payments",
    "post /api/v1/payments/{payment_id}/refunds",
    "post /api/v1/payments/{payment_id}/review",
    "post /api/v1/orders/{order_id}/refunds",
    "post /api/v1/refunds/{refund_id}/confirm",
    "post /api/v1/payments/{payment_id}/cash",
    "post /api/v1/qr-payments/{qr_payment_id}/confirm",
    "post /api/v1/credits/add",
    "post /api/v1/credits/deduct",
    "post /api/v1/bank-lines/{line_id}/match",
    "post /api/v1/bank-lines/{line_id}/undo",
    "post /api/v1/bank-lines/{line_id}/credit",
    "post /api/v1/bank-lines/{line_id}/refund",
    "post /api/v1/bank-lines/{line_id}/dismiss",
    "post /api/v1/tips/pools/{pool_id}/distribute",
    "post /api/v1/tips/distributions/{distribution_id}/assign",
    "post /api/v1/tips/payouts",
    "post /api/v1/drawers/sessions",
    "post /api/v1/drawers/sessions/{session_id}/moves",
    "post /api/v1/drawers/sessions/{session_id}/collect",
    "post /api/v1/drawers/sessions/{session_id}/close",
}


@pytest.fixture
async def caller(idle_services: Services) -> AsyncIterator[Caller]:
    async with served(create_http(idle_services)) as anybody:
        yield anybody


@pytest.fixture
async def operations(caller: Caller) -> dict[str, Any]:
    """Every operation by its method and path."""
    document = (await caller.send("GET", "/openapi.json")).body
    return {f"{method} {path}": each for path, item in document["paths"].items() for method, each in item.items()}


async def test_every_route_is_in_the_document(operations: dict[str, Any]) -> None:
    described = {
        f"{method.lower()} /api/v1{re.sub(r':str}', '}', path)}"
        for handler in API_ROUTES
        if isinstance(handler, HTTPRouteHandler)
        for method in handler.http_methods
        for path in handler.paths
    }

    assert len(described) > 40
    assert described <= set(operations)


async def test_only_what_must_be_is_public(operations: dict[str, Any]) -> None:
    assert {name for name, operation in operations.items() if operation["security"] == []} == PUBLIC


async def test_what_moves_money_asks_for_a_key(operations: dict[str, Any]) -> None:
    with_key = {
        name
        for name, operation in operations.items()
        if any(parameter["name"] == "Idempotency-Key" for parameter in operation["parameters"])
    }

    assert with_key == MONEY


async def test_bodies_queries_and_problems_are_described(caller: Caller, operations: dict[str, Any]) -> None:
    document = (await caller.send("GET", "/openapi.json")).body
    payment = operations["post /api/v1/payments"]
    reference = payment["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    shape = document["components"]["schemas"][reference.rsplit("/", 1)[1]]

    assert {"orderId", "paymentMethod", "tipAmount", "splitId"} <= set(shape["properties"])
    assert set(shape["required"]) == {"orderId", "paymentMethod"}
    queries = {parameter["name"] for parameter in operations["get /api/v1/orders"]["parameters"]}
    assert queries == {"status", "limit", "cursor"}
    assert "application/problem+json" in payment["responses"]["default"]["content"]
    assert "400" not in payment["responses"]


async def test_every_reference_in_the_document_leads_somewhere(caller: Caller) -> None:
    document = await caller.send("GET", "/openapi.json")
    schemas = document.body["components"]["schemas"]

    references = set(re.findall(r'"\$ref":"#/components/schemas/([^"]+)"', document.raw.decode()))
    assert references
    assert references <= set(schemas)


async def test_every_money_route_refuses_cards() -> None:
    careless = [
        handler.paths
        for handler in API_ROUTES
        if isinstance(handler, HTTPRouteHandler) and door_of(handler).needs_key and not door_of(handler).refuses_cards
    ]

    assert careless == []


async def test_what_the_live_edge_says_of_itself_is_served_beside_it(idle_services: Services) -> None:
    made: list[str] = []

    def document() -> dict[str, str]:
        made.append("once")
        return {"asyncapi": "3.0.0"}

    async with served(create_http(idle_services, HttpSettings(asyncapi=document))) as anybody:
        answers = [await anybody.send("GET", path) for path in ("/asyncapi.json", "/api/v1/asyncapi.json")]

    assert [(answer.status, answer.body) for answer in answers] == [(200, {"asyncapi": "3.0.0"})] * 2
    assert answers[0].headers["content-type"].startswith("application/vnd.aai.asyncapi+json")
    assert made == ["once"]


@pytest.mark.parametrize("path", ["/docs", "/docs/errors", "/docs/routes"])
async def test_pages_for_developers_load_nothing_from_elsewhere(caller: Caller, path: str) -> None:
    page = await caller.send("GET", path)

    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    assert not re.search(rb"<script|<link|https?://", page.raw)


async def test_every_code_is_on_the_page(caller: Caller) -> None:
    page = (await caller.send("GET", "/docs/errors")).raw.decode()

    assert [code for code in REFUSALS if f'id="{code}"' not in page] == []
    assert 'id="server_error"' in page
