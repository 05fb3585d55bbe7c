"""What a cafe owes its customers in credit: by kind, by age and by what is about to expire (facts: gift-card law).

It is derived from the lots and what was taken from them up to a moment, so it can be asked for any moment since lots
are kept. `ledgerAmount` is what the journals say of that moment: the two agree, or `tabletap verify` says where not.
Before lots were kept nobody noted what was bought and what was given; there `amount` counts the later lots alone.
When a lot expires is what is known of it today: a refund may have given it more time since.
"""

from datetime import datetime, timedelta

import msgspec

from tabletap.cafes import store as cafes
from tabletap.cafes.errors import CafeNotFound
from tabletap.credits.model import KINDS, CreditKind, PartOfLots
from tabletap.credits.sums import store
from tabletap.infra.db.transaction import Reader
from tabletap.kernel.csv_text import Cell, csv_text
from tabletap.kernel.csv_text import amount as figure

AGES: tuple[tuple[str, int], ...] = (("0-30", 0), ("31-90", 31), ("91-365", 91), ("over-365", 366))
"""Ages in whole days, each with the day that it begins with."""
SOON = timedelta(days=30)


class AgeView(msgspec.Struct, frozen=True, rename="camel"):
    """What came in so many days before."""

    days: str
    amount: int


class KindView(msgspec.Struct, frozen=True, rename="camel"):
    """What is owed of one kind of credit."""

    kind: CreditKind
    amount: int
    expires_within_30_days: int
    ages: list[AgeView]


class Liability(msgspec.Struct, frozen=True, rename="camel"):
    """`GET /credits/liability`."""

    at: datetime
    currency: str
    amount: int
    """What the lots sum to."""
    ledger_amount: int
    """What the journals say."""
    expires_within_30_days: int
    kinds: list[KindView]


async def liability(reader: Reader, at: datetime) -> Liability:
    """The report as of a moment. Read it in one consistent look. Raises CafeNotFound."""
    cafe = await cafes.get_cafe(reader, reader.cafe_id)
    if cafe is None:
        raise CafeNotFound
    starts = [at - timedelta(days=first) for _, first in AGES[1:]]
    came = await store.came(reader, at, starts, at + SOON)
    went = await store.went(reader, at, starts, at + SOON)
    kinds = [_kind(kind, came, went) for kind in KINDS]
    return Liability(
        at=at,
        currency=cafe.currency,
        amount=sum(kind.amount for kind in kinds),
        ledger_amount=await store.owed_by_ledger(reader, at),
        expires_within_30_days=sum(kind.expires_within_30_days for kind in kinds),
        kinds=kinds,
    )


def _kind(kind: CreditKind, came: list[PartOfLots], went: list[PartOfLots]) -> KindView:
    ages, soon = [0] * len(AGES), 0
    for sign, parts in ((1, came), (-1, went)):
        for part in parts:
            if part.kind == kind:
                ages[part.age] += sign * part.amount_minor
                soon += sign * part.soon_minor
    views = [AgeView(name, amount) for (name, _), amount in zip(AGES, ages, strict=True)]
    return KindView(kind, sum(ages), soon, views)


def as_csv(report: Liability) -> bytes:
    """The report as a table: a line for each kind and age, then the sums."""
    rows: list[list[Cell]] = [
        [kind.kind, age.days, figure(age.amount, report.currency), report.currency]
        for kind in report.kinds
        for age in kind.ages
    ]
    sums = (
        ("expires within 30 days", report.expires_within_30_days),
        ("all", report.amount),
        ("ledger", report.ledger_amount),
    )
    rows += [[name, "", figure(amount, report.currency), report.currency] for name, amount in sums]
    return csv_text(["kind", "days", "amount", "currency"], rows)
