"""What is refused about days."""

from tabletap.kernel.errors import Kind, Refusal


class DayNotFound(Refusal):
    """There is no such business day here."""

    code, kind = "day_not_found", Kind.NOT_FOUND


class DayNotClosed(Refusal):
    """This day is not closed yet."""

    code, kind = "day_not_closed", Kind.NOT_FOUND


class DayOutOfOrder(Refusal):
    """Days are closed one after the other."""

    code = "day_out_of_order"


class DayNotOver(Refusal):
    """This business day is not over; say `early` to close it now, and what follows goes to the next report."""

    code = "day_not_over"


class DayHasOpenItems(Refusal):
    """Something of this day is still open; settle it, or give a reason to close over it."""

    code = "day_has_open_items"
