"""Going through a bank statement: checked whole before the first change, then line by line, safe to end and to repeat.

A file is known by its SHA-256, a line by its content and by the how-manieth of its content it is. Each line is written
down in the transaction that books it, so a run that was killed is finished by the next one, and one more run of a
finished file changes nothing.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec

from tabletap.cafes import store as cafes
from tabletap.cafes.errors import CafeNotFound
from tabletap.cafes.model import Cafe
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Duplicate, Reader, Transaction
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Actor, Role
from tabletap.payments import transfers
from tabletap.payments.gateways.gateway import Gateways
from tabletap.reconciliation import store
from tabletap.reconciliation.booking import book_new
from tabletap.reconciliation.deciding import Found, Knowledge
from tabletap.reconciliation.errors import MatchNotPossible, StatementAccountUnknown, StatementCurrency
from tabletap.reconciliation.expected import store as expected
from tabletap.reconciliation.lines import Numbered, compact_account, facts_of, references_of, row_of
from tabletap.reconciliation.matching import Decision, decide_incoming, waiting
from tabletap.reconciliation.model import Statement
from tabletap.reconciliation.readers.identity import identified
from tabletap.reconciliation.records import BankStatement
from tabletap.reconciliation.views import ImportReport, ReportedStatement, Tally

PORTION = 64
"""Lines that are looked up together."""
AT_ONCE = 16
"""Lines that are booked at the same time: few enough that nobody who pays waits for long."""

_TELLING_DIGITS = 5
Progress = Callable[[int, int], None]
"""Hears how many lines are done, of how many."""


class Line(msgspec.Struct, frozen=True):
    """A line that is new, with what look-ups say about it."""

    numbered: Numbered
    found: Found
    decision: Decision


class ImportService:
    """Taking in statements."""

    def __init__(self, db: AnyDatabase, gateways: Gateways) -> None:
        self.db, self.gateways = db, gateways

    async def take_in(
        self,
        content: bytes,
        statements: Sequence[Statement],
        by: Actor,
        *,
        account: str | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> ImportReport:
        """Match every line of the statements that a file holds. Safe to repeat, also after it was killed.

        `account` says that a statement of this account is right, although the cafe's own bank details name another one.
        With `dry_run` nothing changes. Raises StatementAccountUnknown, StatementCurrency, CafeNotFound, NotAllowed.
        """
        by.require(Role.MANAGER)
        accounts = await self.db.read(by.cafe_id, lambda reader: _accounts(reader, statements, account))
        named = [_moving(each, name) for each, name in zip(statements, accounts, strict=True)]
        run = _Run(self.db, self.gateways, by, hashlib.sha256(content).hexdigest(), named, dry_run)
        return await run.finish(progress or (lambda done, of: None))


async def _accounts(reader: Reader, statements: Sequence[Statement], named: str | None) -> list[str]:
    """The account of each statement as we write it. Nobody's private statement is taken in by mistake.

    Raises StatementCurrency, StatementAccountUnknown and CafeNotFound.
    """
    cafe = await cafes.get_cafe(reader, reader.cafe_id)
    if cafe is None:
        raise CafeNotFound
    accounts = []
    for statement in statements:
        if statement.currency != cafe.currency or any(line.currency != cafe.currency for line in statement.lines):
            raise StatementCurrency(f"This statement is not in {cafe.currency} throughout; nothing of it was taken in.")
        accounts.append(await _account(reader, cafe, compact_account(statement.account or ""), named))
    return accounts


def _moving(statement: Statement, account: str) -> Statement:
    """The statement under our name for the account, without the entries that only say something and move nothing."""
    lines = tuple(line for line in statement.lines if line.amount_minor)
    return msgspec.structs.replace(statement, account=account, lines=lines)


async def _account(reader: Reader, cafe: Cafe, account: str, named: str | None) -> str:
    own = _own_accounts(cafe)
    same = next((each for each in own if _is_same(account, each)), None)
    if same is not None:
        return same
    if (
        not own
        or (named is not None and compact_account(named) == account)
        or await store.knows_account(reader, account)
    ):
        return account
    raise StatementAccountUnknown(
        f"This statement is of account {account}, the cafe's bank details name another. If it is right all the same, "
        f"say so by naming the account: {account}."
    )


def _own_accounts(cafe: Cafe) -> list[str]:
    details = cafe.bank_details or {}
    domestic = f"{details.get('bsb') or ''}{details.get('accountNumber') or ''}"
    return [compact_account(each) for each in (details.get("iban"), domestic) if each]


def _is_same(account: str, own: str) -> bool:
    """Banks leave out the BSB or leading zeros, and a CSV file often does not name the account at all."""
    if not account or account == own:
        return True
    return len(account) >= _TELLING_DIGITS and own.endswith(account.lstrip("0"))


class _Run:
    """One run through one file."""

    def __init__(
        self,
        db: AnyDatabase,
        gateways: Gateways,
        by: Actor,
        file_hash: str,
        statements: Sequence[Statement],
        dry_run: bool,
    ) -> None:
        self.db, self.gateways, self.by, self.dry_run = db, gateways, by, dry_run
        self.file_hash, self.statements = file_hash, statements
        self.knowledge, self.tally, self.known = Knowledge(), Tally(), 0

    async def finish(self, progress: Progress) -> ImportReport:
        """Go through to the end and say what became of every line."""
        rows = await self._rows()
        before = all(row.state == "done" for row in rows)
        total, done = sum(len(each.lines) for each in self.statements), 0
        seen: Counter[str] = Counter()
        for statement, row in zip(self.statements, rows, strict=True):
            lines = identified((statement,), row.account, seen)
            for portion in _portions(lines):
                await self._take(portion, row)
                done += len(portion)
                progress(done, total)
            if not self.dry_run and row.state != "done":
                await self._done(row)
        return ImportReport(
            statements=[_reported(row, each) for row, each in zip(rows, self.statements, strict=True)],
            already_imported=before and bool(rows) and not self.dry_run,
            dry_run=self.dry_run,
            line_count=total,
            new_lines=self.tally.lines,
            known_lines=self.known,
            tally=self.tally,
        )

    async def _rows(self) -> list[BankStatement]:
        """The statements' own rows: made, or found as an earlier run left them."""

        async def decide(tx: Transaction) -> list[BankStatement]:
            found = await store.of_file(tx, self.file_hash)
            if found:
                return found
            rows = [self._row(tx, part, each) for part, each in enumerate(self.statements, 1)]
            if not self.dry_run:
                tx.add(store.bank_statement, *rows, retry_on_duplicate=True)
            return rows

        return await self.db.transaction(self.by.cafe_id, decide)

    def _row(self, tx: Transaction, part: int, statement: Statement) -> BankStatement:
        return BankStatement(
            tx.cafe_id, new_id(), self.file_hash, part, statement.format, statement.account or "", statement.currency,
            statement.statement_id, statement.opening_minor, statement.closing_minor, len(statement.lines),
            "importing", self.by.person_id, tx.now, None, 1,
        )  # fmt: skip

    async def _done(self, row: BankStatement) -> None:
        async def decide(tx: Transaction) -> None:
            current = next((each for each in await store.of_file(tx, self.file_hash) if each.id == row.id), row)
            if current.state == "importing":
                after = msgspec.structs.replace(current, state="done", finished_at=tx.now, version=current.version + 1)
                tx.save(store.bank_statement, current, after, ("cafe_id", "id"), ("version",))

        await self.db.transaction(self.by.cafe_id, decide)

    async def _take(self, portion: Sequence[Numbered], row: BankStatement) -> None:
        """Lines that move something one by one, those of the same payment after each other; the others together."""

        async def look(reader: Reader) -> list[tuple[Numbered, Found]]:
            known = await store.known_lines(reader, row.account, (identity.content_hash for _, identity in portion))
            fresh = [each for each in portion if (each[1].content_hash, each[1].occurrence) not in known]
            asked = [(facts_of(line), references_of(line)) for line, _ in fresh]
            return list(zip(fresh, await self.knowledge.prepare(reader, asked), strict=True))

        fresh = await self.db.read(self.by.cafe_id, look)
        self.known += len(portion) - len(fresh)
        pointed = [each for each in fresh if each[1].awaited]
        for wave in _waves(pointed):
            await self._each(wave, row)
        await self._each([each for each in fresh if not each[1].awaited], row)

    async def _each(self, fresh: Sequence[tuple[Numbered, Found]], row: BankStatement) -> None:
        lines: list[Line] = []
        idle: list[Line] = []
        for each, found in fresh:
            decision = self.knowledge.decide(found)
            (lines if decision.takes else idle).append(Line(each, found, decision))
            if self.dry_run or not found.awaited:
                self.knowledge.learn(found, decision.takes)
        if self.dry_run:
            for line in (*lines, *idle):
                self._count(line, line.decision)
            return
        for start in range(0, len(lines), AT_ONCE):
            await asyncio.gather(*(self._book([line], row) for line in lines[start : start + AT_ONCE]))
        whole = len(idle) // AT_ONCE * AT_ONCE
        for start in range(0, whole, AT_ONCE):
            await self._book(idle[start : start + AT_ONCE], row)
        await asyncio.gather(*(self._book([line], row) for line in idle[whole:]))

    async def _book(self, lines: Sequence[Line], row: BankStatement) -> None:
        """Book lines in one transaction. Those that somebody else took in meanwhile are known."""

        async def decide(tx: Transaction) -> list[Decision]:
            decisions = []
            for line in lines:
                decision = await self._again(tx, line)
                kept = row_of(tx.cafe_id, row.id, row.account, line.numbered, tx.now)
                await book_new(tx, self.gateways, kept, decision, self.by)
                decisions.append(decision)
            return decisions

        try:
            decisions = await self.db.transaction(self.by.cafe_id, decide)
        except Duplicate as duplicate:
            if duplicate.table != store.bank_line.name:
                raise
            await self._apart(lines, row)
            return
        except MatchNotPossible:
            # The refund or payout was settled by somebody else just now: a person looks.
            for line in lines:
                undecided = waiting(line.decision.suggestions)
                await self._book([msgspec.structs.replace(line, decision=undecided)], row)
            return
        for line, decision in zip(lines, decisions, strict=True):
            self._count(line, decision)
            self.knowledge.learn(line.found, decision.takes)

    async def _apart(self, lines: Sequence[Line], row: BankStatement) -> None:
        """Another run has taken in some of these lines."""
        if len(lines) == 1:
            self.known += 1
            return
        for line in lines:
            await self._book([line], row)

    async def _again(self, tx: Transaction, line: Line) -> Decision:
        """The decision as the rows say now that this transaction holds them."""
        if not line.decision.takes and not line.found.awaited:
            return line.decision
        if line.found.facts.amount_minor < 0 or line.found.facts.reversal or not line.found.awaited:
            return line.decision
        if len(line.found.awaited) > 1:
            await transfers.hold_all(tx, [awaited.payment_id for awaited in line.found.awaited])
        for awaited in line.found.awaited:
            await transfers.locked(tx, awaited.payment_id)
        now = [await expected.awaited(tx, awaited.payment_id) for awaited in line.found.awaited]
        return decide_incoming(line.found.facts, [awaited for awaited in now if awaited is not None])

    def _count(self, line: Line, decision: Decision) -> None:
        self.tally.add(decision.status, line.found.facts.amount_minor)


def _portions(lines: Iterator[Numbered]) -> Iterator[list[Numbered]]:
    portion: list[Numbered] = []
    for line in lines:
        portion.append(line)
        if len(portion) == PORTION:
            yield portion
            portion = []
    if portion:
        yield portion


def _waves(lines: Sequence[tuple[Numbered, Found]]) -> Iterator[list[tuple[Numbered, Found]]]:
    """Lines in their order, cut where one concerns a bill of another: two transfers for one bill never race."""
    wave: list[tuple[Numbered, Found]] = []
    concerned: set[Id] = set()
    for line in lines:
        orders = {awaited.order_id for awaited in line[1].awaited}
        if orders & concerned:
            yield wave
            wave, concerned = [], set()
        wave.append(line)
        concerned |= orders
    if wave:
        yield wave


def _reported(row: BankStatement, statement: Statement) -> ReportedStatement:
    return ReportedStatement(
        bank_statement_id=row.id,
        format=row.format,
        account=row.account,
        currency=row.currency,
        line_count=row.line_count,
        statement_id=row.statement_id,
        opening_balance=row.opening_minor,
        closing_balance=row.closing_minor,
        pending=statement.pending,
    )
