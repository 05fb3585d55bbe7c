"""`/payments`: one's own payments, and the cafe's for its staff."""

from tabletap.realtime.gateways.commands import JoinsOrders, JoinsPayments


class PaymentsGateway(JoinsOrders, JoinsPayments):
    """Any signed-in person."""

    path = "/payments"
    messages_per_minute = 100
