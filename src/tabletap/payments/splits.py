"""Splitting a bill into shares that sum to it exactly. A split never makes a second order.

While a bill is split, its open shares always sum to what is outstanding and not being paid: whatever else happens to
the bill (late money, another amount than asked for, other lines), they are evened out in the same transaction.
"""

from datetime import timedelta
from typing import Literal

import msgspec

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.money import share_out
from tabletap.kernel.people import Actor
from tabletap.orders import service as orders
from tabletap.orders import store as orders_store
from tabletap.orders.errors import OrderNotChangeable
from tabletap.orders.model import Order
from tabletap.payments import policy, store
from tabletap.payments.errors import (
    AmountExceedsOutstanding,
    BillIsSplit,
    SplitClaimed,
    SplitNotFound,
    SplitNotPossible,
)
from tabletap.payments.events import SplitChanged
from tabletap.payments.model import Payment, Share, ShareStatus
from tabletap.payments.split_items import Part, amounts_by_items
from tabletap.payments.views import SplitView, split_view

MAX_SHARES = 50
LEASE = timedelta(seconds=120)


class WantedShare(msgspec.Struct, frozen=True, kw_only=True):
    """One share as asked for: its weight in basis points, its amount, or what it covers."""

    basis_points: int | None = None
    amount_minor: int | None = None
    items: tuple[Part, ...] = ()
    label: str | None = None


class SplitBill(msgspec.Struct, frozen=True, kw_only=True):
    """A request to split a bill."""

    method: Literal["equal", "percentage", "custom", "items"]
    count: int | None = None
    shares: tuple[WantedShare, ...] = ()


async def amount_for(
    tx: Transaction, order: Order, split_id: Id | None, asked_minor: int | None, by: Actor
) -> int | None:
    """What a payment of a share claims: exactly the share. While shares are open, only they or all of them are paid.

    Raises SplitNotFound, SplitClaimed, BillIsSplit and AmountExceedsOutstanding.
    """
    if split_id is None:
        await _require_all_that_is_open(tx, order, asked_minor, by)
        return asked_minor
    share = _open_share(await store.shares(tx, order.id, lock=True), split_id)
    if _leased_to_another(share, by, tx):
        raise SplitClaimed(retry_after_seconds=5)
    if asked_minor is not None and asked_minor != share.amount_minor:
        raise AmountExceedsOutstanding(f"This share is {share.amount_minor}; pay exactly that.")
    return share.amount_minor


async def _require_all_that_is_open(tx: Transaction, order: Order, asked_minor: int | None, by: Actor) -> None:
    """Whoever pays the rest of a split bill pays it whole: its open shares are taken back. Less than all is refused.

    What is no amount, or more than the bill has open, is refused where amounts are judged.
    """
    # Whoever splits the bill at this moment changes the order's version, and this decides again.
    waiting = [share for share in await store.shares(tx, order.id) if share.status == "open"]
    wanted = order.outstanding_minor if asked_minor is None else asked_minor
    if not waiting or not 0 < wanted <= order.open_minor:
        return
    if wanted < order.open_minor:
        raise BillIsSplit(
            f"This bill is split: pay one of its shares, or all {order.open_minor} that is open, or undo the split."
        )
    if any(_leased_to_another(share, by, tx) for share in waiting):
        raise SplitClaimed(retry_after_seconds=5)
    await take_all_back(tx, order)


async def hold(tx: Transaction, order: Order, payment: Payment) -> None:
    """A share whose payment is under way is nobody else's to pay."""
    if payment.split_id is None:
        return
    shares = await store.shares(tx, order.id, lock=True)
    _tell(tx, order, [_changed(tx, share, "paying") if share.id == payment.split_id else share for share in shares])


async def follow(tx: Transaction, order: Order, payment: Payment) -> None:
    """A share is paid with its payment; one whose payment came to nothing is open again.

    Money that was not awaited any more takes from the shares that are open. Other payments do not concern shares.
    """
    if payment.split_id is None:
        if payment.released or payment.needs_review:
            await even_out(tx, order)
        return
    shares = await store.shares(tx, order.id, lock=True)
    taken = payment.state == "completed" and payment.suspense_minor < payment.amount_minor
    status: ShareStatus = "paid" if taken else "open"
    # A share that somebody else has paid meanwhile stays paid, whatever becomes of this attempt.
    changed = [
        _changed(tx, share, status) if share.id == payment.split_id and share.status != "paid" else share
        for share in shares
    ]
    _tell(tx, order, changed)
    await even_out(tx, order)


async def even_out(tx: Transaction, order: Order) -> None:
    """Have the open shares sum to what is outstanding and not being paid, as this transaction leaves the bill.

    Shares of which nothing is left are taken back. Equal shares stay equal, others keep their proportions.
    """
    order = await orders_store.get(tx, order.id) or order
    shares = await store.shares(tx, order.id, lock=True)
    waiting = [share for share in shares if share.status == "open"]
    if not waiting or sum(share.amount_minor for share in waiting) == order.open_minor:
        return
    weights = [share.weight or share.amount_minor for share in waiting]
    amounts = dict(zip((share.id for share in waiting), share_out(order.open_minor, weights), strict=True))
    evened = [_worth(tx, share, amounts[share.id]) if share.id in amounts else share for share in shares]
    _tell(tx, order, evened)


async def follow_lines(tx: Transaction, order: Order) -> None:
    """The lines of an order changed: its open shares follow where that is clear. Raises OrderNotChangeable."""
    shares = await store.shares(tx, order.id, lock=True)
    if any(share.status == "paying" for share in shares):
        raise OrderNotChangeable("A share of this bill is being paid right now; wait for it or cancel that payment.")
    waiting = [share for share in shares if share.status == "open"]
    if any(share.method in ("custom", "items") for share in waiting):
        raise OrderNotChangeable("This bill is split by amounts or by items; undo the split first, then split again.")
    await even_out(tx, order)


async def take_all_back(tx: Transaction, order: Order) -> list[Share]:
    """Nobody is to pay the open shares any more; those that are paid are left."""
    shares = await store.shares(tx, order.id, lock=True)
    kept = [_changed(tx, share, "cancelled") if share.status == "open" else share for share in shares]
    if kept != shares:
        _tell(tx, order, kept)
    return [share for share in kept if share.status != "cancelled"]


async def _require_unheld(tx: Transaction, order: Order, by: Actor) -> None:
    """A share that another phone holds is not taken from under it; the staff may. Raises SplitClaimed."""
    shares = await store.shares(tx, order.id)
    if not by.is_staff and any(share.status == "open" and _leased_to_another(share, by, tx) for share in shares):
        raise SplitClaimed(retry_after_seconds=5)


def _tell(tx: Transaction, order: Order, shares: list[Share]) -> None:
    """The shares as this transaction leaves them, for itself and for everybody who looks at the bill."""
    left = [share for share in shares if share.status != "cancelled"]
    tx.remember(("shares", order.id), left)
    tx.emit(SplitChanged(cafe_id=tx.cafe_id, at=tx.now, order=tx.recall(("order", order.id)) or order, shares=left))


def _worth(tx: Transaction, share: Share, amount_minor: int) -> Share:
    if amount_minor == 0:
        return _changed(tx, share, "cancelled")
    after = msgspec.structs.replace(share, amount_minor=amount_minor, version=share.version + 1)
    tx.save(store.split, share, after, ("cafe_id", "id"), ("version",))
    return after


def _changed(tx: Transaction, share: Share, status: ShareStatus) -> Share:
    after = msgspec.structs.replace(share, status=status, claimed_by=None, leased_until=None, version=share.version + 1)
    tx.save(store.split, share, after, ("cafe_id", "id"), ("version",))
    return after


def _open_share(shares: list[Share], split_id: Id) -> Share:
    found = next((share for share in shares if share.id == split_id and share.status == "open"), None)
    if found is None:
        raise SplitNotFound
    return found


def _leased_to_another(share: Share, by: Actor, tx: Transaction) -> bool:
    return share.leased_until is not None and share.leased_until > tx.now and share.claimed_by != by.person_id


class SplitService:
    """Shares of a bill: made, shown, claimed by a phone for a while, taken back."""

    def __init__(self, db: AnyDatabase) -> None:
        self.db = db

    async def split(self, order_id: Id, request: SplitBill, by: Actor) -> SplitView:
        """Split what is outstanding. An earlier split whose shares are all open is replaced.

        Raises SplitNotPossible, SplitClaimed and OrderNotFound.
        """
        policy.require_payer(by)

        async def decide(tx: Transaction) -> SplitView:
            order = await orders.visible(tx, order_id, by, lock=True)
            if order.status == "cancelled" or order.outstanding_minor == 0 or order.reserved_minor:
                raise SplitNotPossible("Only a bill that is open, with no payment under way, can be split.")
            if request.method == "items":
                amounts = await _amounts_of_items(tx, order, request)
            else:
                amounts = amounts_of(request, order.outstanding_minor)
            await _require_unheld(tx, order, by)
            kept = await take_all_back(tx, order)
            shares = _new_shares(tx, order, request, amounts, after=max((share.position for share in kept), default=0))
            tx.add(store.split, *shares)
            # The order's version guards the split: an order that changes meanwhile makes this decide again.
            _tell(tx, orders.reserve(tx, order, 0), [*kept, *shares])
            return split_view(order_id, order.outstanding_minor, shares, tx.now)

        return await self.db.transaction(by.cafe_id, decide)

    async def get(self, order_id: Id, by: Actor) -> SplitView:
        """The shares of a bill. Raises OrderNotFound."""

        async def look(reader: Reader) -> SplitView:
            order = await orders.visible(reader, order_id, by)
            return split_view(order_id, order.outstanding_minor, await store.shares(reader, order_id), reader.now)

        return await self.db.read(by.cafe_id, look)

    async def take_back(self, order_id: Id, by: Actor) -> SplitView:
        """Undo a split; shares that were paid stay paid. Safe to repeat.

        Raises SplitNotPossible, SplitClaimed and OrderNotFound.
        """
        policy.require_payer(by)

        async def decide(tx: Transaction) -> SplitView:
            order = await orders.visible(tx, order_id, by, lock=True)
            if order.reserved_minor:
                raise SplitNotPossible("A share is being paid right now; wait for it or cancel that payment.")
            await _require_unheld(tx, order, by)
            kept = await take_all_back(tx, order)
            return split_view(order_id, order.outstanding_minor, kept, tx.now)

        return await self.db.transaction(by.cafe_id, decide)

    async def claim(self, order_id: Id, split_id: Id, by: Actor) -> SplitView:
        """Lease a share to one person for 120 seconds; again to extend. Raises SplitClaimed and SplitNotFound."""
        return await self._lease(order_id, split_id, by, take=True)

    async def release(self, order_id: Id, split_id: Id, by: Actor) -> SplitView:
        """Give a leased share back. Safe to repeat. Raises SplitClaimed and SplitNotFound."""
        return await self._lease(order_id, split_id, by, take=False)

    async def _lease(self, order_id: Id, split_id: Id, by: Actor, *, take: bool) -> SplitView:
        policy.require_payer(by)

        async def decide(tx: Transaction) -> SplitView:
            order = await orders.visible(tx, order_id, by)
            shares = await store.shares(tx, order_id, lock=True)
            share = _open_share(shares, split_id)
            if _leased_to_another(share, by, tx):
                raise SplitClaimed(retry_after_seconds=5)
            after = msgspec.structs.replace(
                share,
                claimed_by=by.person_id if take else None,
                leased_until=tx.now + LEASE if take else None,
                version=share.version + 1,
            )
            tx.save(store.split, share, after, ("cafe_id", "id"), ("version",))
            shares = [after if other.id == share.id else other for other in shares]
            _tell(tx, order, shares)
            return split_view(order_id, order.outstanding_minor, shares, tx.now)

        return await self.db.transaction(by.cafe_id, decide)


def _new_shares(tx: Transaction, order: Order, request: SplitBill, amounts: list[int], after: int) -> list[Share]:
    wanted = request.shares or (WantedShare(),) * len(amounts)
    return [
        Share(
            tx.cafe_id, new_id(), order.id, request.method, position, amount, share.label, "open", None, None, 1,
            tx.now,
            items=[msgspec.to_builtins(part) for part in share.items] or None,
            weight=1 if request.method == "equal" else share.basis_points,
        )
        for position, (amount, share) in enumerate(zip(amounts, wanted, strict=True), after + 1)
    ]  # fmt: skip


async def _amounts_of_items(tx: Transaction, order: Order, request: SplitBill) -> list[int]:
    """What shares by items cost. Raises SplitNotPossible."""
    if order.paid_minor:
        # Whose items the paid part was for is not known, so nobody can say which are left.
        raise SplitNotPossible("Part of this bill is paid already; split the rest equally, by percentage or amounts.")
    if not 1 <= len(request.shares) <= MAX_SHARES:
        raise SplitNotPossible(f"A bill is split into 1 to {MAX_SHARES} shares, each above zero.")
    return amounts_by_items(await orders_store.items(tx, order.id), [share.items for share in request.shares])


def amounts_of(request: SplitBill, outstanding_minor: int) -> list[int]:
    """The amounts of shares that are not made of items; they sum to what is outstanding. Raises SplitNotPossible."""
    if request.method == "equal":
        if request.count is None or request.shares:
            raise SplitNotPossible("An equal split needs a count and no shares.")
        weights = [1] * min(request.count, MAX_SHARES + 1)
    elif request.count is not None:
        raise SplitNotPossible("Only an equal split has a count.")
    elif request.method == "percentage":
        weights = [wanted.basis_points or 0 for wanted in request.shares]
        if sum(weights) != 10_000:
            raise SplitNotPossible("The shares of a percentage split must sum to 10,000 basis points.")
    else:
        weights = [wanted.amount_minor or 0 for wanted in request.shares]
        if sum(weights) != outstanding_minor:
            raise SplitNotPossible(f"The shares must sum to what is outstanding: {outstanding_minor}.")
    if not 1 <= len(weights) <= MAX_SHARES or min(weights) <= 0:
        raise SplitNotPossible(f"A bill is split into 1 to {MAX_SHARES} shares, each above zero.")
    amounts = share_out(outstanding_minor, weights)
    if min(amounts) <= 0:
        raise SplitNotPossible("There is too little outstanding for that many shares.")
    return amounts
