"""What is refused about webhooks."""

from tabletap.kernel.errors import Kind, Refusal


class WebhookAccountNotFound(Refusal):
    """There is no provider account behind this address."""

    code, kind = "webhook_account_not_found", Kind.NOT_FOUND


class NoticeNotFound(Refusal):
    """There is no notice with that id in this cafe's inbox."""

    code, kind = "notice_not_found", Kind.NOT_FOUND


class NoticeNotReplayable(Refusal):
    """This notice names no payment, so there is nothing to ask the provider about."""

    code = "notice_not_replayable"
