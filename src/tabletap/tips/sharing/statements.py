"""What each worker got: a statement with every share, every taking-back and every payout, as JSON, CSV and HTML."""

from datetime import date, datetime

import msgspec
from jinja2 import Environment

from tabletap.cafes import store as cafes
from tabletap.cafes.business_day import business_day
from tabletap.cafes.model import business_details_of
from tabletap.identity import store as identity
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader
from tabletap.infra.paging import Page, page_of
from tabletap.kernel.csv_text import amount, csv_text
from tabletap.kernel.errors import NotAllowed
from tabletap.kernel.ids import Id
from tabletap.kernel.money import format_major
from tabletap.kernel.people import Actor, Role
from tabletap.tips.sharing import store
from tabletap.tips.sharing.model import TipDistribution, TipPayout, TipShare
from tabletap.tips.sharing.packs import PACKS, PackName, due_on
from tabletap.tips.sharing.service import rule_in_force
from tabletap.tips.sharing.views import DistributionView, PoolView, distribution_view, pool_view
from tabletap.tips.shifts.errors import WorkerNotFound
from tabletap.tips.shifts.model import TipRole


class StatementLineView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """One line: tips that were shared, taken back, given again, or paid out (below zero)."""

    at: datetime
    kind: str
    amount: int
    balance: int
    business_day: str | None = None
    role: TipRole | None = None
    points: int = 0
    minutes: int = 0
    distribution_id: Id | None = None
    payment_id: Id | None = None
    due_on: date | None = None


class TipStatementView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True, kw_only=True):
    """A worker's tips over some days: `opening` + lines = `closing`."""

    staff_id: Id
    cafe: str
    currency: str
    from_: date = msgspec.field(name="from")
    to: date
    opening: int
    closing: int
    lines: list[StatementLineView]
    policy: str
    name: str | None = None


class StatementService:
    """Reading what was shared."""

    def __init__(self, db: AnyDatabase) -> None:
        self.db = db

    async def distributions(self, by: Actor, limit: int, cursor: str | None) -> Page[DistributionView]:
        """What was shared out, newest first: managers see every share, workers their own. Raises NotAllowed."""
        by.require(Role.STAFF, Role.KITCHEN)

        async def look(reader: Reader) -> Page[DistributionView]:
            found = await page_of(
                lambda before, count: store.distributions(reader, before, count),
                limit, cursor, key=lambda done: done.id, view=lambda done: done,
            )  # fmt: skip
            views = []
            for done in found.items:
                shares = await store.shares(reader, done.id)
                if not by.is_(Role.MANAGER):
                    shares = [share for share in shares if share.staff_id == by.person_id]
                views.append(distribution_view(done, shares))
            return Page(views, found.next_cursor)

        return await self.db.read(by.cafe_id, look)

    async def pools(self, by: Actor, limit: int, cursor: str | None) -> Page[PoolView]:
        """The pools, newest first. Raises NotAllowed."""
        by.require(Role.MANAGER)

        async def look(reader: Reader) -> Page[PoolView]:
            return await page_of(
                lambda before, count: store.pools(reader, before, count),
                limit, cursor, key=lambda pool: pool.id, view=pool_view,
            )  # fmt: skip

        return await self.db.read(by.cafe_id, look)

    async def statement(self, staff_id: Id, from_: date, to: date, by: Actor) -> TipStatementView:
        """A worker's tips over business days, the last included: their own, or anybody's for managers.

        Raises WorkerNotFound and NotAllowed.
        """
        by.require(Role.STAFF, Role.KITCHEN)
        if staff_id != by.person_id and not by.is_(Role.MANAGER):
            raise NotAllowed("You may only see your own tips.")

        async def look(reader: Reader) -> TipStatementView:
            cafe = await cafes.get_cafe(reader, reader.cafe_id)
            if cafe is None:
                raise NotAllowed("This cafe does not exist any more.")
            ends_at = business_day(cafe, to).ends_at
            shared = await store.shared_with(reader, staff_id, ends_at)
            paid = await store.payouts(reader, staff_id, ends_at)
            person = await identity.get_person(reader, reader.cafe_id, staff_id)
            if not shared and not paid and person is None and staff_id != by.person_id:
                raise WorkerNotFound
            rule = await rule_in_force(reader)
            opening, lines = _lines(shared, paid, business_day(cafe, from_).starts_at, rule.pack)
            return TipStatementView(
                staff_id=staff_id,
                name=person.name if person else None,
                cafe=business_details_of(cafe).legal_name or cafe.name,
                currency=cafe.currency,
                from_=from_,
                to=to,
                opening=opening,
                closing=lines[-1].balance if lines else opening,
                lines=lines,
                policy=PACKS[rule.pack].says,
            )

        return await self.db.read(by.cafe_id, look, consistent=True)


def _lines(
    shared: list[tuple[TipDistribution, TipShare]], paid: list[TipPayout], starts_at: datetime, pack: PackName
) -> tuple[int, list[StatementLineView]]:
    """The balance before a moment and the lines from it on, in the order in which they happened."""
    moves = [_shared(done, share, pack) for done, share in shared]
    moves += [StatementLineView(each.at, f"paid_{each.method}", -each.amount_minor, 0) for each in paid]
    balance, opening, lines = 0, 0, []
    for line in sorted(moves, key=lambda move: move.at):
        balance += line.amount
        if line.at < starts_at:
            opening = balance
        else:
            lines.append(msgspec.structs.replace(line, balance=balance))
    return opening, lines


def _shared(done: TipDistribution, share: TipShare, pack: PackName) -> StatementLineView:
    due = due_on(pack, date.fromisoformat(done.business_day)) if share.amount_minor > 0 else None
    return StatementLineView(
        done.at, done.kind, share.amount_minor, 0, done.business_day, share.role, share.points, share.minutes, done.id,
        done.payment_id, due,
    )  # fmt: skip


def statement_csv(statement: TipStatementView) -> bytes:
    """The statement as a table."""
    head = ("date", "business day", "kind", "role", "minutes", "points", "amount", "balance", "currency", "due on")
    currency = statement.currency
    rows = [
        (
            line.at.isoformat(), line.business_day, line.kind, line.role, line.minutes, line.points,
            amount(line.amount, currency), amount(line.balance, currency), currency,
            line.due_on.isoformat() if line.due_on else None,
        )
        for line in statement.lines
    ]  # fmt: skip
    return csv_text(head, rows)


_PAGE = Environment(autoescape=True).from_string("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Tips of {{ s.name or s.staff_id }}</title></head><body>
<h1>Tips of {{ s.name or s.staff_id }}</h1>
<p>{{ s.cafe }}, {{ s.from_ }} to {{ s.to }}, in {{ s.currency }}. {{ s.policy }}</p>
<table border="1" cellpadding="4">
<caption>Balance before: {{ money(s.opening) }}</caption>
<thead><tr><th scope="col">Day</th><th scope="col">What</th><th scope="col">Role</th><th scope="col">Minutes</th>
<th scope="col">Points</th><th scope="col">Amount</th><th scope="col">Balance</th><th scope="col">Due</th></tr></thead>
<tbody>{% for line in s.lines %}
<tr><td>{{ line.business_day or line.at.date() }}</td><td>{{ line.kind.replace("_", " ") }}</td>
<td>{{ (line.role or "").replace("_", " ") }}</td><td>{{ line.minutes or "" }}</td><td>{{ line.points or "" }}</td>
<td align="right">{{ money(line.amount) }}</td><td align="right">{{ money(line.balance) }}</td>
<td>{{ line.due_on or "" }}</td></tr>{% endfor %}
</tbody><tfoot><tr><th scope="row" colspan="6">Still to be paid</th><td align="right">{{ money(s.closing) }}</td>
<td></td></tr></tfoot></table></body></html>
""")


def statement_html(statement: TipStatementView) -> bytes:
    """The statement as a page to print; it needs nothing from elsewhere."""
    return _PAGE.render(s=statement, money=lambda minor: format_major(minor, statement.currency)).encode()
