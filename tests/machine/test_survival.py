"""A cafe at random: whatever guests, staff, the provider, the network and `kill -9` do, no money is lost or doubled.

`MACHINE_EXAMPLES=1000 pytest tests/machine` is the long run; without it a short one that is the same every time. With
`MACHINE_SHRINKS=1` a fault's example is made small.
"""

import os
import random
import sys
import zlib
from datetime import timedelta
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test

from tabletap.infra.crash import CRASH_POINTS, CrashPoint
from tabletap.payments.errors import WebhookSignatureInvalid
from tests.machine import invariants
from tests.machine.asking import ACTIONS, SOME, sometimes
from tests.machine.invariants import PaymentRow
from tests.machine.people import METHODS, People
from tests.machine.place import Crashed, Place
from tests.machine.provider import Notice

LONG_EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "0"))
SHRINKS = "MACHINE_SHRINKS" in os.environ
"""Whether a fault's example is made as small as can be, which may take minutes."""
SHORT_EXAMPLES = 15
STEPS = 30
CALL_FAULTS = ("timeout_before", "timeout_after", "error_500", "slow")
MONEY_FAULTS = ("wrong_amount", "wrong_currency", "late_success")
WAITS = (1, 3, 20, 95, 400, 1_000, 4_000, 100_000)


class Cafe(People):
    """The people, the provider and the process of one cafe, each doing at any moment what they like."""

    @initialize(twice=st.booleans(), seed=st.integers(0, 2**32 - 1))
    def open_the_door(self, twice: bool, seed: int) -> None:
        self.fate = str(seed)
        self.cafe = self.place.new_cafe()
        self.people = self.cafe.people
        self.asked = []
        self.orders = []
        self.payments = []
        self.decided = set()
        self.is_open = True
        for _ in range(1 + twice):
            self.place_order(2)

    @sometimes(
        6,
        some=SOME,
        method=METHODS,
        tip=(0, 0, 50),
        learns=("notice", "query", "later"),
    )
    def buy(self, some: int, method: str, tip: int, learns: str) -> None:
        """What mostly happens: the whole bill is paid, and the payment completes."""
        before = len(self.payments)
        self.pay(some, method, None, tip, "customer")
        if len(self.payments) == before:
            return
        if method == "cash":
            self.take_cash(0, 0)
        elif method == "qr_bank_transfer":
            self.see_a_transfer(0, 0)
        elif method != "customer_credit":
            self.guest_at_the_provider(0, "approve")
            if learns == "notice":
                self.a_notice_arrives(0, 0, 1, is_forged=False)
                self.work()
            elif learns == "query":
                self.verify(0)

    # --- the provider, the network, the clock ---------------------------------------------

    @sometimes(
        4,
        when=lambda self: any(payment.method.startswith("payconic") for payment in self.payments),
        some=SOME,
        which=range(4),
        times=range(1, 3),
        is_forged=(False, False, True),
    )
    def a_notice_arrives(self, some: int, which: int, times: int, is_forged: bool) -> None:
        """Any that the provider ever had to send: again, late, before another; what never arrives is lost."""
        payments = [payment for payment in self.payments if payment.method.startswith("payconic")]
        notices = self.place.provider.notices(payments[some % len(payments)].id)
        if not notices:
            return
        notice = notices[which % len(notices)]
        raw = notice.raw + b" " if is_forged else notice.raw
        for _ in range(times):
            result = self.receive(notice, raw)
            assert isinstance(result, WebhookSignatureInvalid | Crashed) or not is_forged

    @sometimes(
        3,
        when=lambda self: any(each.method.startswith("payconic") for each in self.payments),
        some=SOME,
        how=("dispute", "dispute", "won", "lost"),
        amount=(None, 100),
        is_heard=(False, True, True),
    )
    def a_guest_disputes(self, some: int, how: str, amount: int | None, is_heard: bool) -> None:
        found = [each for each in self.payments if each.method.startswith("payconic")]
        payment = found[some % len(found)]
        if how == "dispute":
            body = {} if amount is None else {"amount": amount}
            self.place.provider.control("POST", f"/payments/{payment.id}/dispute", body)
        else:
            self.place.provider.control("POST", f"/payments/{payment.id}/dispute/close", {"outcome": how})
        if is_heard:
            self.hear_all(payment)
            self.work()

    @sometimes(4, seconds=WAITS)
    def time_passes(self, seconds: int) -> None:
        self.place.wait(timedelta(seconds=seconds))
        self.work()

    @sometimes(
        2,
    )
    def jobs_run(self) -> None:
        self.work()

    def work(self) -> None:
        self.attempt(lambda _: self.place.app.jobs.run_due())

    @sometimes(
        4,
        fault=CALL_FAULTS,
        on=("start", "start", "refund", "refund", "cancel", "query"),
        times=(1, 1, 2, 9),
    )
    def the_provider_fails(self, fault: str, on: str, times: int) -> None:
        self.place.provider.control("POST", "/faults", {"fault": fault, "times": times, "on": [on]})

    @sometimes(2, fault=MONEY_FAULTS)
    def the_provider_errs(self, fault: str) -> None:
        self.place.provider.control("POST", "/faults", {"fault": fault})

    @sometimes(
        2,
    )
    def the_provider_recovers(self) -> None:
        self.place.provider.control("DELETE", "/faults")

    def hear_all(self, payment: PaymentRow) -> None:
        """Whatever the provider ever had to say about a payment arrives."""
        for notice in self.place.provider.notices(payment.id):
            self.receive(notice, notice.raw)

    def receive(self, notice: Notice, raw: bytes) -> Any:
        return self.attempt(lambda services: services.webhooks.receive("payconic", notice.token, notice.headers, raw))

    # --- death ----------------------------------------------------------------------------

    @sometimes(8, name=CRASH_POINTS, passes=(1, 1, 1, 2), some=SOME)
    def killed(self, name: CrashPoint, passes: int, some: int) -> None:
        """The process dies at a step, most likely in the work that is begun now, else some time later."""
        self.place.crash_at = (name, passes)
        step = name.partition(".")[0]
        if step == "start":
            self.buy(some, "payconic_card", 0, "later")
        elif step == "cash":
            self.buy(some, "cash", 0, "later")
        elif step == "order_refund":
            self.refund_order(some, None, "original")
        elif step == "move":
            self.move_order(some, "cancelled")
        elif not self.payments:
            return
        elif step == "refund":
            self.refund(some, None, "original", with_tip=True)
        elif step == "check":
            self.verify(some)
        elif step == "end":
            self.cancel_payment(some, "manager")
        else:
            if any(payment.method.startswith("payconic") for payment in self.payments):
                self.a_notice_arrives(some, 0, 1, is_forged=False)
            self.time_passes(95)

    @sometimes(4, when=lambda self: bool(self.asked), some=SOME)
    def ask_again_with_the_same_key(self, some: int) -> None:
        asked = self.asked[-1 - some % len(self.asked)]
        if asked.was_cut_off and asked.answer is None:
            self.place.wait(timedelta(seconds=130))
        self.send(asked)

    @rule(chance=st.integers(0, 2**32 - 1))
    def then(self, chance: int) -> None:
        """One rule for everything: rules of their own would be switched off at random, and most runs be empty.

        Everything that went before is in the dice: otherwise most examples would be nearly the same as another one.
        """
        self.fate = f"{zlib.crc32(self.fate.encode())}/{chance}"
        dice = random.Random(self.fate)  # noqa: S311 - a game
        possible = {name: action for name, action in ACTIONS.items() if action.when(self)}
        (name,) = dice.choices([*possible], [action.weight for action in possible.values()])
        given = {what: dice.choice(some) for what, some in possible[name].given.items()}
        hypothesis.note(f"# {name} {given}")
        getattr(self, name)(**given)

    # --- what must be true ----------------------------------------------------------------

    @invariant()
    def no_money_is_lost_or_doubled(self) -> None:
        if not hasattr(self, "cafe"):
            return
        found = invariants.faults(self.place, self.cafe.id, self.decided)
        assert not found, "\n".join(found)

    def teardown(self) -> None:
        """When the provider is well, nobody dies, callers ask again and time passes, all is settled or flagged."""
        if not hasattr(self, "cafe"):
            return
        self.place.crash_at = None
        self.the_provider_recovers()
        for _ in range(2):
            self.place.wait(timedelta(seconds=130))
            for asked in self.asked:
                if asked.was_cut_off:
                    self.send(asked)
        for wait in (timedelta(minutes=10), timedelta(hours=3), *(timedelta(days=1),) * 9):
            self.place.wait(wait)
            self.work()
        found = invariants.faults_in_the_end(self.place, self.cafe.id, self.decided)
        assert not found, "\n".join(found)
        for payment in self.payments:
            if payment.method.startswith("payconic"):
                self.hear_all(payment)
        self.work()
        found = invariants.faults_when_all_is_heard(self.place, self.cafe.id, self.decided)
        assert not found, "\n".join(found)


@pytest.mark.timeout(0 if LONG_EXAMPLES else 240)
def test_whatever_happens_no_money_is_lost_or_doubled(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    machine = type("Cafe", (Cafe,), {"place": place})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=LONG_EXAMPLES or SHORT_EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=not LONG_EXAMPLES,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink] if SHRINKS else [Phase.generate],
            report_multiple_bugs=False,
        ),
    )

    if LONG_EXAMPLES:
        with capsys.disabled():
            sys.stdout.write(f"\n{place.summary()}\n")
    assert place.examples >= (LONG_EXAMPLES or SHORT_EXAMPLES)
    assert place.deaths > 0
