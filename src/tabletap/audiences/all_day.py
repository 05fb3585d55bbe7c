"""All-day counts: how many of each thing the kitchen has to make over all its tickets, by station."""

from collections import Counter
from collections.abc import Iterable

from tabletap.audiences.payloads import KitchenTicket, Payload


class AllDayCount(Payload, frozen=True, kw_only=True):
    """One thing with its modifiers, and how many of it are to be made."""

    name: str
    modifiers: list[str]
    quantity: int
    station: str | None = None
    """Where it is made; left out: the kitchen as a whole."""


def all_day(tickets: Iterable[KitchenTicket]) -> list[AllDayCount]:
    """The counts over what is not ready yet: station by station, and there the most first."""
    counts: Counter[tuple[str, str, tuple[str, ...]]] = Counter()
    for ticket in tickets:
        if ticket.status in ("pending", "paid", "preparing"):
            for item in ticket.items:
                counts[item.station or "", item.name, tuple(sorted(item.modifiers))] += item.quantity
    ordered = sorted(counts.items(), key=lambda each: (each[0][0], -each[1], each[0][1:]))
    return [
        AllDayCount(name=name, modifiers=list(modifiers), quantity=quantity, station=station or None)
        for (station, name, modifiers), quantity in ordered
    ]
