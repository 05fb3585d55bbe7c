"""Whether somebody may go on paying: blocked addresses, attempts, limits, failures and repetitions.

Attempts are counted in memory (or wherever `limits` keeps its counters), refused ones with the others. What was paid,
failed and repeated is counted from rows, in the payment's own transaction and only where a cafe set such a limit, so
that the limit holds among several processes and whoever pays at the same moment.
"""

import math
from collections import OrderedDict
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Transaction
from tabletap.infra.idempotency import Once
from tabletap.infra.ratelimit import Limit, RateLimits
from tabletap.kernel.addresses import caller_network
from tabletap.kernel.errors import Refusal, TooMany
from tabletap.kernel.people import Actor, Role
from tabletap.orders.service import cafe_of
from tabletap.payments.model import Payment
from tabletap.payments.security import store
from tabletap.payments.security.errors import (
    AddressBlocked,
    PaymentLimitExceeded,
    SuspiciousRepetition,
    TooManyAttempts,
    TooManyFailedPayments,
)
from tabletap.payments.security.model import Earlier, Lookback, Pace, PaymentAttempt, PaymentRules, Rate
from tabletap.payments.security.rulebook import RuleBook

_A_DAY_AT_MOST = timedelta(hours=25)
"""The longest day there is: the one on which the clocks go back."""
_REMEMBERED = 10_000
"""How many requests are known again when they are repeated; one that was forgotten counts again, no more."""


class Attempt(msgspec.Struct, frozen=True):
    """One attempt to pay: whether it may go on, and what to hold its payment against."""

    rules: PaymentRules
    refusal: Refusal | None = None
    is_limited: bool = False
    """Somebody who pays for themselves. The cafe's own people are known by name."""

    def require(self) -> None:
        """Raise TooManyAttempts when there were too many. Within the decision, so that a stored answer still counts."""
        if self.refusal is not None:
            raise self.refusal

    async def allow(self, tx: Transaction, payment: Payment) -> None:
        """Hold a payment that is about to start against the cafe's limits, and count it.

        Raises PaymentLimitExceeded, TooManyFailedPayments, SuspiciousRepetition.
        """
        rules, most = self.rules, self.rules.max_amount_per_payment
        if most is not None and payment.total_minor > most:
            raise PaymentLimitExceeded(f"At most {most} can be paid here at once, the tip included.")
        if not self.is_limited or not (rules.counts_persons or rules.counts_addresses):
            return
        attempt = _attempt_of(payment, (await cafe_of(tx)).time_zone, tx.now)
        if rules.counts_addresses and attempt.network is not None:
            await _take_turn(tx, f"network:{attempt.network}")
            back = _lookback(tx.now, rules.failures_per_address, rules.repetitions_per_address)
            earlier = await store.earlier_from_network(tx, attempt, back)
            _judge(earlier, rules.failures_per_address, rules.repetitions_per_address, tx.now)
        if rules.counts_persons:
            await _take_turn(tx, f"person:{attempt.person_id}")
            back = _lookback(tx.now, rules.failures_per_person, rules.repetitions_per_person)
            earlier = await store.earlier_of_person(tx, attempt, back)
            _judge(earlier, rules.failures_per_person, rules.repetitions_per_person, tx.now)
            _require_within_day(earlier, attempt, rules.max_amount_per_person_per_day)
        tx.add(store.payment_attempt, attempt)


class Screening:
    """Looks at who wants to pay before anything is decided."""

    def __init__(self, db: AnyDatabase, book: RuleBook, limits: RateLimits | None = None) -> None:
        self.db, self.book = db, book
        self.limits = limits or RateLimits(exact=True)
        self._counted: OrderedDict[Once, None] = OrderedDict()

    async def require_address(self, by: Actor) -> None:
        """Raise AddressBlocked for somebody in a blocked network. Managers always come in, to take a block back."""
        in_force = await self.book.of(by.cafe_id)
        if in_force.blocked and in_force.keeps_out(by.address, self.db.clock.now()) and not by.is_(Role.MANAGER):
            raise AddressBlocked

    async def attempt(self, by: Actor, once: Once | None) -> Attempt:
        """Count an attempt to pay. A request that is sent again, to the letter, is the same attempt."""
        rules = (await self.book.of(by.cafe_id)).rules
        is_limited = not by.is_staff
        if not is_limited or not (rules.attempts_per_person or rules.attempts_per_address):
            return Attempt(rules, None, is_limited)
        if once is not None and once in self._counted:
            return Attempt(rules, None, is_limited)
        try:
            await self._count(by, rules)
        except TooMany as refused:
            seconds = refused.retry_after_seconds
            return Attempt(rules, TooManyAttempts(retry_after_seconds=seconds), is_limited)
        if once is not None:
            self._counted[once] = None
            if len(self._counted) > _REMEMBERED:
                self._counted.popitem(last=False)
        return Attempt(rules, None, is_limited)

    async def _count(self, by: Actor, rules: PaymentRules) -> None:
        person, address = rules.attempts_per_person, rules.attempts_per_address
        if person is not None:
            limit = Limit("payment-attempts-person", person.times, person.seconds)
            await self.limits.hit(limit, by.cafe_id, by.person_id)
        if address is not None and by.address is not None:
            limit = Limit("payment-attempts-address", address.times, address.seconds)
            await self.limits.hit(limit, by.cafe_id, caller_network(by.address))


def _attempt_of(payment: Payment, time_zone: str, now: datetime) -> PaymentAttempt:
    return PaymentAttempt(
        cafe_id=payment.cafe_id,
        payment_id=payment.id,
        person_id=payment.initiated_by,
        network=caller_network(payment.address) if payment.address else None,
        day=now.astimezone(ZoneInfo(time_zone)).date().isoformat(),
        total_minor=payment.total_minor,
        at=now,
    )


async def _take_turn(tx: Transaction, subject: str) -> None:
    """From here on nobody else counts the same past: whoever does it at the same time decides again, afterwards."""
    before = await store.pace(tx, subject)
    if before is None:
        tx.add(store.payment_pace, Pace(tx.cafe_id, subject, 1), retry_on_duplicate=True)
    else:
        after = msgspec.structs.replace(before, version=before.version + 1)
        tx.save(store.payment_pace, before, after, ("cafe_id", "subject"), ("version",))


def _lookback(now: datetime, failures: Rate | None, repetitions: Rate | None) -> Lookback:
    failed = now - timedelta(seconds=failures.seconds if failures else 0)
    repeated = now - timedelta(seconds=repetitions.seconds if repetitions else 0)
    return Lookback(failed, repeated, now - 2 * _A_DAY_AT_MOST)


def _judge(earlier: Earlier, failures: Rate | None, repetitions: Rate | None, now: datetime) -> None:
    if failures is not None and earlier.failures >= failures.times:
        raise TooManyFailedPayments(retry_after_seconds=_wait(earlier.first_failure_at, failures, now))
    if repetitions is not None and earlier.repetitions >= repetitions.times:
        raise SuspiciousRepetition(retry_after_seconds=_wait(earlier.first_repetition_at, repetitions, now))


def _wait(first_at: datetime | None, rate: Rate, now: datetime) -> int:
    """Seconds until the first of them is out of the window."""
    end = (first_at or now) + timedelta(seconds=rate.seconds)
    return max(1, math.ceil((end - now).total_seconds()))


def _require_within_day(earlier: Earlier, attempt: PaymentAttempt, most: int | None) -> None:
    if most is None or earlier.spent_minor + attempt.total_minor <= most:
        return
    left = max(0, most - earlier.spent_minor)
    raise PaymentLimitExceeded(f"At most {most} a day can be paid here by one person; {left} of it is left today.")
