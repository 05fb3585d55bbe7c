"""What is refused about sharing tips."""

from tabletap.kernel.errors import Kind, Refusal


class TipRuleForbidden(Refusal):
    """The law of this country does not allow this tip rule."""

    code = "tip_rule_forbidden"


class TipRuleInvalid(Refusal):
    """This tip rule cannot work."""

    code = "tip_rule_invalid"


class TipPoolNotFound(Refusal):
    """There is no such tip pool in this cafe."""

    code, kind = "tip_pool_not_found", Kind.NOT_FOUND


class TipPoolNotOpen(Refusal):
    """This pool was shared out already."""

    code = "tip_pool_not_open"


class TipDistributionNotFound(Refusal):
    """There is no such tip distribution in this cafe."""

    code, kind = "tip_distribution_not_found", Kind.NOT_FOUND


class NothingUnassigned(Refusal):
    """Everything of this distribution has somebody it belongs to."""

    code = "nothing_unassigned"


class TipPayoutTooLarge(Refusal):
    """That is more than this worker is still to get."""

    code = "tip_payout_too_large"
