"""`/kitchen`: tickets, on kitchen screens."""

from tabletap.kernel.people import Role
from tabletap.realtime.gateways.commands import MovesOrders


class KitchenGateway(MovesOrders):
    """The kitchen and its devices, and who leads the cafe."""

    path = "/kitchen"
    roles = frozenset({Role.KITCHEN, Role.MANAGER})
    messages_per_minute = 200
