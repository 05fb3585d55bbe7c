"""`/admin`: every stream of the cafe, and what a dashboard shows of it."""

from tabletap.kernel.people import Role
from tabletap.realtime.gateway import Parts
from tabletap.realtime.gateways.commands import CallsTheRoll
from tabletap.realtime.sessions import Session


class AdminGateway(CallsTheRoll):
    """Who leads the cafe."""

    path = "/admin"
    roles = frozenset({Role.MANAGER})
    messages_per_minute = 100

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.dashboards = parts.dashboards

    def entered(self, session: Session) -> None:
        """Show the whole cafe as it is now, then what changes of it."""
        self.dashboards.watch(session)
