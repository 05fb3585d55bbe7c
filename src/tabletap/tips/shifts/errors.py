"""What is refused about shifts and workers."""

from tabletap.kernel.errors import Kind, Refusal


class ShiftNotFound(Refusal):
    """There is no such shift in this cafe."""

    code, kind = "shift_not_found", Kind.NOT_FOUND


class ShiftIsOpen(Refusal):
    """This person is at work already: clock out first."""

    code = "shift_is_open"


class ShiftNotOpen(Refusal):
    """This person is not at work."""

    code = "shift_not_open"


class ShiftForgotten(Refusal):
    """This shift began too long ago to be ended now: a manager corrects it and says when it ended."""

    code = "shift_forgotten"


class ShiftInvalid(Refusal):
    """A shift begins before it ends, lasts at most a day, began within the last year and is not in the future."""

    code = "shift_invalid"


class ShiftsOverlap(Refusal):
    """This person worked another shift at that time: correct that one."""

    code = "shifts_overlap"


class WorkerNotFound(Refusal):
    """There is no such member of staff in this cafe."""

    code, kind = "worker_not_found", Kind.NOT_FOUND
