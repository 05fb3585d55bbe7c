"""Statements as a reader would hand them out, and what the books say after they were taken in."""

import itertools
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from tabletap.cli.books import audited
from tabletap.ledger.model import BANK, SUSPENSE
from tabletap.ledger.service import balances
from tabletap.payments.model import Payment
from tabletap.payments.store import get as get_payment
from tabletap.reconciliation.importing import ImportService
from tabletap.reconciliation.model import Statement, StatementLine
from tabletap.reconciliation.records import STATUSES, LineStatus
from tabletap.reconciliation.resolving import ResolveService
from tabletap.reconciliation.views import BankLineView, ImportReport
from tests.support.world import World

ACCOUNT = "06200012345678"
"""The bank account of every cafe in a test world."""
_files = itertools.count(1)


def line(amount: int, text: str = "", **more: Any) -> StatementLine:
    """A line of today's statement; every one has a reference of the bank's own, unless a test says otherwise."""
    given: dict[str, Any] = {
        "line_number": next(_files),
        "amount_minor": amount,
        "currency": "AUD",
        "booked_on": date.today(),  # noqa: DTZ011 - a bank's day, wherever the test runs
        "value_on": None,
        "end_to_end_id": None,
        "structured_reference": None,
        "remittance": text,
        "counterparty_name": "A. Payer",
        "counterparty_account": None,
        "bank_reference": f"BANK-{next(_files)}",
    }
    return StatementLine(**{**given, **more})


def statement(lines: Sequence[StatementLine], **more: Any) -> Statement:
    """A statement of the cafe's account."""
    given: dict[str, Any] = {
        "format": "camt.053",
        "account": ACCOUNT,
        "statement_id": f"S-{next(_files)}",
        "currency": "AUD",
        "opening_minor": 0,
        "closing_minor": sum(each.amount_minor for each in lines),
        "from_date": None,
        "to_date": None,
        "lines": tuple(lines),
    }
    return Statement(**{**given, **more})


async def take_in(world: World, *lines: StatementLine, content: bytes | None = None, **more: Any) -> ImportReport:
    """Take a statement of these lines in, as the manager."""
    service = ImportService(world.app.db, world.app.gateways)
    file = content or f"file {next(_files)}".encode()
    return await service.take_in(file, [statement(lines)], world.home.people["manager"], **more)


def resolving(world: World) -> ResolveService:
    """What managers do with lines."""
    return ResolveService(world.app.db, world.app.gateways)


async def newest(world: World, status: LineStatus | None = None) -> BankLineView:
    """The line that was written down last, with every decision about it."""
    manager = world.home.people["manager"]
    page = await resolving(world).lines(manager, status, None, 1, None)
    return await resolving(world).get(page.items[0].bank_line_id, manager)


async def awaited(world: World, who: str = "customer", **more: Any) -> dict[str, Any]:
    """An order and a transfer for it that is awaited: the answer of the payment with its reference."""
    order = await world.order(who)
    answer = await world.pay(order, "qr_bank_transfer", who, **more)
    assert answer.status == 201, answer
    return {**answer.body, "reference": answer.body["qr"]["reference"], "order": order}


async def tally_of(world: World) -> dict[str, int]:
    """How many lines stand where."""
    manager, counts = world.home.people["manager"], dict[str, int]()
    for status in STATUSES:
        page = await resolving(world).lines(manager, status, None, 200, None)
        if page.items:
            counts[status] = len(page.items)
    return counts


async def payment(world: World, payment_id: str) -> Payment:
    """A payment's row."""
    found = await world.app.db.read(world.home.id, lambda reader: get_payment(reader, payment_id))
    assert found is not None
    return found


async def books(world: World) -> dict[str, int]:
    """Every account's balance."""
    return await world.app.db.read(world.home.id, lambda reader: balances(reader, world.home.id))


async def bank_and_suspense(world: World) -> tuple[int, int]:
    """What the ledger says is on the bank account, and what waits in suspense."""
    known = await books(world)
    return known.get(BANK, 0), -known.get(SUSPENSE, 0)


async def assert_lines_agree(world: World) -> None:
    """What `tabletap verify` looks at."""
    assert (await audited(world.app.db, world.home.id)).faults == []


def yesterday() -> date:
    """A bank's day before."""
    return date.today() - timedelta(days=1)  # noqa: DTZ011 - a bank's day, wherever the test runs
