"""The limits a cafe can set on payments, the addresses it keeps out, and what was refused. Pure."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from tabletap.kernel.ids import Id

Severity = Literal["notice", "warning"]
LONGEST_WINDOW_SECONDS = 86_400
MAX_BLOCKED = 1_000

SEVERITIES: dict[str, Severity] = {
    # these rules
    "payment_limit_exceeded": "warning",
    "too_many_attempts": "warning",
    "too_many_failed_payments": "warning",
    "suspicious_repetition": "warning",
    "address_blocked": "warning",
    # money in somebody else's name or place, or to somewhere else
    "card_number_refused": "warning",
    "other_cafe": "warning",
    "not_allowed": "warning",
    "customer_not_found": "warning",
    "return_url_not_allowed": "warning",
    "idempotency_key_reused": "warning",
    "credit_limit_exceeded": "warning",
    "refund_too_large": "warning",
    "refund_needs_approval": "notice",
    # what an honest mistake can be as well
    "amount_exceeds_outstanding": "notice",
    "invalid_amount": "notice",
    "currency_mismatch": "notice",
    "tip_not_allowed": "notice",
    "metadata_too_large": "notice",
    "order_not_found": "notice",
    "payment_not_found": "notice",
    "qr_payment_not_found": "notice",
    "split_not_found": "notice",
}
"""The refusals that become security events where money is concerned, by their codes. Others are ordinary life."""


class Rate(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """At most so many times within so many seconds."""

    times: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    seconds: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_WINDOW_SECONDS)]


class PaymentRules(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The limits of a cafe (`/payment-policy`). All are off until a manager sets them: guests share one address.

    `PerPerson` and `PerAddress` are about guests and customers who pay for themselves; the cafe's own people are known
    by name, and a till takes money all day. The most for one payment holds for everybody.
    """

    max_amount_per_payment: int | None = None
    max_amount_per_person_per_day: int | None = None
    attempts_per_person: Rate | None = None
    attempts_per_address: Rate | None = None
    failures_per_person: Rate | None = None
    failures_per_address: Rate | None = None
    repetitions_per_person: Rate | None = None
    """How often the same amount may be paid."""
    repetitions_per_address: Rate | None = None

    @property
    def counts_persons(self) -> bool:
        """Whether a payment is held against earlier ones of the same person."""
        return bool(self.max_amount_per_person_per_day or self.failures_per_person or self.repetitions_per_person)

    @property
    def counts_addresses(self) -> bool:
        """Whether a payment is held against earlier ones from the same address."""
        return bool(self.failures_per_address or self.repetitions_per_address)


class PolicyRow(msgspec.Struct, frozen=True):
    """A cafe's own limits: a row of `security_policy`."""

    cafe_id: Id
    rules: dict[str, Any]
    version: int
    updated_by: Id
    updated_at: datetime


class BlockedAddress(msgspec.Struct, frozen=True):
    """A network that is kept out: a row of `blocked_address`."""

    cafe_id: Id
    id: Id
    network: str
    reason: str
    blocked_by: Id
    created_at: datetime
    until: datetime | None


class PaymentAttempt(msgspec.Struct, frozen=True):
    """A payment that was started while limits were on, as they count it: a row of `payment_attempt`."""

    cafe_id: Id
    payment_id: Id
    person_id: Id
    network: str | None
    day: str
    """The cafe's own day."""
    total_minor: int
    at: datetime


class Pace(msgspec.Struct, frozen=True):
    """Makes those who start payments of one person, or from one address, wait for each other: a row of `payment_pace`.

    What is counted is in other rows; `version` moves with each start, so that two cannot count the same past.
    """

    cafe_id: Id
    subject: str
    version: int


class Lookback(msgspec.Struct, frozen=True):
    """How far back earlier payments count."""

    failed_since: datetime
    repeated_since: datetime
    since: datetime
    """What is older does not matter at all."""


class Earlier(msgspec.Struct, frozen=True):
    """What was paid before, counted for one person or address."""

    spent_minor: int
    failures: int
    first_failure_at: datetime | None
    repetitions: int
    first_repetition_at: datetime | None


class SecurityEvent(msgspec.Struct, frozen=True):
    """Refusals of one kind within a minute: a row of `security_event`, never changed, without secrets or digits."""

    cafe_id: Id
    id: Id
    rule: str
    count: int
    person_id: Id | None
    audience: str | None
    address: str | None
    route: str
    order_id: Id | None
    payment_id: Id | None
    amount_minor: int | None
    method: str | None
    correlation_id: str | None
    first_at: datetime
    last_at: datetime


class BlockAddress(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`POST /blocked-addresses`: an address or a network in CIDR notation, until a moment or for good."""

    address: Annotated[str, msgspec.Meta(min_length=2, max_length=50)]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    until: datetime | None = None


class BlockedAddressView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A network that is kept out, as managers see it."""

    id: Id
    address: str
    reason: str
    blocked_by: Id
    created_at: datetime
    until: datetime | None = None
    active: bool


class SecurityEventView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What was refused, as managers see it; `count` times between the two moments."""

    id: Id
    rule: str
    severity: Severity
    count: int
    first_at: datetime
    last_at: datetime
    route: str
    person_id: Id | None = None
    audience: str | None = None
    """`access` for people with an account, `guest`, `device`."""
    address: str | None = None
    order_id: Id | None = None
    payment_id: Id | None = None
    amount: int | None = None
    payment_method: str | None = None
    correlation_id: str | None = None


def blocked_view(row: BlockedAddress, now: datetime) -> BlockedAddressView:
    """The row for people."""
    return BlockedAddressView(
        id=row.id,
        address=row.network,
        reason=row.reason,
        blocked_by=row.blocked_by,
        created_at=row.created_at,
        until=row.until,
        active=row.until is None or row.until > now,
    )


def event_view(row: SecurityEvent) -> SecurityEventView:
    """The row for people."""
    return SecurityEventView(
        id=row.id,
        rule=row.rule,
        severity=SEVERITIES.get(row.rule, "notice"),
        count=row.count,
        first_at=row.first_at,
        last_at=row.last_at,
        route=row.route,
        person_id=row.person_id,
        audience=row.audience,
        address=row.address,
        order_id=row.order_id,
        payment_id=row.payment_id,
        amount=row.amount_minor,
        payment_method=row.method,
        correlation_id=row.correlation_id,
    )
