"""Log lines: what is in them and what never is."""

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from tabletap.infra.db.transaction import correlation_id
from tabletap.infra.logs import MASK, masked_text, set_up_logs
from tabletap.infra.settings import LogFormat
from tabletap.kernel.ids import new_id

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
CARD = "4111111111111111"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_for_machines_has_time_level_name_and_correlation_id(stream: io.StringIO) -> None:
    set_up_logs("info", "json", stream)
    mark = correlation_id.set("c-1")

    structlog.get_logger("tabletap.payments").info("payment completed", amount=480, currency="AUD")
    correlation_id.reset(mark)
    structlog.get_logger("tabletap.payments").info("idle")

    first, second = lines(stream)
    assert first.pop("timestamp").endswith("Z")
    assert first == {
        "event": "payment completed",
        "level": "info",
        "logger": "tabletap.payments",
        "correlation_id": "c-1",
        "amount": 480,
        "currency": "AUD",
    }
    assert "correlation_id" not in second


def test_a_line_for_people_says_the_same_in_one_line(stream: io.StringIO) -> None:
    set_up_logs("info", "console", stream)

    structlog.get_logger("tabletap").warning("slow provider", seconds=12)

    (line,) = stream.getvalue().splitlines()
    assert "warning" in line
    assert "slow provider" in line
    assert "seconds=12" in line


def test_what_is_below_the_level_is_not_written(stream: io.StringIO) -> None:
    set_up_logs("warning", "json", stream)

    structlog.get_logger("tabletap").info("quiet")
    logging.getLogger("uvicorn.error").info("quiet")

    assert stream.getvalue() == ""


def test_the_web_servers_own_lines_go_through_ours(stream: io.StringIO) -> None:
    noisy = logging.getLogger("uvicorn.error")
    noisy.addHandler(logging.StreamHandler(io.StringIO()))
    noisy.propagate = False

    set_up_logs("info", "json", stream)
    noisy.info('%s - "%s"', "192.0.2.1", f"GET /orders?token={TOKEN}")

    (line,) = lines(stream)
    assert line["logger"] == "uvicorn.error"
    assert line["event"] == f'192.0.2.1 - "GET /orders?token={MASK}"'


def test_the_web_servers_lines_about_requests_are_none_for_they_name_paths(stream: io.StringIO) -> None:
    set_up_logs("debug", "json", stream)

    logging.getLogger("uvicorn.access").info("GET /t/a-table-code")

    assert stream.getvalue() == ""


def test_setting_up_twice_writes_each_line_once(stream: io.StringIO) -> None:
    set_up_logs("info", "json", stream)
    set_up_logs("info", "json", stream)

    structlog.get_logger("tabletap").info("once")

    assert len(lines(stream)) == 1


def test_no_secret_is_written_however_deep_it_is(stream: io.StringIO) -> None:
    set_up_logs("info", "json", stream)

    structlog.get_logger("tabletap").info(
        f"called with Bearer {TOKEN}",
        password="hunter2-a",
        headers={"Authorization": "Basic aHVudGVyMg==", "Accept": "*/*"},
        bodies=[{"refreshToken": "hunter2-b", "card": {"cvv": "737", "number": CARD}}],
        jwt_secret="hunter2-c",
        url="postgresql://tabletap:hunter2-d@db/x",
        number=int(CARD),
        spaced="card 4111 1111 1111 1111 was declined",
        key=b"hunter" + b"2",
        nothing=None,
        pin=1234,
    )

    # Without its time, whose digits may happen to look like what must not be seen.
    text = re.sub(r'"timestamp":\s*"[^"]*"', "", stream.getvalue())
    for hidden in ("hunter2-", TOKEN, "aHVudGVyMg", "737", CARD, "4111 1111", "1234"):
        assert hidden not in text
    (line,) = lines(stream)
    assert line["headers"]["Accept"] == "*/*"
    assert line["spaced"] == f"card {MASK} was declined"
    assert line["url"] == f"postgresql://tabletap:{MASK}@db/x"
    assert line["nothing"] is None


def fail_with(token: str) -> None:
    table_code = "hunter2" + "-local"  # a local variable whose value a pretty traceback would print
    raise ValueError(f"refused {token}, {len(table_code)} characters")


@pytest.mark.parametrize("format_", ["json", "console"])
def test_a_traceback_is_written_without_secrets_and_local_variables(stream: io.StringIO, format_: LogFormat) -> None:
    set_up_logs("info", format_, stream)

    try:
        fail_with(TOKEN)
    except ValueError:
        structlog.get_logger("tabletap").exception("failed")

    text = stream.getvalue()
    assert "ValueError: refused" in text
    assert "in fail_with" in text
    assert TOKEN not in text
    assert "hunter2-local" not in text


@pytest.mark.parametrize(
    "text",
    [CARD, "4111-1111-1111-1111", "5500 0000 0000 0004", "340000000000009", "6011000000000004", "pan=30000000000004"],
)
def test_what_looks_like_a_card_number_is_hidden(text: str) -> None:
    assert MASK in masked_text(text)
    assert "0000" not in masked_text(text)
    assert "1111" not in masked_text(text)


@pytest.mark.parametrize("text", ["4111111111111112", "123456789012", "order 2026-11-23 12:30", "+61 412 345 678"])
def test_other_numbers_stay_readable(text: str) -> None:
    assert masked_text(text) == text


def test_ids_are_never_taken_for_card_numbers() -> None:
    ids = [new_id() for _ in range(2000)] + ["41111111-1111-1111-8111-111111111111"]

    assert [masked_text(id_) for id_ in ids] == ids
