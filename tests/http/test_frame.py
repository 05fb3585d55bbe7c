"""What is around every request: correlation id, headers, cross-origin rules, figures and the line in the log."""

from collections.abc import AsyncIterator

import pytest
from litestar import get
from structlog.testing import capture_logs

from tabletap.http.app import create_http
from tabletap.http.call import Call
from tabletap.http.door import door
from tabletap.http.services import HttpSettings, Services
from tabletap.infra.db.transaction import correlation_id
from tests.http.edge import Caller, served

FRIEND = "https://friend.example.org"


@get("/hello/{name:str}", opt=door(public=True))
async def hello(request: Call) -> dict[str, str | None]:
    return {"correlationId": correlation_id.get(), "name": str(request.path_params["name"])}


@get("/page", media_type="text/html")
async def page() -> str:
    return "<p>A screen</p>"


@pytest.fixture
async def caller(idle_services: Services) -> AsyncIterator[Caller]:
    settings = HttpSettings(public_url="https://cafe.example.org", allowed_origins=(FRIEND,))
    async with served(create_http(idle_services, settings, routes=[hello], extra_routes=[page])) as anybody:
        yield anybody


async def test_every_request_has_a_correlation_id_of_its_own(caller: Caller) -> None:
    first, second = await caller.get("/hello/a"), await caller.get("/hello/a")

    assert first.body["correlationId"] == first.headers["x-correlation-id"]
    assert first.headers["x-correlation-id"] != second.headers["x-correlation-id"]


async def test_a_callers_own_correlation_id_is_kept(caller: Caller) -> None:
    reply = await caller.get("/hello/a", headers={"X-Correlation-Id": "till-3.42_abc"})

    assert reply.body["correlationId"] == reply.headers["x-correlation-id"] == "till-3.42_abc"


@pytest.mark.parametrize(
    "given", ["short", "x" * 65, "with space", 'quote"s-here', "4111111111111111", "-leading-dash"]
)
async def test_a_correlation_id_that_should_not_be_logged_is_replaced(caller: Caller, given: str) -> None:
    reply = await caller.get("/hello/a", headers={"X-Correlation-Id": given})

    assert reply.headers["x-correlation-id"] != given


@pytest.mark.parametrize("path", ["/api/v1/hello/a", "/api/v1/nothing", "/nothing"])
async def test_every_answer_protects_its_reader(caller: Caller, path: str) -> None:
    headers = (await caller.send("GET", path)).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["strict-transport-security"].startswith("max-age=")


async def test_head_answers_like_get_without_the_content(caller: Caller) -> None:
    reply = await caller.send("HEAD", "/api/v1/hello/a")

    assert (reply.status, reply.raw) == (200, b"")
    assert int(reply.headers["content-length"]) > 0


async def test_pages_of_listed_sites_may_call(caller: Caller) -> None:
    wanted = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    preflight = await caller.send("OPTIONS", "/api/v1/hello/a", headers={"Origin": FRIEND, **wanted})
    reply = await caller.get("/hello/a", headers={"Origin": FRIEND})

    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == FRIEND
    assert reply.headers["access-control-allow-origin"] == FRIEND
    assert "Idempotency-Replayed" in reply.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in reply.headers


async def test_pages_of_other_sites_may_not(caller: Caller) -> None:
    stranger = {"Origin": "https://stranger.example.org", "Access-Control-Request-Method": "POST"}
    preflight = await caller.send("OPTIONS", "/api/v1/hello/a", headers=stranger)
    reply = await caller.get("/hello/a", headers={"Origin": "https://stranger.example.org"})

    assert preflight.status == 400
    assert "access-control-allow-origin" not in preflight.headers
    assert "access-control-allow-origin" not in reply.headers


async def test_a_problem_can_be_read_by_a_page_of_a_listed_site(caller: Caller) -> None:
    reply = await caller.get("/nothing", headers={"Origin": FRIEND})

    assert reply.status == 404
    assert reply.headers["access-control-allow-origin"] == FRIEND


async def test_routes_of_others_are_mounted_beside_ours(caller: Caller) -> None:
    reply = await caller.send("GET", "/page?anything=goes")

    assert (reply.status, reply.raw) == (200, b"<p>A screen</p>")


async def test_the_log_has_the_route_and_never_the_path(idle_services: Services) -> None:
    with capture_logs() as logged:
        async with served(create_http(idle_services, routes=[hello])) as caller:
            reply = await caller.get("/hello/a-secret-code?x=1")
            await caller.send("GET", "/a-secret-address")

    lines = [line for line in logged if line["event"] == "request"]
    assert reply.status == 400
    assert [(line["route"], line["status"]) for line in lines] == [("/api/v1/hello/{name}", 400), ("other", 404)]
    assert "secret" not in str(lines)


async def test_requests_are_counted_by_route(caller: Caller) -> None:
    await caller.get("/hello/a")
    figures = (await caller.send("GET", "/metrics")).raw.decode()

    assert 'tabletap_http_requests_total{method="GET",route="/api/v1/hello/{name}",status="200"}' in figures
    assert 'tabletap_http_request_seconds_count{route="/api/v1/hello/{name}"}' in figures


async def test_the_process_says_that_it_lives(caller: Caller) -> None:
    for path in ("/health/live", "/api/v1/health/live"):
        reply = await caller.send("GET", path)
        assert (reply.status, reply.body) == (200, {"status": "ok"})


async def test_it_is_not_ready_while_the_database_does_not_answer(caller: Caller) -> None:
    reply = await caller.send("GET", "/health/ready")

    assert (reply.status, reply.code) == (503, "temporarily_unavailable")
    assert int(reply.headers["retry-after"]) > 0


async def test_it_is_ready_when_the_database_answers(anybody: Caller) -> None:
    reply = await anybody.send("GET", "/health/ready")

    assert (reply.status, reply.body) == (200, {"broker": "memory", "status": "ok"})
