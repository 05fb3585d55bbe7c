"""`/customers`: guests, customers and the board in the room."""

from tabletap.kernel.people import Role
from tabletap.realtime.gateways.commands import JoinsOrders


class CustomersGateway(JoinsOrders):
    """Customers and boards."""

    path = "/customers"
    roles = frozenset({Role.CUSTOMER, Role.BOARD})
    messages_per_minute = 50
