"""What guests and staff of the cafe do."""

from tabletap.orders.model import Line, OrderStatus, OrderView, PlaceOrder
from tabletap.payments.changing import ChangeOrder
from tabletap.payments.counter import ConfirmTransfer
from tabletap.payments.moving import MoveOrder
from tabletap.payments.order_refunds import RefundOrder
from tabletap.payments.refund_plan import Destination
from tabletap.payments.refunds import ConfirmRefund, RefundPayment
from tabletap.payments.reviewing import ReviewAction, ReviewPayment
from tabletap.payments.service import StartPayment
from tabletap.payments.splits import SplitBill, WantedShare
from tabletap.payments.top_ups import TopUp
from tests.machine.asking import SOME, Caller, sometimes

METHODS = (
    "payconic_card",
    "payconic_digital_wallet",
    "payconic_bank_transfer",
    "customer_credit",
    "cash",
    "qr_bank_transfer",
)


class People(Caller):
    """Guests and staff, each of whom may do anything at any moment."""

    # --- guests ---------------------------------------------------------------------------

    @sometimes(4, when=lambda self: len(self.orders) < 6, quantity=range(1, 4))
    def place_order(self, quantity: int) -> None:
        line = Line(menu_item_id=self.cafe.menu["Flat white"].id, quantity=quantity)
        view = self.attempt(lambda services: services.orders.place(PlaceOrder(items=(line,)), self.people["customer"]))
        self.orders.append(view.id)

    @sometimes(2, when=lambda self: len(self.orders) < 6, amount=(200, 1_000))
    def buy_credit(self, amount: int) -> None:
        view = self.attempt(
            lambda services: services.top_ups.order(TopUp(amount_minor=amount), self.people["customer"])
        )
        self.note("buy credit", view)
        if isinstance(view, OrderView):
            self.orders.append(view.id)

    @sometimes(
        5,
        some=SOME,
        method=METHODS,
        amount=(None, None, None, 100, 480, 900),
        tip=(0, 0, 50, 5_000),
        by=("customer", "customer", "counter"),
        credit=(None, None, 100, 300),
    )
    def pay(self, some: int, method: str, amount: int | None, tip: int, by: str, credit: int | None = None) -> None:
        request = StartPayment(
            order_id=self.order(some),
            method=method,
            amount_minor=amount,
            tip_minor=tip,
            credit_minor=credit,
            customer_id=self.people["customer"].person_id if method == "customer_credit" or credit else None,
        )
        person = self.people[by]
        self.ask(f"pay {method}", by, lambda services, once: services.payments.start(request, person, once))

    @sometimes(
        4,
        when=lambda self: bool(self.payments),
        some=SOME,
        does=("approve", "approve", "approve", "decline"),
    )
    def guest_at_the_provider(self, some: int, does: str) -> None:
        self.place.provider.control("POST", f"/payments/{self.payment(some).id}/{does}")

    @sometimes(2, when=lambda self: any(each.is_live for each in self.payments), some=SOME, by=("customer", "manager"))
    def cancel_payment(self, some: int, by: str) -> None:
        payment, person = self.payment(some), self.people[by]
        self.note("cancel a payment", self.attempt(lambda services: services.payments.cancel(payment.id, person)))

    @sometimes(3, some=SOME, count=range(2, 5), unevenly=(False, True))
    def split(self, some: int, count: int, unevenly: bool) -> None:
        parts = (1_000,) * (count - 1)
        weights = tuple(WantedShare(basis_points=part) for part in (*parts, 10_000 - sum(parts)))
        request = SplitBill(method="percentage", shares=weights) if unevenly else SplitBill(method="equal", count=count)
        order_id, customer = self.order(some), self.people["customer"]
        self.note("split", self.attempt(lambda services: services.splits.split(order_id, request, customer)))

    @sometimes(2, some=SOME, adds=(True, True, False), by=("customer", "manager"))
    def change_order(self, some: int, adds: bool, by: str) -> None:
        """Another coffee, or one less, also while shares of the bill are open or somebody pays."""
        order_id, person = self.order(some), self.people[by]
        view = self.attempt(lambda services: services.orders.get(order_id, person))
        standing = [item.id for item in view.items if not item.voided]
        request = ChangeOrder(
            expected_version=view.version,
            add=(Line(menu_item_id=self.cafe.menu["Espresso"].id),) if adds else (),
            void=() if adds else tuple(standing[-1:]),
        )
        self.note(
            "change an order", self.attempt(lambda services: services.order_changes.change(order_id, request, person))
        )

    @sometimes(
        6,
        some=SOME,
        share=range(4),
        method=METHODS,
        does=("pay", "pay", "pay", "claim", "give up", "take back"),
    )
    def use_a_share(self, some: int, share: int, method: str, does: str) -> None:
        order_id, customer = self.order(some), self.people["customer"]
        view = self.attempt(lambda services: services.splits.get(order_id, customer))
        if not view.shares:
            return
        split_id = view.shares[share % len(view.shares)].split_id
        if does == "pay":
            request = StartPayment(order_id=order_id, method=method, split_id=split_id)
            self.ask(
                f"pay a share by {method}",
                "customer",
                lambda services, once: services.payments.start(request, customer, once),
            )
        elif does == "claim":
            self.attempt(lambda services: services.splits.claim(order_id, split_id, customer))
        elif does == "give up":
            self.attempt(lambda services: services.splits.release(order_id, split_id, customer))
        else:
            self.attempt(lambda services: services.splits.take_back(order_id, customer))

    # --- staff ----------------------------------------------------------------------------

    @sometimes(
        4,
        when=lambda self: any(payment.method == "cash" and payment.is_live for payment in self.payments),
        some=SOME,
        more=(0, 2, 500),
    )
    def take_cash(self, some: int, more: int) -> None:
        due = [payment for payment in self.payments if payment.method == "cash" and payment.is_live]
        payment, counter = due[some % len(due)], self.people["counter"]
        received = payment.total + more
        self.ask(
            "take cash",
            "counter",
            lambda services, once: services.counter.take_cash(payment.id, received, counter, once),
        )

    @sometimes(
        2,
        when=lambda self: any(payment.method == "qr_bank_transfer" for payment in self.payments),
        some=SOME,
        wrong=(0, 0, 0, 1),
    )
    def see_a_transfer(self, some: int, wrong: int) -> None:
        found = [payment for payment in self.payments if payment.method == "qr_bank_transfer"]
        payment, counter = found[some % len(found)], self.people["counter"]
        ((qr_id,),) = self.place.rows("SELECT id FROM qr_payment WHERE payment_id = $1", payment.id)
        request = ConfirmTransfer(amount_minor=payment.total + wrong)
        self.ask(
            "see a transfer",
            "counter",
            lambda services, once: services.counter.confirm_transfer(qr_id, request, counter, once),
        )

    @sometimes(
        4,
        when=lambda self: any(each.state == "completed" for each in self.payments),
        some=SOME,
        amount=(None, None, 1, 100, 480),
        destination=("original", "original", "credit"),
        with_tip=(False, True),
    )
    def refund(self, some: int, amount: int | None, destination: Destination, with_tip: bool) -> None:
        payment, manager = self.payment(some), self.people["manager"]
        request = RefundPayment(amount_minor=amount, destination=destination, include_tips=with_tip)
        self.ask(
            f"refund to {destination}",
            "manager",
            lambda services, once: services.refunds.refund(payment.id, request, manager, once),
        )

    @sometimes(
        3,
        when=lambda self: any(each.state == "completed" for each in self.payments),
        some=SOME,
        amount=(None, None, 1, 480),
        destination=("original", "original", "credit"),
    )
    def refund_order(self, some: int, amount: int | None, destination: Destination) -> None:
        order_id, manager = self.order(some), self.people["manager"]
        request = RefundOrder(amount_minor=amount, destination=destination)
        self.ask(
            f"refund an order to {destination}",
            "manager",
            lambda services, once: services.order_refunds.refund(order_id, request, manager, once),
        )

    @sometimes(
        3,
        when=lambda self: any(payment.pending for payment in self.payments),
        some=SOME,
        does=("sent", "not sent", "retry"),
    )
    def follow_a_refund(self, some: int, does: str) -> None:
        sql = "SELECT id FROM refund WHERE cafe_id = $1 AND status = 'pending' ORDER BY id"
        pending = [row[0] for row in self.place.rows(sql, self.cafe.id)]
        refund_id, manager = pending[some % len(pending)], self.people["manager"]
        if does == "retry":
            self.attempt(lambda services: services.refunds.retry(refund_id, manager))
            return
        request = ConfirmRefund(sent=does == "sent")
        self.ask(
            f"a refund was {does}",
            "manager",
            lambda services, once: services.refunds.confirm(refund_id, request, manager, once),
        )

    @sometimes(
        3,
        when=lambda self: any(each.needs_review for each in self.payments),
        some=SOME,
        action=("accept", "accept", "credit", "refund", "dismiss"),
    )
    def decide_about_a_payment(self, some: int, action: ReviewAction) -> None:
        found = [each for each in self.payments if each.needs_review]
        payment, manager = found[some % len(found)], self.people["manager"]
        self.decided.add(payment.id)
        request = ReviewPayment(action=action, reason="so it is")
        self.ask(
            f"review: {action}",
            "manager",
            lambda services, once: services.reviews.review(payment.id, request, manager, once),
        )

    @sometimes(2, when=lambda self: any(each.state == "processing" for each in self.payments), some=SOME)
    def release(self, some: int) -> None:
        found = [each for each in self.payments if each.state == "processing"]
        payment, manager = found[some % len(found)], self.people["manager"]
        reason = "the guest wants to go"
        self.note("release", self.attempt(lambda services: services.reviews.release(payment.id, reason, manager)))

    @sometimes(4, some=SOME, status=("preparing", "ready", "collected", "cancelled", "cancelled"))
    def move_order(self, some: int, status: OrderStatus) -> None:
        order_id, manager = self.order(some), self.people["manager"]
        request = MoveOrder(status=status)
        self.ask(
            f"move an order to {status}",
            "manager",
            lambda services, once: services.order_moves.move(order_id, request, manager, once),
        )

    @sometimes(2, when=lambda self: bool(self.payments), some=SOME)
    def verify(self, some: int) -> None:
        payment, manager = self.payment(some), self.people["manager"]
        self.attempt(lambda services: services.payments.verify(payment.id, manager))
