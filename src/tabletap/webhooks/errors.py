"""What is refused about webhooks."""

from tabletap.kernel.errors import Kind, Refusal


class WebhookAccountNotFound(Refusal):
    """There is no provider account behind this address."""

    code, kind = "webhook_account_not_found", Kind.NOT_FOUND
