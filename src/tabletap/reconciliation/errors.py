"""What can be wrong with statements, their lines and what people decide about them."""

from tabletap.kernel.errors import Kind, Refusal


class StatementAccountUnknown(Refusal):
    """This statement is of another bank account than the cafe's; say that it is right by naming the account."""

    code = "statement_account_unknown"


class StatementCurrency(Refusal):
    """This statement is in another currency than the cafe trades in."""

    code = "statement_currency"


class BankLineNotFound(Refusal):
    """There is no line of a bank statement with that id in this cafe."""

    code, kind = "bank_line_not_found", Kind.NOT_FOUND


class BankLineDecided(Refusal):
    """This line has been decided already; undo that first."""

    code = "bank_line_decided"


class MatchNotPossible(Refusal):
    """This line cannot be matched with that."""

    code = "bank_match_not_possible"


class MatchNotUndoable(Refusal):
    """This match cannot be undone."""

    code = "bank_match_not_undoable"


class NothingWaits(Refusal):
    """No money of this line waits to be given away."""

    code = "bank_line_nothing_waits"


class PayoutRefused(Refusal):
    """This report of payouts is refused whole: it does not add up, or cannot be read."""

    code = "payout_refused"


class PayoutNotFound(Refusal):
    """There is no payout with that id in this cafe."""

    code, kind = "payout_not_found", Kind.NOT_FOUND
