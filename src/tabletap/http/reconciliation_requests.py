"""What callers send about bank statements, their lines and payouts."""

from datetime import date
from typing import Annotated, Literal

import msgspec

from tabletap.http.requests import Given, LongText, PageQuery, ShortText, Word
from tabletap.kernel.ids import GivenId
from tabletap.reconciliation.payouts.service import ReportedLine, ReportedPayout
from tabletap.reconciliation.records import LineStatus
from tabletap.reconciliation.resolving import GiveAway, MatchLine

Minor = Annotated[int, msgspec.Meta(ge=-(10**12), le=10**12)]


class StatementQuery(Given, frozen=True):
    """`POST /bank-statements`: the file is the body itself, or the first file of a form."""

    account: ShortText | None = None
    """Says that a statement of this account is right, although the cafe's bank details name another one."""
    dry_run: Literal["true", "false"] = "false"


class BankLinesQuery(PageQuery, frozen=True):
    """`GET /bank-lines`."""

    status: LineStatus | None = None
    bank_statement_id: GivenId | None = None


class MatchLineRequest(Given, frozen=True):
    """`POST /bank-lines/{id}/match`: one of the four."""

    payment_ids: Annotated[tuple[GivenId, ...], msgspec.Meta(max_length=20)] = ()
    refund_id: GivenId | None = None
    payout_id: GivenId | None = None
    bank_line_id: GivenId | None = None
    reason: LongText | None = None

    def wanted(self) -> MatchLine:
        """As the service takes it."""
        return MatchLine(
            payment_ids=tuple(dict.fromkeys(self.payment_ids)),
            refund_id=self.refund_id,
            payout_id=self.payout_id,
            line_id=self.bank_line_id,
            reason=self.reason,
        )


class LineReasonRequest(Given, frozen=True):
    """`POST /bank-lines/{id}/undo` and `/dismiss`."""

    reason: LongText


class GiveLineRequest(Given, frozen=True):
    """`POST /bank-lines/{id}/credit` and `/refund`."""

    reason: LongText
    payment_id: GivenId | None = None
    """Of money that belongs to nothing yet: which payment was paid twice."""

    def wanted(self, destination: Literal["credit", "refund"]) -> GiveAway:
        """As the service takes it."""
        return GiveAway(destination=destination, reason=self.reason, payment_id=self.payment_id)


class PayoutLineRequest(Given, frozen=True):
    """One movement within a payout."""

    kind: Literal["payment", "refund", "dispute"]
    reference: ShortText
    amount: Minor
    fee_amount: Minor = 0


class PayoutRequest(Given, frozen=True):
    """`POST /payouts`: what a provider reports; its lines come to the net amount, or it is refused."""

    payout_id: ShortText
    """The provider's name for it."""
    paid_on: date
    currency: Word
    net_amount: Minor
    lines: Annotated[tuple[PayoutLineRequest, ...], msgspec.Meta(max_length=20_000)]
    fee_amount: Minor = 0
    """Fees beside those of the lines."""
    provider: Word = "payconic"

    def wanted(self) -> ReportedPayout:
        """As the service takes it."""
        return ReportedPayout(
            provider=self.provider,
            external_id=self.payout_id,
            paid_on=self.paid_on,
            currency=self.currency,
            net_minor=self.net_amount,
            fee_minor=self.fee_amount,
            lines=tuple(
                ReportedLine(
                    kind=each.kind, reference=each.reference, amount_minor=each.amount, fee_minor=each.fee_amount
                )
                for each in self.lines
            ),
        )
