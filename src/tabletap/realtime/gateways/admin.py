"""`/admin`: every stream of the cafe."""

from tabletap.kernel.people import Role
from tabletap.realtime.gateway import Gateway


class AdminGateway(Gateway):
    """Who leads the cafe."""

    path = "/admin"
    roles = frozenset({Role.MANAGER})
    messages_per_minute = 100
