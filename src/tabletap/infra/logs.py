"""Log lines: structured, with a correlation id, and never with a secret or a card number in them."""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from tabletap.infra.db.transaction import correlation_id
from tabletap.infra.settings import LogFormat, LogLevel

MASK = "••••••"
_SECRET_NAME = re.compile(
    "secret|passw|token|authorization|api.?key|signature|cookie|credential|(^|_)(pin|cvv|cvc|pan)($|_)", re.IGNORECASE
)
_SECRET_TEXT = re.compile(
    r"(?P<keep>\b(?:Bearer|Basic)\s+)[A-Za-z0-9._~+/=-]{8,}"  # a header
    r"|\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"  # a JSON Web Token
    r"|(?P<user>://[^:/@\s]*:)[^@/\s]+(?=@)",  # the password in an address
)
_CARD = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])", re.ASCII)
_DEPTH = 6


def set_up_logs(level: LogLevel = "info", format_: LogFormat = "console", stream: TextIO | None = None) -> None:
    """Send everything that is logged, by us or by libraries, to one stream in one form. Safe to repeat."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_correlation_id,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                mask_secrets,
                _renderer(format_, handler.stream),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    _route_servers()


def _renderer(format_: LogFormat, stream: TextIO) -> Processor:
    if format_ == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    # The plain traceback: the pretty one would print local variables, and with them secrets.
    return structlog.dev.ConsoleRenderer(
        colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
    )


def _route_servers() -> None:
    """uvicorn brings handlers of its own: its lines go through ours instead.

    Its lines about requests name paths, and paths carry table codes and tokens: http.frame notes the route.
    """
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET)
        logger.propagate = name != "uvicorn.access"


def add_correlation_id(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Name the request, message or job that the line belongs to."""
    current = correlation_id.get()
    if current is not None:
        event.setdefault("correlation_id", current)
    return event


def mask_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Hide what has the name or the look of a secret or a card number, however deep it is."""
    return {name: _masked(name, value, 0) for name, value in event.items()}


def masked_text(text: str) -> str:
    """The text without tokens, passwords in addresses and card numbers."""
    text = _SECRET_TEXT.sub(lambda found: (found["keep"] or found["user"] or "") + MASK, text)
    return _CARD.sub(lambda found: MASK if _is_card_number(found[0]) else found[0], text)


def _masked(name: str, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if _SECRET_NAME.search(name):
        return MASK
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, int):
        return MASK if value >= 10**13 and _is_card_number(str(value)) else value
    if depth >= _DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {key: _masked(str(key), inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked("", inner, depth + 1) for inner in value]
    return value if isinstance(value, float) else masked_text(repr(value))


def _is_card_number(text: str) -> bool:
    """13 to 19 digits with a right check digit (ISO/IEC 7812-1, annex B: Luhn)."""
    digits = [int(each) for each in reversed(text) if each.isdigit()]
    total = sum(digits[0::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return 13 <= len(digits) <= 19 and total % 10 == 0
