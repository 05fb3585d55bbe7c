"""What the explorer turns down."""

from tabletap.kernel.errors import Kind, Refusal


class LedgerAccountNotFound(Refusal):
    """There is no such account: nothing was ever booked to one of that name in this cafe."""

    code, kind = "ledger_account_not_found", Kind.NOT_FOUND


class JournalNotFound(Refusal):
    """There is no journal with that id in this cafe."""

    code, kind = "journal_not_found", Kind.NOT_FOUND


class StatementTooLong(Refusal):
    """The statement has more lines than fit into one file; ask for a shorter period."""

    code = "statement_too_long"
