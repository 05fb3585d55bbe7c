"""`/counter`: the till and those who serve."""

from tabletap.kernel.people import Role
from tabletap.realtime.gateways.commands import CallsTheRoll, MovesOrders


class CounterGateway(CallsTheRoll, MovesOrders):
    """Counter, staff and who leads the cafe."""

    path = "/counter"
    roles = frozenset({Role.STAFF})
    messages_per_minute = 200
