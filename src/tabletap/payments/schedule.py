"""When a provider is asked again about a payment, and when a person has to look.

Three rows of times, each for what is not known:

- **Unknown**: a call went out and its answer is lost (`processing`). Asked within seconds, then ever more seldom for a
  week (money.md, "Unknown outcomes"); after that a person has to look. Its claim on the bill stays all the while.
- **Waiting**: the provider has it, the guest is not done (`pending`). Asked until its time is over, so that a dropped
  callback costs seconds and not the payment. After its time every look first tries to cancel it at the provider again:
  it never expires without the provider's word, and it is never stuck because the provider was away in that one moment.
- **Ended**: it came to nothing here (`failed`, `cancelled`, `expired`), and the provider may still take the money: a
  guest who confirms in the last second, a late success whose callback was dropped. Looked at after a minute, five
  minutes, half an hour, two hours and then daily for a week.

Only a look that is on the schedule moves it on: staff who press "check" ten times do not use up the week.
"""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import Id
from tabletap.kernel.people import SYSTEM_ID
from tabletap.payments import flags, store
from tabletap.payments.model import ANSWERED_IN_THE_END, ENDED, LIVE, Answer, Payment, ProviderCall

VERIFY = "payment-queue:verify_payment"
EXPIRE = "payment-queue:expire_payment"
SUPERSEDED = "payment-queue:give_up_payment"
VERIFY_AFTER = timedelta(seconds=30)
"""The seed verifies a payment 30 seconds after its start."""
UNKNOWN_SCHEDULE = tuple(
    timedelta(seconds=seconds) for seconds in (2, 5, 15, 30, 60, 300, 1_800, 7_200, *(86_400,) * 7)
)
PENDING_SCHEDULE = tuple(timedelta(seconds=seconds) for seconds in (30, 60, 120, 300, 600))
"""The last of them again and again, until the payment's time is over."""
ENDED_SCHEDULE = tuple(timedelta(seconds=seconds) for seconds in (60, 300, 1_800, 7_200, *(86_400,) * 7))
STUCK_AFTER = timedelta(days=7)
"""A provider that calls a payment open so long after its time: a person has to look."""
NEVER_ARRIVED_AFTER = timedelta(minutes=2)
"""How long a request may still travel: the longest time that a provider can be given for an answer (settings)."""

CallKind = Literal["start", "check", "cancel"]
Phase = Literal["pending", "processing", "ended"]


class PaymentJob(msgspec.Struct):
    """The payload of every job about a payment. `turn` of the times of a `phase`; none: a look of its own."""

    cafe_id: Id
    payment_id: Id
    phase: Phase | None = None
    turn: int = 0


def phase_of(payment: Payment) -> Phase | None:
    """Which row of times a payment is on; none once it is completed."""
    if payment.state in ENDED:
        return "ended"
    return "pending" if payment.state == "pending" else "processing" if payment.state == "processing" else None


def is_overtaken(payment: Payment, job: PaymentJob) -> bool:
    """Whether a scheduled look has had its turn, or the payment has moved on since it was planned."""
    if job.phase is None:
        return payment.state not in LIVE
    return job.phase != phase_of(payment) or (job.phase != "ended" and job.turn != payment.check_count)


def is_over(payment: Payment, now: datetime) -> bool:
    """Whether the payment's time is over."""
    return payment.expires_at is not None and payment.expires_at <= now


def begin(tx: Transaction, payment: Payment, *, at_provider: bool) -> None:
    """Plan the first look at a new payment, and its end."""
    if at_provider:
        _plan(tx, payment, "pending", 0, VERIFY_AFTER)
    if payment.expires_at is not None:
        job = PaymentJob(payment.cafe_id, payment.id)
        tx.enqueue(EXPIRE, job, at=payment.expires_at, priority=payment.priority)


def never_arrived(payment: Payment, answer: Answer, calls: list[ProviderCall], now: datetime) -> bool:
    """Whether a payment of unknown outcome can be ended as failed, because the provider knows no such payment.

    Only once our last request to start it can no longer be on its way, and only if the provider has never confirmed it:
    then it says by query, for good, that nothing was charged. It is not asked for again instead: whoever stood at the
    counter minutes ago has no use for a payment page now, while a failed payment gives the bill free at once. Should
    the request arrive after all, the looks that follow an end find it and cancel it there, or take its money as late.
    """
    if not answer.unknown_there or payment.state != "processing" or payment.gateway_payment_id is not None:
        return False
    started = [call.at for call in calls if call.kind == "start"]
    return now - max(started, default=payment.initiated_at) >= NEVER_ARRIVED_AFTER


def plan_next(tx: Transaction, before: Payment, after: Payment, kind: CallKind, look: PaymentJob | None) -> Payment:
    """Plan the next look at a payment at a provider, after one answer about it. Safe to repeat.

    What a person has to decide, because the provider speaks of other money than ours, is not asked after by itself.
    """
    phase = phase_of(after)
    if phase is None or (after.review_reason in ANSWERED_IN_THE_END and after.review_reason != "outcome_unknown"):
        return after
    if phase == "ended":
        return _plan_after_end(tx, before, after, kind, look)
    if phase == "processing" and before.state != "processing":
        _plan(tx, after, phase, 0, UNKNOWN_SCHEDULE[0])
        return _counted(tx, after, 0)
    if look is None or look.phase != phase or look.turn != after.check_count:
        return after
    turn = look.turn + 1
    after = _counted(tx, after, turn)
    times = UNKNOWN_SCHEDULE if phase == "processing" else (*PENDING_SCHEDULE, *(PENDING_SCHEDULE[-1],) * turn)
    stuck = after.expires_at is not None and tx.now > after.expires_at + STUCK_AFTER
    if turn >= len(times) or (phase == "pending" and stuck):
        return flags.flag(tx, after, "outcome_unknown", "clock", SYSTEM_ID)
    _plan(tx, after, phase, turn, times[turn])
    return after


def _plan_after_end(
    tx: Transaction, before: Payment, after: Payment, kind: CallKind, look: PaymentJob | None
) -> Payment:
    refused_at_once = kind == "start" and after.gateway_payment_id is None
    if before.state in LIVE and not refused_at_once:
        _plan(tx, after, "ended", 0, ENDED_SCHEDULE[0])
    elif look is not None and look.phase == "ended" and look.turn + 1 < len(ENDED_SCHEDULE):
        _plan(tx, after, "ended", look.turn + 1, ENDED_SCHEDULE[look.turn + 1])
    return after


def _plan(tx: Transaction, payment: Payment, phase: Phase, turn: int, after: timedelta) -> None:
    job = PaymentJob(payment.cafe_id, payment.id, phase, turn)
    key = f"look:{payment.id}:{phase}:{turn}"
    tx.enqueue(VERIFY, job, after=after, dedupe_key=key, priority=payment.priority)


def _counted(tx: Transaction, payment: Payment, count: int) -> Payment:
    if payment.check_count == count:
        return payment
    after = msgspec.structs.replace(payment, check_count=count, version=payment.version + 1)
    store.save(tx, payment, after)
    return after
