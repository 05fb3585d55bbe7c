"""What is refused about figures."""

from tabletap.kernel.errors import Refusal


class PeriodInvalid(Refusal):
    """Figures are of 1 to 400 business days, the last not before the first."""

    code = "period_invalid"
