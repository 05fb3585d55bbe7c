"""What is refused about drawers."""

from tabletap.kernel.errors import Kind, Refusal


class DrawerSessionNotFound(Refusal):
    """There is no drawer session with that id in this cafe."""

    code, kind = "drawer_session_not_found", Kind.NOT_FOUND


class DrawerIsOpen(Refusal):
    """This drawer is open already: close its session first, or go on in it."""

    code = "drawer_is_open"


class DrawerIsClosed(Refusal):
    """This drawer session is closed; nothing is added to it any more."""

    code = "drawer_is_closed"


class DrawerNotCounted(Refusal):
    """Count the drawer first; what moved since it was counted has to be counted, too."""

    code = "drawer_not_counted"


class DrawerCountInvalid(Refusal):
    """A count is one sum, or coins and notes of this currency with how many there are of each."""

    code = "drawer_count_invalid"


class NothingToCollect(Refusal):
    """No cash was taken while no drawer was open."""

    code = "nothing_to_collect"
