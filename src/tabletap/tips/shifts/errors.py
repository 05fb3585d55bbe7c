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


class ShiftInvalid(Refusal):
    """A shift begins before it ends, lasts at most a day and is not in the future."""

    code = "shift_invalid"


class WorkerNotFound(Refusal):
    """There is no such member of staff in this cafe."""

    code, kind = "worker_not_found", Kind.NOT_FOUND
