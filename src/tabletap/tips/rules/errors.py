"""What is refused about tip rules."""

from tabletap.kernel.errors import Refusal


class TipRuleForbidden(Refusal):
    """The law of this country does not allow this way of sharing tips."""

    code = "tip_rule_forbidden"


class TipRuleInvalid(Refusal):
    """This tip rule cannot work."""

    code = "tip_rule_invalid"
