"""Splitting a bill into shares that sum to it exactly. A split never makes a second order."""

from datetime import timedelta
from typing import Literal

import msgspec

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.money import share_out
from tabletap.kernel.people import Actor
from tabletap.orders import service as orders
from tabletap.orders.model import Order
from tabletap.payments import policy, store
from tabletap.payments.errors import AmountExceedsOutstanding, SplitClaimed, SplitNotFound, SplitNotPossible
from tabletap.payments.events import SplitChanged
from tabletap.payments.model import Payment, Share, ShareStatus
from tabletap.payments.views import SplitView, split_view

MAX_SHARES = 50
LEASE = timedelta(seconds=120)


class WantedShare(msgspec.Struct, frozen=True, kw_only=True):
    """One share as asked for: its weight in basis points or its amount."""

    basis_points: int | None = None
    amount_minor: int | None = None
    label: str | None = None


class SplitBill(msgspec.Struct, frozen=True, kw_only=True):
    """A request to split a bill."""

    method: Literal["equal", "percentage", "custom"]
    count: int | None = None
    shares: tuple[WantedShare, ...] = ()


async def amount_for(
    tx: Transaction, order: Order, split_id: Id | None, asked_minor: int | None, by: Actor
) -> int | None:
    """What a payment of a share claims: exactly the share.

    Raises SplitNotFound, SplitClaimed and AmountExceedsOutstanding.
    """
    if split_id is None:
        return asked_minor
    share = _open_share(await store.shares(tx, order.id, lock=True), split_id)
    if _leased_to_another(share, by, tx):
        raise SplitClaimed(retry_after_seconds=5)
    if asked_minor is not None and asked_minor != share.amount_minor:
        raise AmountExceedsOutstanding(f"This share is {share.amount_minor}; pay exactly that.")
    return share.amount_minor


async def hold(tx: Transaction, order: Order, payment: Payment) -> None:
    """A share whose payment is under way is nobody else's to pay."""
    if payment.split_id is None:
        return
    shares = await store.shares(tx, order.id, lock=True)
    changed = [_changed(tx, share, "paying") if share.id == payment.split_id else share for share in shares]
    tx.emit(SplitChanged(cafe_id=tx.cafe_id, at=tx.now, order=order, shares=changed))


async def follow(tx: Transaction, order: Order, payment: Payment) -> None:
    """A share is paid with its payment; one whose payment came to nothing is open again."""
    if payment.split_id is None:
        return
    shares = await store.shares(tx, order.id, lock=True)
    status: ShareStatus = "paid" if payment.state == "completed" else "open"
    changed = [_changed(tx, share, status) if share.id == payment.split_id else share for share in shares]
    tx.emit(SplitChanged(cafe_id=tx.cafe_id, at=tx.now, order=order, shares=changed))


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

        Raises SplitNotPossible and OrderNotFound.
        """
        policy.require_payer(by)

        async def decide(tx: Transaction) -> SplitView:
            order = await orders.visible(tx, order_id, by, lock=True)
            if order.status == "cancelled" or order.outstanding_minor == 0 or order.reserved_minor:
                raise SplitNotPossible("Only a bill that is open, with no payment under way, can be split.")
            for share in await store.shares(tx, order_id, lock=True):
                if share.status == "open":
                    _changed(tx, share, "cancelled")
            amounts = amounts_of(request, order.outstanding_minor)
            labels = [wanted.label for wanted in request.shares] or [None] * len(amounts)
            shares = [
                Share(tx.cafe_id, new_id(), order_id, request.method, n, amount, label, "open", None, None, 1, tx.now)
                for n, (amount, label) in enumerate(zip(amounts, labels, strict=True), 1)
            ]
            tx.add(store.split, *shares)
            # The order's version guards the split: an order that changes meanwhile makes this decide again.
            orders.reserve(tx, order, 0)
            tx.emit(SplitChanged(cafe_id=tx.cafe_id, at=tx.now, order=order, shares=shares))
            return split_view(order_id, order.outstanding_minor, shares, tx.now)

        return await self.db.transaction(by.cafe_id, decide)

    async def get(self, order_id: Id, by: Actor) -> SplitView:
        """The shares of a bill. Raises OrderNotFound."""

        async def look(reader: Reader) -> SplitView:
            order = await orders.visible(reader, order_id, by)
            return split_view(order_id, order.outstanding_minor, await store.shares(reader, order_id), reader.now)

        return await self.db.read(by.cafe_id, look)

    async def take_back(self, order_id: Id, by: Actor) -> SplitView:
        """Undo a split; shares that were paid stay paid. Safe to repeat. Raises SplitNotPossible and OrderNotFound."""
        policy.require_payer(by)

        async def decide(tx: Transaction) -> SplitView:
            order = await orders.visible(tx, order_id, by, lock=True)
            if order.reserved_minor:
                raise SplitNotPossible("A share is being paid right now; wait for it or cancel that payment.")
            shares = await store.shares(tx, order_id, lock=True)
            kept = [share for share in shares if share.status != "open"]
            for share in shares:
                if share.status == "open":
                    _changed(tx, share, "cancelled")
            tx.emit(SplitChanged(cafe_id=tx.cafe_id, at=tx.now, order=order, shares=kept))
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
            tx.emit(SplitChanged(cafe_id=tx.cafe_id, at=tx.now, order=order, shares=shares))
            return split_view(order_id, order.outstanding_minor, shares, tx.now)

        return await self.db.transaction(by.cafe_id, decide)


def amounts_of(request: SplitBill, outstanding_minor: int) -> list[int]:
    """The shares' amounts, which sum to what is outstanding. Raises SplitNotPossible."""
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
