"""What is refused about tips."""

from tabletap.kernel.errors import Refusal


class TipNotAllowed(Refusal):
    """This cafe does not take a tip of this kind or size."""

    code = "tip_not_allowed"


class TipConfigurationInvalid(Refusal):
    """This tip configuration cannot work."""

    code = "tip_configuration_invalid"
