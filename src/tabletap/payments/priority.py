"""How urgent the background work of a payment is (the seed's calculateJobPriority, with the units it left open). Pure.

It orders the jobs that wait at the same moment: verify, expire, a notice's handling, a refund's settling. Nobody is
overtaken for ever: a job that has been due for a minute goes before all fresh ones (infra/jobs/engine.py).
"""

from tabletap.infra.db.job_request import MAX_PRIORITY
from tabletap.kernel.money import exponent

LARGE_MAJOR, VERY_LARGE_MAJOR = 100, 500
"""In major units of the payment's own currency: more than 100 dollars, yen or dinars."""
FOR_LARGE, MORE_FOR_VERY_LARGE, FOR_PREMIUM = 2, 3, 5


def priority_of(amount_minor: int, currency: str, *, is_premium: bool) -> int:
    """From 0 to 10; higher runs first. `amount_minor` is what pays the order, without the tip.

    Whether the customer is premium comes from our own data, never from what the caller says. Raises UnknownCurrency.
    """
    major = 10 ** exponent(currency)
    priority = FOR_LARGE if amount_minor > LARGE_MAJOR * major else 0
    priority += MORE_FOR_VERY_LARGE if amount_minor > VERY_LARGE_MAJOR * major else 0
    priority += FOR_PREMIUM if is_premium else 0
    return min(priority, MAX_PRIORITY)
