"""Every fault in one shape: the contract's status, a stable code, a sentence, and nothing that is nobody's business."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from litestar import get, post
from litestar.params import JSONBody
from structlog.testing import capture_logs

from tabletap.http.app import create_http
from tabletap.http.call import Call
from tabletap.http.door import door
from tabletap.http.services import HttpSettings, Services
from tabletap.kernel import errors
from tabletap.kernel.errors import FieldError, Kind, Refusal
from tests.http.edge import Caller, served

KINDS: dict[str, type[Refusal]] = {
    "malformed": errors.InvalidRequest,
    "not_signed_in": errors.NotSignedIn,
    "forbidden": errors.NotAllowed,
    "not_found": errors.NotFound,
    "conflict": errors.VersionConflict,
    "too_large": errors.TooLarge,
    "refused": errors.InvalidAmount,
    "too_many": errors.TooMany,
    "unavailable": errors.Unavailable,
}


class Small(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body."""

    text: str


@get("/refuse/{kind:str}", opt=door(public=True))
async def refuse(request: Call) -> None:
    raise KINDS[request.path_params["kind"]]("This is the sentence.", errors=[FieldError("field", "is wrong")])


@get("/wait", opt=door(public=True))
async def wait() -> None:
    raise errors.TooMany(retry_after_seconds=17)


@get("/replay", opt=door(public=True))
async def replay() -> None:
    refusal = errors.InvalidAmount()
    refusal.replayed, refusal.correlation_id = True, "the-first-request"
    raise refusal


@get("/break", opt=door(public=True))
async def break_() -> None:
    raise RuntimeError("the password is hunter2")


@post("/echo", opt=door(public=True))
async def echo(data: JSONBody[Small]) -> Small:
    return data


@pytest.fixture
async def caller(idle_services: Services) -> AsyncIterator[Caller]:
    routes = [refuse, wait, replay, break_, echo]
    settings = HttpSettings(public_url="https://cafe.example.org")
    async with served(create_http(idle_services, settings, routes=routes)) as anybody:
        yield anybody


@pytest.mark.parametrize("kind", KINDS)
async def test_a_refusal_is_a_problem_with_the_status_of_its_kind(caller: Caller, kind: str) -> None:
    reply = await caller.get(f"/refuse/{kind}")

    refusal = KINDS[kind]
    assert reply.status == Kind[kind.upper()].value
    assert reply.code == refusal.code
    assert reply.body["detail"] == "This is the sentence."
    assert reply.body["errors"] == [{"field": "field", "message": "is wrong"}]
    assert reply.body["retryable"] is refusal.retryable
    assert reply.body["type"] == f"https://cafe.example.org/docs/errors#{refusal.code}"
    assert reply.body["correlationId"] == reply.headers["x-correlation-id"]


async def test_who_should_wait_is_told_how_long(caller: Caller) -> None:
    assert (await caller.get("/wait")).headers["retry-after"] == "17"
    assert int((await caller.get("/refuse/too_many")).headers["retry-after"]) > 0
    assert int((await caller.get("/refuse/unavailable")).headers["retry-after"]) > 0
    assert "retry-after" not in (await caller.get("/refuse/conflict")).headers


async def test_who_should_sign_in_is_told_how(caller: Caller) -> None:
    without = await caller.get("/refuse/not_signed_in")
    with_token = await caller.with_token("nonsense").get("/refuse/not_signed_in")

    assert without.headers["www-authenticate"] == 'Bearer realm="tabletap"'
    assert with_token.headers["www-authenticate"] == 'Bearer realm="tabletap", error="invalid_token"'


async def test_a_stored_refusal_says_so_and_names_the_first_request(caller: Caller) -> None:
    reply = await caller.get("/replay")

    assert reply.headers["idempotency-replayed"] == "true"
    assert reply.body["correlationId"] == "the-first-request"
    assert reply.headers["x-correlation-id"] != "the-first-request"


async def test_a_bug_is_logged_with_its_trace_and_answered_with_one_sentence(caller: Caller) -> None:
    with capture_logs() as logged:
        reply = await caller.get("/break")

    assert (reply.status, reply.code) == (500, "server_error")
    assert b"hunter2" not in reply.raw
    assert b"Traceback" not in reply.raw
    [line] = [line for line in logged if line["event"] == "request_failed"]
    assert isinstance(line["exc_info"], RuntimeError)


async def test_an_unknown_address_is_a_problem(caller: Caller) -> None:
    for path in ("/api/v1/nothing", "/nothing", "/api/v1/refuse/malformed/more", "/%00", "/../etc/passwd"):
        reply = await caller.send("GET", path)
        assert (reply.status, reply.code) == (404, "not_found"), path


async def test_a_method_that_is_not_taken_names_those_that_are(caller: Caller) -> None:
    reply = await caller.send("PUT", "/api/v1/echo", {"text": "a"})

    assert (reply.status, reply.code) == (405, "method_not_allowed")
    assert reply.headers["allow"] == "POST"


async def test_a_body_is_at_most_64_kib(caller: Caller) -> None:
    frame = len(b'{"text":""}')
    fits = await caller.post("/echo", {"text": "x" * (64 * 1024 - frame)})
    too_large = await caller.post("/echo", {"text": "x" * (64 * 1024 - frame + 1)})

    assert fits.status == 201
    assert (too_large.status, too_large.code) == (413, "request_too_large")


async def test_a_body_that_does_not_say_its_length_is_counted(caller: Caller) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b'{"text":"'
        for _ in range(80):
            yield b"x" * 1024
        yield b'"}'

    reply = await caller.post("/echo", raw=endless())

    assert (reply.status, reply.code) == (413, "request_too_large")


@pytest.mark.parametrize("raw", [b"", b"not json", b"text=form", b'{"text":"a"'])
async def test_a_body_that_is_no_json_is_malformed(caller: Caller, raw: bytes) -> None:
    reply = await caller.post("/echo", raw=raw)

    assert (reply.status, reply.code) == (400, "invalid_request")


async def test_a_query_parameter_where_none_is_known_is_refused(caller: Caller) -> None:
    reply = await caller.post("/echo?debug=1", {"text": "a"})

    assert (reply.status, reply.code) == (400, "invalid_request")
    assert reply.body["errors"][0]["field"] == "debug"


async def test_nothing_a_caller_sends_breaks_the_edge(caller: Caller) -> None:
    bodies = [b"\x00", b"[" * 60_000, b'{"text":' * 7_000, b'"\\ud800"', b"1" * 5_000, b"-", b'{"text":"\\u0000"}']

    for raw in bodies:
        reply = await caller.post("/echo", raw=raw)
        assert (reply.status, reply.code) == (400, "invalid_request"), raw[:20]
