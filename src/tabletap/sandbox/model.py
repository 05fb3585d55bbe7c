"""What the simulated provider knows: accounts, payments, refunds, notices, and the rules of their states."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from tabletap.sandbox.errors import DisputeExceedsCharge, NotCharged, PaymentClosed, RefundExceedsCharge

SIGNATURE_HEADER = "Payconic-Signature"
EVENT_ID_HEADER = "Payconic-Event-Id"
TIMESTAMP_HEADER = "Payconic-Timestamp"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Amount = Annotated[int, msgspec.Meta(gt=0, le=10**12)]
Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
WebAddress = Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s/?#@]+([/?#]\S*)?$", max_length=2_048)]


class Method(StrEnum):
    """How the guest pays."""

    CARD = "card"
    BANK_TRANSFER = "bank_transfer"
    DIGITAL_WALLET = "digital_wallet"


OPEN_FOR_MS = {Method.CARD: 1_800_000, Method.BANK_TRANSFER: 3_600_000, Method.DIGITAL_WALLET: 1_800_000}
"""How long a payment waits for its guest: 30, 60 and 30 minutes (contract section 3)."""


class Status(StrEnum):
    """The states of a payment; a refund uses the first three."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class DisputeStatus(StrEnum):
    """How a dispute stands. While it is open, and when it is lost, its money is not the merchant's."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


class SandboxAccount(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A merchant's account at the provider: who may call, and the secret that signs what it is told."""

    merchant_id: Text
    api_key: Text
    webhook_secret: Text


class StartPayment(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The body of POST /payments (contract section 5)."""

    amount: Amount
    currency: Currency
    reference: Text
    order_id: Text
    payment_method: Method
    return_url: WebAddress | None = None
    webhook_url: WebAddress | None = None
    metadata: dict[str, Any] = {}


class StartRefund(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The body of POST /payments/{id}/refunds."""

    amount: Amount
    reference: Text


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment at the provider. `refunded` counts what went back, `late_at_ms` when late money will arrive."""

    id: str
    merchant_id: str
    reference: str
    order_id: str
    method: str
    amount: int
    currency: str
    status: Status
    refunded: int = 0
    disputed: int = 0
    return_url: str | None
    webhook_url: str | None
    metadata: bytes
    created_at_ms: int
    expires_at_ms: int
    late_at_ms: int | None = None

    def charged(self) -> "Payment":
        """The payment with its money taken."""
        return msgspec.structs.replace(self, status=Status.SUCCEEDED, late_at_ms=None)

    def closed_as(self, status: Status) -> "Payment":
        """The payment ended without money. Raises PaymentClosed when it ended otherwise before."""
        if self.status not in (Status.PENDING, status):
            raise PaymentClosed(f"The payment is {self.status} and can no longer become {status}.")
        return msgspec.structs.replace(self, status=status)

    def with_refund(self, amount: int) -> "Payment":
        """The payment after giving back an amount. Raises NotCharged, RefundExceedsCharge."""
        if self.status is not Status.SUCCEEDED:
            raise NotCharged
        left = self.amount - self.refunded - self.disputed
        if amount > left:
            raise RefundExceedsCharge(f"Only {left} of {self.amount} {self.currency} is left to refund, not {amount}.")
        return msgspec.structs.replace(self, refunded=self.refunded + amount)

    def with_dispute(self, amount: int | None) -> "Payment":
        """The payment with (part of) its money in dispute, all that is left by default.

        Raises NotCharged, DisputeExceedsCharge.
        """
        if self.status is not Status.SUCCEEDED:
            raise NotCharged
        left = self.amount - self.refunded - self.disputed
        wanted = left if amount is None else amount
        if not 0 < wanted <= left:
            raise DisputeExceedsCharge(f"Only {left} of {self.amount} {self.currency} can be disputed.")
        return msgspec.structs.replace(self, disputed=self.disputed + wanted)


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """Money given back."""

    id: str
    payment_id: str
    reference: str
    amount: int
    status: Status
    created_at_ms: int


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """A guest's bank wants money of a payment back."""

    id: str
    payment_id: str
    amount: int
    status: DisputeStatus
    reason: str
    opened_at_ms: int
    closed_at_ms: int | None = None


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One callback to the merchant: its exact bytes and where it stands.

    `next_at_ms` is None once nothing more is tried; `waits` marks one held back until a later notice went out.
    """

    seq: int = 0
    event_id: str
    payment_id: str
    merchant_id: str
    event_type: str
    url: str
    body: bytes
    timestamp: str
    forged: bool = False
    waits: bool = False
    attempts: int = 0
    created_at_ms: int
    next_at_ms: int | None
    given_up: bool = False


class NoticeBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The signed body of a callback (contract section 5)."""

    event_type: str
    payment_id: str
    reference: str
    refund_id: str | msgspec.UnsetType = msgspec.UNSET
    refund_reference: str | msgspec.UnsetType = msgspec.UNSET
    order_id: str
    amount: int
    currency: str
    status: Status | DisputeStatus
    timestamp: str
    metadata: msgspec.Raw
    dispute_id: str | msgspec.UnsetType = msgspec.UNSET


class Mode(msgspec.Struct, frozen=True, rename="camel"):
    """Whether payments need a guest, and whether callbacks are sent."""

    auto_approve: bool = False
    webhooks: bool = True


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """How long the sandbox takes over what takes time. Whole milliseconds.

    `open_for_ms` replaces the time a payment waits for its guest, `hold_ms` is how long a lost answer keeps the
    caller waiting, `reorder_ms` how long a notice waits at most for another one to overtake it.
    """

    open_for_ms: int | None = None
    hold_ms: int = 2_000
    slow_ms: int = 1_000
    late_success_ms: int = 1_000
    reorder_ms: int = 1_000
    first_retry_ms: int = 250
    longest_retry_ms: int = 300_000
    give_up_after_ms: int = 86_400_000
    webhook_timeout_ms: int = 15_000

    def retry_after_ms(self, attempts: int) -> int:
        """How long to wait after so many attempts that failed: doubling, up to a limit."""
        return min(self.first_retry_ms << min(attempts - 1, 20), self.longest_retry_ms)


def rfc3339(at_ms: int) -> str:
    """Milliseconds since 1970 as RFC 3339 in UTC with Z."""
    at = _EPOCH + timedelta(milliseconds=at_ms)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


def sign(body: bytes, webhook_secret: str) -> str:
    """The signature of a callback: lowercase hex HMAC-SHA256 of its raw body."""
    return hmac.new(webhook_secret.encode(), body, hashlib.sha256).hexdigest()
