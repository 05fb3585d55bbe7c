"""Refusals as live clients read them: contract 4.2's types, mapped once from the kind of refusal."""

import msgspec

from tabletap.kernel.errors import InvalidRequest, Kind, Refusal
from tabletap.realtime.messages import Error, ErrorType

TYPES: dict[Kind, ErrorType] = {
    Kind.MALFORMED: "invalid_message_format",
    Kind.NOT_SIGNED_IN: "authentication_failed",
    Kind.FORBIDDEN: "authorization_denied",
    Kind.NOT_FOUND: "resource_not_found",
    Kind.CONFLICT: "conflict",
    Kind.TOO_LARGE: "invalid_message_format",
    Kind.REFUSED: "conflict",
    Kind.TOO_MANY: "rate_limit_exceeded",
    Kind.UNAVAILABLE: "server_error",
}
"""One kind, one type."""
BUG = Error(
    type="server_error",
    code="internal_error",
    message="Something went wrong on our side; it has been noted. Please try again.",
    retryable=True,
)
"""What a person reads when we made a mistake; the log has the rest."""


def error_of(refusal: Refusal, stream: str | None = None) -> Error:
    """A refusal as it goes into an ack and into `exception`."""
    return Error(
        type=TYPES[refusal.kind],
        code=refusal.code,
        message=refusal.detail,
        retryable=refusal.retryable,
        retry_after_seconds=refusal.retry_after_seconds,
        stream=stream,
    )


def malformed(error: msgspec.ValidationError) -> InvalidRequest:
    """A message that does not have the shape it should."""
    return InvalidRequest(f"{error}.")
