"""Bank statements, what became of their lines, and providers' payouts (contract 2, `POST /bank-statements`)."""

from litestar import get, post, put
from litestar.datastructures import UploadFile
from litestar.params import JSONBody

from tabletap.http.answers import Answer, answer
from tabletap.http.call import Call
from tabletap.http.door import door
from tabletap.http.reconciliation_requests import (
    BankLinesQuery,
    GiveLineRequest,
    LineReasonRequest,
    MatchLineRequest,
    PayoutRequest,
    StatementQuery,
)
from tabletap.http.requests import PageQuery
from tabletap.infra.paging import Page
from tabletap.kernel.people import Role
from tabletap.reconciliation.errors import BankLineNotFound, PayoutNotFound
from tabletap.reconciliation.payouts.service import PayoutView
from tabletap.reconciliation.readers.csv_mapping import CsvMapping
from tabletap.reconciliation.uploading import MappingView, Upload
from tabletap.reconciliation.views import BankLineView, ImportReport, StatementView

MAX_STATEMENT_BYTES = 10 * 1024 * 1024


@post(
    "/bank-statements",
    status_code=200,
    opt=door(Role.MANAGER, query=StatementQuery),
    request_max_body_size=MAX_STATEMENT_BYTES,
)
async def import_statement(request: Call) -> ImportReport:
    """Match a bank statement with what is awaited: all of it, or nothing if the file is damaged or does not add up.

    The file is its own key: sent again it changes nothing and says so.
    """
    asked = request.asked(StatementQuery)
    upload = Upload(content=await _file(request), account=asked.account, dry_run=asked.dry_run == "true")
    return await request.services.bank_statements.take_in(upload, request.user)


async def _file(request: Call) -> bytes:
    """The body, or the first file of a form."""
    if request.content_type[0] != "multipart/form-data":
        return await request.body()
    for value in (await request.form()).values():
        if isinstance(value, UploadFile):
            return await value.read()
    return b""


@get("/bank-statements", opt=door(Role.MANAGER, query=PageQuery))
async def list_statements(request: Call) -> Page[StatementView]:
    """The statements that were taken in, the newest first."""
    asked = request.asked(PageQuery)
    return await request.services.bank_lines.statements(request.user, asked.limit, asked.cursor)


@get("/bank-statements/mapping", opt=door(Role.MANAGER))
async def get_mapping(request: Call) -> MappingView:
    """How the cafe's bank writes its CSV files."""
    return await request.services.bank_statements.mapping(request.user)


@put("/bank-statements/mapping", opt=door(Role.MANAGER))
async def set_mapping(request: Call, data: JSONBody[CsvMapping]) -> MappingView:
    """Say how the cafe's bank writes its CSV files."""
    return await request.services.bank_statements.set_mapping(data, request.user)


@get("/bank-lines", opt=door(Role.MANAGER, query=BankLinesQuery))
async def list_lines(request: Call) -> Page[BankLineView]:
    """Lines of statements, the newest first; `status=suggested` and `suspense` wait for a person."""
    asked = request.asked(BankLinesQuery)
    return await request.services.bank_lines.lines(
        request.user, asked.status, asked.bank_statement_id, asked.limit, asked.cursor
    )


@get("/bank-lines/{line_id:str}", opt=door(Role.MANAGER))
async def get_line(request: Call) -> BankLineView:
    """One line with what it could be and every decision about it."""
    return await request.services.bank_lines.get(request.id_of("line_id", BankLineNotFound), request.user)


@post("/bank-lines/{line_id:str}/match", status_code=200, opt=door(Role.MANAGER, money=True))
async def match_line(request: Call, data: JSONBody[MatchLineRequest]) -> Answer[BankLineView]:
    """Say what a line is that waits: payments, a refund, a payout, or the counterpart of another line."""
    line_id, once = request.id_of("line_id", BankLineNotFound), request.once(data)
    return answer(await request.services.bank_lines.match(line_id, data.wanted(), request.user, once), 200)


@post("/bank-lines/{line_id:str}/undo", status_code=200, opt=door(Role.MANAGER, money=True))
async def undo_line(request: Call, data: JSONBody[LineReasonRequest]) -> Answer[BankLineView]:
    """Take the decision about a line back: its money waits in suspense again."""
    line_id, once = request.id_of("line_id", BankLineNotFound), request.once(data)
    return answer(await request.services.bank_lines.undo(line_id, data.reason, request.user, once), 200)


@post("/bank-lines/{line_id:str}/credit", status_code=200, opt=door(Role.MANAGER, money=True))
async def credit_line(request: Call, data: JSONBody[GiveLineRequest]) -> Answer[BankLineView]:
    """Give what came beyond the bill to the customer's credit."""
    line_id, once = request.id_of("line_id", BankLineNotFound), request.once(data)
    return answer(await request.services.bank_lines.give(line_id, data.wanted("credit"), request.user, once), 200)


@post("/bank-lines/{line_id:str}/refund", status_code=200, opt=door(Role.MANAGER, money=True))
async def refund_line(request: Call, data: JSONBody[GiveLineRequest]) -> Answer[BankLineView]:
    """Send what came beyond the bill back: a refund that somebody makes at the bank."""
    line_id, once = request.id_of("line_id", BankLineNotFound), request.once(data)
    return answer(await request.services.bank_lines.give(line_id, data.wanted("refund"), request.user, once), 200)


@post("/bank-lines/{line_id:str}/dismiss", status_code=200, opt=door(Role.MANAGER, money=True))
async def dismiss_line(request: Call, data: JSONBody[LineReasonRequest]) -> Answer[BankLineView]:
    """Say that a line is none of the cafe's trade: rent, a private transfer. It leaves the books."""
    line_id, once = request.id_of("line_id", BankLineNotFound), request.once(data)
    return answer(await request.services.bank_lines.dismiss(line_id, data.reason, request.user, once), 200)


@post("/payouts", status_code=200, opt=door(Role.MANAGER), request_max_body_size=MAX_STATEMENT_BYTES)
async def import_payout(request: Call, data: JSONBody[PayoutRequest]) -> PayoutView:
    """Take in what a provider paid out: checked, tied to our payments, its differences named. Safe to repeat."""
    return await request.services.payouts.take_in(data.wanted(), request.user)


@get("/payouts", opt=door(Role.MANAGER, query=PageQuery))
async def list_payouts(request: Call) -> Page[PayoutView]:
    """Payouts, the newest first."""
    asked = request.asked(PageQuery)
    return await request.services.payouts.page(request.user, asked.limit, asked.cursor)


@get("/payouts/{payout_id:str}", opt=door(Role.MANAGER))
async def get_payout(request: Call) -> PayoutView:
    """One payout with its lines."""
    return await request.services.payouts.get(request.id_of("payout_id", PayoutNotFound), request.user)


ROUTES = (
    import_statement,
    list_statements,
    get_mapping,
    set_mapping,
    list_lines,
    get_line,
    match_line,
    undo_line,
    credit_line,
    refund_line,
    dismiss_line,
    import_payout,
    list_payouts,
    get_payout,
)
