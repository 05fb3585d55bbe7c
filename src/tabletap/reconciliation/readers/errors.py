"""Why a statement is refused. It is refused whole, always: half a statement would look like missing money."""

from tabletap.kernel.errors import Refusal


class StatementUnreadable(Refusal):
    """This file is not a bank statement that can be read, or it is damaged; nothing of it was taken in."""

    code = "statement_unreadable"


class StatementBalanceWrong(Refusal):
    """The opening balance and the lines do not make the closing balance; nothing of the statement was taken in."""

    code = "statement_balance_wrong"


class StatementMappingNeeded(Refusal):
    """The columns of this file are not known; say which column is what and upload it again."""

    code = "statement_mapping_needed"
