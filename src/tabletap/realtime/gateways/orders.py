"""`/orders`: everybody's own orders, and the staff's view of all of them."""

from tabletap.realtime.gateways.commands import JoinsOrders, MovesOrders


class OrdersGateway(JoinsOrders, MovesOrders):
    """Any signed-in person."""

    path = "/orders"
    messages_per_minute = 100
