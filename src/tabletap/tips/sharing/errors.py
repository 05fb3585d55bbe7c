"""What is refused about sharing tips."""

from tabletap.kernel.errors import Kind, Refusal


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


class NobodyToShareWith(Refusal):
    """Nobody has a part of these tips yet: say whom they go to."""

    code = "nobody_to_share_with"


class TipPayoutTooLarge(Refusal):
    """That is more than this worker is still to get."""

    code = "tip_payout_too_large"
