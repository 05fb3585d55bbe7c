"""What happens to tips, in the past tense."""

from tabletap.kernel.events import Fact
from tabletap.kernel.ids import Id
from tabletap.tips.payouts.model import TipPayout
from tabletap.tips.sharing.model import TipDistribution, TipShare


class TipDistributed(Fact, frozen=True, kw_only=True):
    """Tips were shared out, taken back or given to somebody they belong to."""

    distribution: TipDistribution
    shares: list[TipShare]


class TipsPaidOut(Fact, frozen=True, kw_only=True):
    """A worker got tips, in cash or with their pay."""

    payout: TipPayout
    paid_by: Id
