"""The arithmetic of sharing: to the cent, whoever worked, and fair in turn. Pure.

Largest remainder: everybody gets the whole cents of their exact part, and the cents that are left go to the largest
fractions. Among equal fractions they go round: each of many equal pools gives its cents to those whose turn it is
next, so that nobody is ever ahead of an equal by more than one cent.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from tabletap.kernel.ids import Id
from tabletap.tips.model import ROLES, TipRole
from tabletap.tips.sharing.model import Part, TipShare, Worker


def shared_by(total_minor: int, weights: Sequence[int], handed: int) -> list[int]:
    """Divide a total by whole weights. `handed`: how many cents were given out in this tie before.

    Raises ValueError when there is nobody to share with.
    """
    whole = sum(weights)
    parts = [total_minor * weight // whole for weight in weights] if whole > 0 else []
    above, tied, cents = _left_over(total_minor, weights)
    for n in above:
        parts[n] += 1
    for turn in range(handed, handed + cents):
        parts[tied[turn % len(tied)]] += 1
    return parts


def _left_over(total_minor: int, weights: Sequence[int]) -> tuple[list[int], list[int], int]:
    """Who gets one of the cents that are left, who ties for the last of them, and how many those are."""
    whole = sum(weights)
    if total_minor < 0 or whole <= 0 or min(weights) < 0:
        raise ValueError("a total of at least zero is shared by weights of which one is above zero")
    fractions = [total_minor * weight % whole for weight in weights]
    left = sum(fractions) // whole
    if not left:
        return [], [], 0
    last = sorted(fractions, reverse=True)[left - 1]
    above = [n for n, fraction in enumerate(fractions) if fraction > last]
    return above, [n for n, fraction in enumerate(fractions) if fraction == last], left - len(above)


def distributed(amount_minor: int, role_weights: Sequence[int], workers: Iterable[Worker], sequence: int) -> list[Part]:
    """Who gets how much; the parts sum to the amount, in whatever order the workers are named.

    First the roles' parts, then within each by the workers' weights. `sequence` is the number of the pool. The part of
    a role in which nobody worked belongs to nobody.
    """
    by_role: dict[TipRole, list[Worker]] = {role: [] for role in ROLES}
    for worker in _merged(workers):
        by_role[worker.role].append(worker)
    _, tied, cents = _left_over(amount_minor, role_weights)
    parts: list[Part] = []
    for n, part in enumerate(shared_by(amount_minor, role_weights, sequence * cents)):
        role, there = ROLES[n], [worker for worker in by_role[ROLES[n]] if worker.weight]
        if there:
            handed_before = _earlier(part, n, amount_minor, role_weights, tied, cents, sequence)
            weights = [worker.weight for worker in there]
            amounts = shared_by(part, weights, _handed(part, weights, handed_before))
            parts += [
                Part(worker.staff_id, role, worker.points, worker.minutes or 0, amount)
                for worker, amount in zip(there, amounts, strict=True)
            ]
        else:
            parts.append(Part(None, role, 0, 0, part))
    return [part for part in parts if part.amount_minor]


def _earlier(
    part: int, n: int, amount_minor: int, weights: Sequence[int], tied: list[int], cents: int, sequence: int
) -> Mapping[int, int]:
    """How often a role got which part of so many equal pools before this one: this part, or a cent more or less."""
    if n not in tied:
        return {part: sequence}
    whole_cents = amount_minor * weights[n] // sum(weights)
    with_a_cent = max(0, -(-(sequence * cents - tied.index(n)) // len(tied)))
    return {whole_cents: sequence - with_a_cent, whole_cents + 1: with_a_cent}


def _handed(part: int, weights: Sequence[int], earlier: Mapping[int, int]) -> int:
    """How many cents those who tie for one now were given before, in the pools in which they tied as well."""
    _, tied, _ = _left_over(part, weights)
    handed = 0
    for earlier_part, count in earlier.items():
        _, tied_then, cents = _left_over(earlier_part, weights)
        handed += count * cents if tied_then == tied else 0
    return handed


def _merged(workers: Iterable[Worker]) -> list[Worker]:
    """One worker a person, role and points, whatever the number of their shifts; in one order for all time."""
    minutes: dict[tuple[Id, TipRole, int], int] = defaultdict(int)
    at_once: set[tuple[Id, TipRole, int]] = set()
    for worker in workers:
        key = worker.staff_id, worker.role, worker.points
        minutes[key] += worker.minutes or 0
        if worker.minutes is None:
            at_once.add(key)
    return [Worker(*key, None if key in at_once else worked) for key, worked in sorted(minutes.items())]


def taken_back(amount_minor: int, shares: Iterable[TipShare], sequence: int) -> list[Part]:
    """What goes back of shares when part of the tip does: in proportion to what each has, never more.

    The parts sum to the amount, or to all there is where that is less; they are below zero.
    """
    has = held(shares)
    holders = sorted(key for key, amount in has.items() if amount > 0)
    amount = min(amount_minor, sum(has[key] for key in holders))
    if not amount:
        return []
    parts = shared_by(amount, [has[key] for key in holders], sequence)
    return [Part(staff or None, role, 0, 0, -part) for (staff, role), part in zip(holders, parts, strict=True) if part]


def held(shares: Iterable[TipShare]) -> dict[tuple[Id, TipRole], int]:
    """What everybody has of shares in each role; under no name, what belongs to nobody."""
    has: dict[tuple[Id, TipRole], int] = defaultdict(int)
    for share in shares:
        has[share.staff_id or "", share.role] += share.amount_minor
    return has


def shared_again(shares: Iterable[TipShare], sequence: int) -> list[Part]:
    """What belongs to nobody, shared among those who have a part already, by their work; nothing where nobody has."""
    given = list(shares)
    nobodys = {role: amount for (staff, role), amount in held(given).items() if not staff and amount > 0}
    work: dict[tuple[Id, TipRole], Worker] = {}
    for share in given:
        if share.staff_id is not None and share.points and share.amount_minor > 0:
            worker = Worker(share.staff_id, share.role, share.points, share.minutes or None)
            work.setdefault((worker.staff_id, worker.role), worker)
    workers = [work[key] for key in sorted(work)]
    if not nobodys or not workers:
        return []
    amounts = shared_by(sum(nobodys.values()), [worker.weight for worker in workers], sequence)
    parts = [Part(None, role, 0, 0, -amount) for role, amount in nobodys.items()]
    parts += [
        Part(worker.staff_id, worker.role, worker.points, worker.minutes or 0, amount)
        for worker, amount in zip(workers, amounts, strict=True)
        if amount
    ]
    return parts
