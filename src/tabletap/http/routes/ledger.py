"""The books as an accountant reads them, and what was signed over them. All of it is the managers'."""

from typing import Any, cast

from litestar import get

from tabletap.http.answers import Answer
from tabletap.http.call import Call
from tabletap.http.door import door
from tabletap.http.ledger_requests import JournalsQuery, StatementQuery
from tabletap.http.requests import PageQuery
from tabletap.infra.paging import Page
from tabletap.kernel.csv_text import MEDIA_TYPE as CSV_MEDIA_TYPE
from tabletap.kernel.people import Role
from tabletap.ledger.audit.model import KeysView, SignedHead
from tabletap.ledger.explorer.errors import JournalNotFound
from tabletap.ledger.explorer.model import AccountView, JournalView, StatementView, TrialBalance, statement_csv


@get("/ledger/accounts", opt=door(Role.MANAGER, query=PageQuery))
async def list_accounts(request: Call) -> Page[AccountView]:
    """Every account with its balance, by name; debits are positive."""
    asked = request.asked(PageQuery)
    return await request.services.ledger.accounts(request.user, asked.limit, asked.cursor)


@get("/ledger/trial-balance", opt=door(Role.MANAGER))
async def get_trial_balance(request: Call) -> TrialBalance:
    """All accounts, those of one kind of owner summed up. The total is zero."""
    return await request.services.ledger.trial_balance(request.user)


@get("/ledger/accounts/{account:str}/entries", opt=door(Role.MANAGER, query=StatementQuery))
async def get_statement(request: Call) -> Answer[StatementView]:
    """An account's statement over business days: pages of JSON, or all as CSV (`format=csv` or `Accept: text/csv`)."""
    asked, account = request.asked(StatementQuery), str(request.path_params["account"])
    period, ledger = (asked.from_, asked.to), request.services.ledger
    if asked.format == "csv" or (asked.format is None and _wants_csv(request)):
        table: Any = statement_csv(await ledger.whole_statement(account, period, request.user))
        return Answer(cast(StatementView, table), media_type=CSV_MEDIA_TYPE)
    return Answer(await ledger.statement(account, period, request.user, asked.limit, asked.cursor))


def _wants_csv(request: Call) -> bool:
    return request.headers.get("accept", "").strip().lower().startswith("text/csv")


@get("/ledger/journals", opt=door(Role.MANAGER, query=JournalsQuery))
async def list_journals(request: Call) -> Page[JournalView]:
    """Journals with their entries, the newest first."""
    asked = request.asked(JournalsQuery)
    return await request.services.ledger.journals(asked.wanted(), request.user, asked.limit, asked.cursor)


@get("/ledger/journals/{journal_id:str}", opt=door(Role.MANAGER))
async def get_journal(request: Call) -> JournalView:
    """One journal with its entries."""
    return await request.services.ledger.journal(request.id_of("journal_id", JournalNotFound), request.user)


@get("/audit/heads", opt=door(Role.MANAGER, query=PageQuery))
async def list_heads(request: Call) -> Page[SignedHead]:
    """The signed ends of the audit chain, day by day, the last first."""
    asked = request.asked(PageQuery)
    return await request.services.audit.heads(request.user, asked.limit, asked.cursor)


@get("/audit/key", opt=door(Role.MANAGER))
async def get_key(request: Call) -> KeysView:
    """The public keys (ed25519) that heads are checked with."""
    return await request.services.audit.keys(request.user)


ROUTES = (
    list_accounts,
    get_trial_balance,
    get_statement,
    list_journals,
    get_journal,
    list_heads,
    get_key,
)
