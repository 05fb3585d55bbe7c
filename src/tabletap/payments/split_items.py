"""Splitting a bill by its items, or by parts of them: who had what. Pure."""

import math
from collections.abc import Sequence
from fractions import Fraction

import msgspec

from tabletap.kernel.ids import Id
from tabletap.kernel.money import share_out
from tabletap.orders.model import OrderItem
from tabletap.payments.errors import SplitNotPossible

MAX_PARTS = 100
"""So many items in one share at most, and an item goes into so many parts."""


class Part(msgspec.Struct, frozen=True, rename="camel"):
    """A part of an item: one third of the cake is 1 of 3."""

    order_item_id: Id
    numerator: int = 1
    denominator: int = 1

    @property
    def fraction(self) -> Fraction:
        """As a number."""
        return Fraction(self.numerator, self.denominator)


def amounts_by_items(items: Sequence[OrderItem], shares: Sequence[Sequence[Part]]) -> list[int]:
    """What each share costs: its parts of the items, to the cent; together exactly what the items cost.

    Cents that do not divide go to the largest remainders, ties to the earlier share. Every item that is still on the
    order has to be assigned, its parts summing to exactly one. Raises SplitNotPossible, naming the item.
    """
    on_order = {item.id: item for item in items}
    assigned: dict[Id, Fraction] = {}
    for parts in shares:
        _require_bounds(parts, on_order)
        for part in parts:
            assigned[part.order_item_id] = assigned.get(part.order_item_id, Fraction()) + part.fraction
    for item in items:
        _require_whole(item, assigned.get(item.id, Fraction()))
    costs = [
        sum((part.fraction * on_order[part.order_item_id].total_minor for part in parts), Fraction())
        for parts in shares
    ]
    total = sum(item.total_minor for item in items if not item.voided)
    if total <= 0 or min(costs) <= 0:
        raise SplitNotPossible("Every share needs items that cost something.")
    # Over one denominator the costs are whole numbers, and sharing out by them is exact.
    common = math.lcm(*(cost.denominator for cost in costs))
    return share_out(total, [int(cost * common) for cost in costs])


def _require_bounds(parts: Sequence[Part], on_order: dict[Id, OrderItem]) -> None:
    if not 1 <= len(parts) <= MAX_PARTS:
        raise SplitNotPossible(f"A share has 1 to {MAX_PARTS} items.")
    if len({part.order_item_id for part in parts}) < len(parts):
        raise SplitNotPossible("A share names each of its items once.")
    for part in parts:
        item = on_order.get(part.order_item_id)
        if item is None:
            raise SplitNotPossible("One of the items is not on this order.")
        if item.voided:
            raise SplitNotPossible(f"{item.name} was taken off this order; nobody has to pay it.")
        if not 1 <= part.numerator <= part.denominator <= MAX_PARTS:
            raise SplitNotPossible(
                f"A part of {item.name} is a fraction of whole numbers between 1 and {MAX_PARTS}, at most all of it."
            )


def _require_whole(item: OrderItem, assigned: Fraction) -> None:
    if not item.voided and assigned != 1:
        raise SplitNotPossible(
            f"The parts of {item.name} over all shares must be exactly one; they are {assigned}."
            if assigned
            else f"{item.name} is in no share; every item has to be paid by somebody."
        )
