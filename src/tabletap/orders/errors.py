"""What is refused about orders."""

from tabletap.kernel.errors import Kind, Refusal


class OrderNotFound(Refusal):
    """There is no order with that id in this cafe."""

    code, kind = "order_not_found", Kind.NOT_FOUND


class ItemUnavailable(Refusal):
    """Something on this order is not available."""

    code = "item_unavailable"


class PriceChanged(Refusal):
    """The prices changed since you saw them; look at the new total and order again."""

    code, kind = "price_changed", Kind.CONFLICT


class TransitionNotAllowed(Refusal):
    """An order cannot go that way from where it is."""

    code = "transition_not_allowed"


class OrderNotChangeable(Refusal):
    """The lines of this order cannot be changed like that."""

    code = "order_not_changeable"


class OrderNotPayable(Refusal):
    """This order is cancelled; it cannot be paid."""

    code = "order_not_payable"
