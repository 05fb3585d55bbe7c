"""Reading what was shared: pools, distributions, balances, and every worker's statement."""

from datetime import date, datetime, timedelta

import msgspec

from tabletap.cafes.business_day import business_day
from tabletap.cafes.model import business_details_of
from tabletap.identity import store as identity
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader
from tabletap.infra.paging import Page, page_of
from tabletap.kernel.errors import FieldError, InvalidRequest, NotAllowed
from tabletap.kernel.ids import Id
from tabletap.kernel.people import Actor, Role
from tabletap.tips.model import TipRole
from tabletap.tips.payouts import store as payouts
from tabletap.tips.payouts.model import TipAccount, TipPayout
from tabletap.tips.rules import store as rules
from tabletap.tips.rules.packs import PACKS, PackName, due_on, statement_due_on
from tabletap.tips.rules.service import rule_in_force
from tabletap.tips.sharing import store
from tabletap.tips.sharing.booking import cafe_of
from tabletap.tips.sharing.model import TipDistribution, TipShare
from tabletap.tips.sharing.views import (
    DistributionView,
    PoolView,
    TipBalanceListView,
    TipBalanceView,
    UnassignedListView,
    UnassignedView,
    distribution_view,
    pool_view,
)
from tabletap.tips.shifts.errors import WorkerNotFound

LONGEST_STATEMENT = timedelta(days=1_100)
"""Three years, which is how long records are kept in the UK."""
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2999, 12, 31)
_EVER = _LAST_DAY.isoformat()
Packs = dict[int, PackName]


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
    group_id: Id | None = None
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
    cafe_total: int
    """What was shared with everybody in these days, less what was taken back."""
    lines: list[StatementLineView]
    policy: str
    name: str | None = None
    give_by: date | None = None
    """By when the law wants the worker to have this statement."""


class DistributionsAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Which distributions somebody wants to see."""

    limit: int
    cursor: str | None = None
    group_id: Id | None = None
    business_day: date | None = None


class StatementService:
    """Reading what was shared."""

    def __init__(self, db: AnyDatabase) -> None:
        self.db = db

    async def distributions(self, asked: DistributionsAsked, by: Actor) -> Page[DistributionView]:
        """What was shared out, newest first: managers see every share, others what they had a part in, and their own
        part of it.
        """
        own = None if by.is_(Role.MANAGER) else by.person_id
        day = asked.business_day.isoformat() if asked.business_day else None

        async def look(reader: Reader) -> Page[DistributionView]:
            found = await page_of(
                lambda before, count: store.distributions(reader, before, count, asked.group_id, day, own),
                asked.limit, asked.cursor, key=lambda done: done.id, view=lambda done: done,
            )  # fmt: skip
            views = []
            for done in found.items:
                shares = await store.shares(reader, done.id)
                views.append(distribution_view(done, [each for each in shares if own in (None, each.staff_id)]))
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

    async def unassigned(self, by: Actor) -> UnassignedListView:
        """Everything that belongs to nobody, the oldest day first. Raises NotAllowed."""
        by.require(Role.MANAGER)

        async def look(reader: Reader) -> UnassignedListView:
            items = []
            for group_id, (day, amount) in (await store.unassigned_since(reader, _EVER)).items():
                first = (await store.of_group(reader, group_id))[0]
                items.append(UnassignedView(group_id, first.id, day, amount))
            return UnassignedListView(sorted(items, key=lambda each: (each.business_day, each.group_id)))

        return await self.db.read(by.cafe_id, look, consistent=True)

    async def balances(self, by: Actor) -> TipBalanceListView:
        """What every worker is still to get; for others than managers, what oneself is."""
        own = None if by.is_(Role.MANAGER) else by.person_id

        async def look(reader: Reader) -> TipBalanceListView:
            accounts = [each for each in await payouts.accounts(reader) if own in (None, each.staff_id)]
            packs, currency = await _packs(reader), (await cafe_of(reader)).currency
            return TipBalanceListView([await _balance(reader, each, packs, currency) for each in accounts])

        return await self.db.read(by.cafe_id, look, consistent=True)

    async def statement(self, staff_id: Id, from_: date, to: date, by: Actor) -> TipStatementView:
        """A worker's tips over business days, the last included: their own, or anybody's for managers.

        Raises WorkerNotFound, InvalidRequest and NotAllowed.
        """
        by.require(Role.STAFF, Role.KITCHEN)
        if staff_id != by.person_id and not by.is_(Role.MANAGER):
            raise NotAllowed("You may only see your own tips.")
        if not _FIRST_DAY <= from_ <= to <= _LAST_DAY or to - from_ > LONGEST_STATEMENT:
            sentence = f"to is from or later, by at most {LONGEST_STATEMENT.days} days."
            raise InvalidRequest(sentence, errors=[FieldError("to", sentence)])

        async def look(reader: Reader) -> TipStatementView:
            cafe = await cafe_of(reader)
            starts_at, ends_at = business_day(cafe, from_).starts_at, business_day(cafe, to).ends_at
            shared = await store.shared_with(reader, staff_id, ends_at)
            paid = await payouts.payouts(reader, staff_id, ends_at)
            person = await identity.get_person(reader, reader.cafe_id, staff_id)
            if not shared and not paid and person is None and staff_id != by.person_id:
                raise WorkerNotFound
            pack = (await rule_in_force(reader)).pack
            opening, lines = _lines(shared, paid, starts_at, await _packs(reader))
            days = [done.business_day for done, _ in shared if done.at >= starts_at]
            return TipStatementView(
                staff_id=staff_id,
                name=person.name if person else None,
                cafe=business_details_of(cafe).legal_name or cafe.name,
                currency=cafe.currency,
                from_=from_,
                to=to,
                opening=opening,
                closing=lines[-1].balance if lines else opening,
                cafe_total=await store.shared_between(reader, starts_at, ends_at),
                lines=lines,
                policy=PACKS[pack].says,
                give_by=statement_due_on(pack, date.fromisoformat(max(days))) if days else None,
            )

        return await self.db.read(by.cafe_id, look, consistent=True)


async def _packs(reader: Reader) -> Packs:
    """The country's law by version of the rule: what was shared keeps the law by which it was."""
    return {rule.version: rule.pack for rule in await rules.rules(reader)}


async def _balance(reader: Reader, account: TipAccount, packs: Packs, currency: str) -> TipBalanceView:
    person = await identity.get_person(reader, reader.cafe_id, account.staff_id)
    due, left = None, account.posted_minor
    if any(due_on(pack, _FIRST_DAY) for pack in packs.values()):
        shared = await store.shared_with(reader, account.staff_id, reader.now + timedelta(days=1))
        for done, share in reversed(shared):  # payouts are of the oldest tips first: the newest are still to be paid
            if left <= 0:
                break
            if share.amount_minor > 0:
                left -= share.amount_minor
                due = due_on(packs.get(done.rule_version, "none"), date.fromisoformat(done.business_day)) or due
    return TipBalanceView(
        staff_id=account.staff_id,
        balance=account.posted_minor,
        currency=currency,
        name=person.name if person else None,
        due_on=due,
    )


def _lines(
    shared: list[tuple[TipDistribution, TipShare]], paid: list[TipPayout], starts_at: datetime, packs: Packs
) -> tuple[int, list[StatementLineView]]:
    """The balance before a moment and the lines from it on, in the order in which they happened."""
    moves = [_shared(done, share, packs.get(done.rule_version, "none")) for done, share in shared]
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
    return StatementLineView(
        at=done.at,
        kind=done.kind,
        amount=share.amount_minor,
        balance=0,
        business_day=done.business_day,
        role=share.role,
        points=share.points,
        minutes=share.minutes,
        group_id=done.group_id,
        distribution_id=done.id,
        payment_id=done.payment_id,
        due_on=due_on(pack, date.fromisoformat(done.business_day)) if share.amount_minor > 0 else None,
    )
