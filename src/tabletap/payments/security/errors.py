"""What the rules against misuse refuse. 403 and 429 are not stored under a key: the same request may succeed later."""

from tabletap.kernel.errors import Kind, Refusal


class PaymentLimitExceeded(Refusal):
    """This is more than this cafe lets somebody pay at once or in a day."""

    code = "payment_limit_exceeded"


class TooManyAttempts(Refusal):
    """Too many attempts to pay in a short time; wait a moment."""

    code, kind, retryable = "too_many_attempts", Kind.TOO_MANY, True


class TooManyFailedPayments(Refusal):
    """Too many payments failed in a short time; wait a moment, or pay at the counter."""

    code, kind, retryable = "too_many_failed_payments", Kind.TOO_MANY, True


class SuspiciousRepetition(Refusal):
    """The same amount was paid too often in a short time; wait a moment, or pay at the counter."""

    code, kind, retryable = "suspicious_repetition", Kind.TOO_MANY, True


class AddressBlocked(Refusal):
    """From this network nobody can order or pay here; ask at the counter."""

    code, kind = "address_blocked", Kind.FORBIDDEN


class BlockedAddressNotFound(Refusal):
    """There is no blocked address with that id in this cafe."""

    code, kind = "blocked_address_not_found", Kind.NOT_FOUND


class AddressNotBlockable(Refusal):
    """This network cannot be blocked."""

    code = "address_not_blockable"


class TooManyBlockedAddresses(Refusal):
    """A cafe blocks at most 1,000 addresses and networks; block a larger network, or take some back."""

    code = "too_many_blocked_addresses"
