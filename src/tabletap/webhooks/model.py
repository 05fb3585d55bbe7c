"""A provider's notice: as it is stored, what became of it, and as managers see it. Pure."""

import hashlib
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from tabletap.kernel.cards import has_card_number
from tabletap.kernel.ids import Id

NoticeState = Literal["received", "handled", "kept", "held"]
"""`received`: to be worked off. `handled`: done. `kept`: nothing to do. `held`: it failed for long, look at it."""
Outcome = Literal["changed", "unchanged", "not_ours", "unanswered", "failed"]
"""What asking the provider came to."""
_SHOWN = ("eventType", "paymentId", "reference", "refundId", "refundReference", "orderId", "amount", "currency",
          "status", "timestamp")  # fmt: skip
"""The fields of a notice that contract section 5 names, without `metadata`: that could hold anything."""
_SHOWN_CHARACTERS, _NAMED_CHARACTERS = 200, 100
_MASK = "••••••"
BODY_KEPT_FOR = timedelta(days=90)
"""What a provider wrote may name people, so it is not kept for ever; that it came, and what became of it, is."""


class Notice(msgspec.Struct, frozen=True):
    """A provider's notice and what became of it: a row of `webhook_inbox` without its body."""

    cafe_id: Id
    id: Id
    account_id: Id
    dedupe_id: str
    event_type: str
    reference: Id | None
    refund_reference: Id | None
    state: Literal["received", "handled", "kept"]
    received_at: datetime
    handled_at: datetime | None
    attempts: int
    tried_at: datetime | None
    held_at: datetime | None
    outcome: Outcome | None
    error: str | None
    status_before: str | None
    status_after: str | None
    refund_status: str | None

    @property
    def shown_state(self) -> NoticeState:
        """The state people see: one that was tried in vain for long is held, not lost."""
        return "held" if self.state == "received" and self.held_at is not None else self.state


class InboxEntry(Notice, frozen=True):
    """The whole row: the notice with the bytes as they came, for as long as they are kept."""

    body: bytes
    body_until: datetime | None


def new_entry(
    *,
    cafe_id: Id,
    id_: Id,
    account_id: Id,
    dedupe_id: str,
    event_type: str,
    reference: Id | None,
    refund_reference: Id | None,
    body: bytes,
    now: datetime,
    is_understood: bool,
) -> InboxEntry:
    """A notice that has just come: to be worked off, or, where we do not know what it is about, kept."""
    return InboxEntry(
        cafe_id=cafe_id,
        id=id_,
        account_id=account_id,
        dedupe_id=_fingerprint(dedupe_id) if has_card_number(dedupe_id) else dedupe_id,
        event_type=storable(event_type) or "unnamed",
        reference=reference,
        refund_reference=refund_reference,
        state="received" if is_understood else "kept",
        received_at=now,
        handled_at=None,
        attempts=0,
        tried_at=None,
        held_at=None,
        outcome=None,
        error=None,
        status_before=None,
        status_after=None,
        refund_status=None,
        body=storable_body(body),
        body_until=now + BODY_KEPT_FOR,
    )


def storable(text: str) -> str:
    """What somebody else wrote, as we may store it: printable, not too long, no card number."""
    shown = "".join(filter(str.isprintable, text))[:_NAMED_CHARACTERS]
    return _MASK if has_card_number(shown, moments_pass=True) else shown


def storable_body(raw: bytes) -> bytes:
    """The bytes as they came; but a card number, which is never stored anywhere (money.md), is taken out of them."""
    if not _has_card(raw):
        return raw
    try:
        masked = msgspec.json.encode(_without_cards(msgspec.json.decode(raw)))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return b""
    return b"" if _has_card(masked) else masked


def _has_card(raw: bytes) -> bool:
    return has_card_number(raw.decode("utf-8", "replace"), moments_pass=True)


def _without_cards(value: Any) -> Any:
    if isinstance(value, dict):
        return {_without_cards(key): _without_cards(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_cards(inner) for inner in value]
    is_plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    return _MASK if is_plain and has_card_number(str(value), moments_pass=True) else value


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Worked(msgspec.Struct, frozen=True, kw_only=True):
    """What one attempt to work a notice off came to."""

    outcome: Outcome
    error: str | None = None
    status_before: str | None = None
    status_after: str | None = None
    refund_status: str | None = None

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to try."""
        return self.outcome in ("changed", "unchanged", "not_ours")


class NoticeView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """A notice as managers see it in the list."""

    notice_id: Id
    account_id: Id
    event_type: str
    state: NoticeState
    received_at: datetime
    attempts: int
    reference: Id | None = None
    payment_id: Id | None = None
    """Set when the reference is a payment of this cafe."""
    order_id: Id | None = None
    payment_status: str | None = None
    """How the payment stands now."""
    outcome: Outcome | None = None
    error: str | None = None
    status_before: str | None = None
    status_after: str | None = None
    refund_reference: Id | None = None
    refund_status: str | None = None
    tried_at: datetime | None = None
    handled_at: datetime | None = None
    held_at: datetime | None = None


class NoticeDetailView(NoticeView, rename="camel", frozen=True, omit_defaults=True):
    """One notice with what it said. What it said was not believed: the provider was asked."""

    fields: dict[str, Any] = {}
    other_fields: list[str] = []
    """The names of what else it carried; the values are not shown."""


def worked_off(entry: Notice, worked: Worked, now: datetime, *, give_up: bool) -> Notice:
    """The entry after an attempt: done, to be tried again, or held."""
    return msgspec.structs.replace(
        entry,
        state="handled" if worked.is_done else "received",
        attempts=entry.attempts + 1,
        tried_at=now,
        handled_at=now if worked.is_done else None,
        held_at=now if give_up and not worked.is_done else None,
        outcome=worked.outcome,
        error=worked.error,
        status_before=worked.status_before,
        status_after=worked.status_after,
        refund_status=worked.refund_status,
    )


def replayed(entry: Notice) -> Notice:
    """The entry as it is to be worked off anew."""
    return msgspec.structs.replace(entry, state="received", handled_at=None, held_at=None)


def fields_of(raw: bytes) -> tuple[dict[str, Any], list[str]]:
    """The named fields of a body that are plain values, and the names of all others."""
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}, []
    if not isinstance(body, dict):
        return {}, []
    shown = {name: body[name] for name in _SHOWN if name in body and _is_plain(body[name])}
    return shown, sorted(name[:60] for name in body if name not in shown)[:50]


def _is_plain(value: Any) -> bool:
    return isinstance(value, bool | int) or (isinstance(value, str) and len(value) <= _SHOWN_CHARACTERS)
