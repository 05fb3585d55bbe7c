"""Refusals: what we turn down, each with a stable code, a kind and one clear sentence.

Anything raised that is not a Refusal is a bug.
"""

from collections.abc import Sequence
from enum import Enum
from typing import ClassVar

import msgspec


class Kind(Enum):
    """Why something was refused; each edge maps a kind once. The value is the HTTP status of contract section 2.1."""

    MALFORMED = 400
    NOT_SIGNED_IN = 401
    FORBIDDEN = 403
    NOT_FOUND = 404
    CONFLICT = 409
    TOO_LARGE = 413
    REFUSED = 422
    TOO_MANY = 429
    UNAVAILABLE = 503


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field of a request."""

    field: str
    message: str


REFUSALS: dict[str, type["Refusal"]] = {}
"""Every refusal by its code: the source of the generated page of error codes."""


class Refusal(Exception):
    """Something was turned down. The subclass says what, the docstring's first line is the sentence people read."""

    code: ClassVar[str] = ""
    kind: ClassVar[Kind] = Kind.REFUSED
    retryable: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        """Enter the refusal in the register; two with one code would make the code meaningless."""
        if not cls.code or REFUSALS.setdefault(cls.code, cls) is not cls:
            raise TypeError(f"{cls.__qualname__}: every refusal has a code of its own, {cls.code!r} is not")

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: Sequence[FieldError] = (),
        retry_after_seconds: int | None = None,
    ) -> None:
        """Give a detail to say more than the docstring's sentence; never a secret, it is shown to the caller."""
        self.detail = detail or (type(self).__doc__ or self.code).strip().split("\n")[0]
        self.errors = tuple(errors)
        self.retry_after_seconds = retry_after_seconds
        self.replayed = False
        """True when this is the stored refusal of an earlier request with the same key."""
        self.correlation_id: str | None = None
        """The correlation id of that earlier request."""
        super().__init__(self.detail)


class InvalidRequest(Refusal):
    """The request does not have the shape this operation needs."""

    code, kind = "invalid_request", Kind.MALFORMED


class NotSignedIn(Refusal):
    """Sign in first: no valid token came with the request."""

    code, kind = "token_invalid", Kind.NOT_SIGNED_IN


class TokenExpired(Refusal):
    """The token has expired; refresh it or sign in again."""

    code, kind = "token_expired", Kind.NOT_SIGNED_IN


class NotAllowed(Refusal):
    """This person may not do that."""

    code, kind = "not_allowed", Kind.FORBIDDEN


class OtherCafe(Refusal):
    """The request names another cafe than the one you are signed in to."""

    code, kind = "other_cafe", Kind.FORBIDDEN


class NotFound(Refusal):
    """There is nothing here with that id."""

    code, kind = "not_found", Kind.NOT_FOUND


class CustomerNotFound(Refusal):
    """There is no customer account with that id in this cafe."""

    code, kind = "customer_not_found", Kind.NOT_FOUND


class InvalidAmount(Refusal):
    """An amount must be a whole number of minor units above zero."""

    code = "invalid_amount"


class CurrencyMismatch(Refusal):
    """The currency is not the one this cafe trades in."""

    code = "currency_mismatch"


class VersionConflict(Refusal):
    """Somebody changed this in the meantime; read it again and decide again."""

    code, kind = "version_conflict", Kind.CONFLICT


class TooLarge(Refusal):
    """The request is larger than this operation takes."""

    code, kind = "request_too_large", Kind.TOO_LARGE


class TooMany(Refusal):
    """Too many requests in a short time; wait a moment."""

    code, kind, retryable = "rate_limit_exceeded", Kind.TOO_MANY, True


class Unavailable(Refusal):
    """This cannot be done right now; nothing was changed, try again shortly."""

    code, kind, retryable = "temporarily_unavailable", Kind.UNAVAILABLE, True
