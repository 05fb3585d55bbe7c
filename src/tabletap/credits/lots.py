"""Which lots a payment takes, and which it gets back. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import msgspec

from tabletap.credits.errors import InsufficientCredit
from tabletap.credits.model import Consumption, CreditLot
from tabletap.kernel.ids import Id

_NEVER = datetime.max.replace(tzinfo=UTC)


class Part(msgspec.Struct, frozen=True):
    """So much of a lot."""

    lot: CreditLot
    amount_minor: int


def order_of_use(lot: CreditLot) -> tuple[datetime, bool, datetime, Id]:
    """What is used first: what expires soonest, then what was given away before what is the customer's own money
    (bought or refunded, which are alike), then what is oldest; the id decides among lots of one moment."""
    return lot.expires_at or _NEVER, lot.kind != "promotional", lot.created_at, lot.id


def spendable(lots: Iterable[CreditLot], now: datetime) -> int:
    """What can be spent now."""
    return sum(lot.free_minor for lot in lots if not lot.is_over(now))


def taken(lots: Iterable[CreditLot], amount_minor: int, now: datetime) -> list[Part]:
    """The parts of lots that an amount takes, in the order of use. Raises InsufficientCredit."""
    parts: list[Part] = []
    for lot in sorted((lot for lot in lots if lot.free_minor and not lot.is_over(now)), key=order_of_use):
        if not amount_minor:
            break
        part = Part(lot, min(lot.free_minor, amount_minor))
        parts.append(part)
        amount_minor -= part.amount_minor
    if amount_minor:
        raise InsufficientCredit
    return parts


def given_back(consumptions: Iterable[Consumption], lots: Mapping[Id, CreditLot], amount_minor: int) -> list[Part]:
    """The parts that an amount gives back to the lots it was taken from: the last one taken first, to none more than
    it gave. What is left of the amount belongs to no lot."""
    newest_first = sorted(consumptions, key=lambda each: (each.transaction_id, each.n), reverse=True)
    owed: defaultdict[Id, int] = defaultdict(int)
    for each in newest_first:
        owed[each.lot_id] += each.amount_minor
    parts: list[Part] = []
    for lot_id in dict.fromkeys(each.lot_id for each in newest_first if each.amount_minor > 0):
        part = Part(lots[lot_id], min(owed[lot_id], amount_minor))
        if part.amount_minor > 0:
            parts.append(part)
            amount_minor -= part.amount_minor
    return parts
