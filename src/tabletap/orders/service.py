"""Placing orders, moving them on, and what payments do to them."""

import msgspec

from tabletap.cafes import store as cafes
from tabletap.cafes.business_day import business_day_of
from tabletap.cafes.model import Cafe
from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.infra.paging import Page, page_of
from tabletap.kernel.errors import FieldError, InvalidRequest, NotAllowed, VersionConflict
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Actor, Role, require_currency
from tabletap.ledger.model import SALES, TAX_PAYABLE
from tabletap.ledger.service import post
from tabletap.orders import store
from tabletap.orders.errors import (
    OrderNotChangeable,
    OrderNotFound,
    PriceChanged,
    TransitionNotAllowed,
)
from tabletap.orders.events import OrderChanged, OrderCreated, OrderStatusChanged
from tabletap.orders.lines import MAX_LINES, check_lines, priced, sums_of
from tabletap.orders.model import (
    Line,
    Order,
    OrderItem,
    OrderKind,
    OrderStatus,
    OrderView,
    PlaceOrder,
    Taken,
    in_proportion,
    may_move,
    view_of,
)

_MOVERS = (Role.KITCHEN, Role.STAFF)


def is_own(order: Order, by: Actor) -> bool:
    """Placed by me, or open in my table's session: friends at one table read, split and pay the same order."""
    if by.person_id in (order.customer_id, order.placed_by):
        return True
    return by.session_id is not None and by.session_id == order.session_id


async def visible(reader: Reader, order_id: Id, by: Actor, *, lock: bool = False) -> Order:
    """The order, if this person may know of it.

    Raises OrderNotFound for what is not in this cafe, NotAllowed for somebody else's (contract 2.1).
    """
    order = await store.get(reader, order_id, lock=lock)
    if order is None:
        raise OrderNotFound
    if not (by.is_staff or by.is_(Role.KITCHEN) or is_own(order, by)):
        raise NotAllowed("This order is not yours.")
    return order


async def cafe_of(reader: Reader) -> Cafe:
    """The reader's cafe; a token for a cafe that is gone is good for nothing."""
    cafe = await cafes.get_cafe(reader, reader.cafe_id)
    if cafe is None:
        raise NotAllowed("This cafe does not exist any more.")
    return cafe


class OrderService:
    """Orders from the table to the hand."""

    def __init__(self, db: AnyDatabase) -> None:
        self.db = db

    async def place(self, request: PlaceOrder, by: Actor) -> OrderView:
        """Place an order, priced here. Safe to repeat with the same `clientOrderId`: the first order is answered.

        Raises InvalidRequest, ItemUnavailable, PriceChanged, NotAllowed, OtherCafe, CurrencyMismatch.
        """
        if not (by.is_staff or by.is_(Role.CUSTOMER)):
            raise NotAllowed
        by.require_cafe(request.cafe_id)

        async def decide(tx: Transaction) -> OrderView:
            if request.client_order_id is not None:
                known = await store.by_client_id(tx, by.person_id, request.client_order_id)
                if known is not None:
                    return view_of(known, await store.items(tx, known.id))
            cafe = await cafe_of(tx)
            require_currency(request.currency, cafe.currency)
            order_id = new_id()
            items = [await priced(tx, order_id, n, line) for n, line in enumerate(request.items, 1)]
            order = await self._order(tx, cafe, order_id, items, request, by)
            store.add(tx, order, items)
            tx.emit(OrderCreated(cafe_id=tx.cafe_id, at=tx.now, order=order, items=items))
            return view_of(order, items)

        check_lines(request.items, "items")
        return await self.db.transaction(by.cafe_id, decide)

    async def _order(
        self, tx: Transaction, cafe: Cafe, order_id: Id, items: list[OrderItem], request: PlaceOrder, by: Actor
    ) -> Order:
        total, tax = sums_of(items)
        if request.expected_total_minor is not None and request.expected_total_minor != total:
            raise PriceChanged(f"The total is {total} now, not {request.expected_total_minor}; look again and reorder.")
        table_id, table_number = await _table(tx, request, by)
        return await numbered(
            tx, cafe, by, order_id, total, tax,
            table_id=table_id, table_number=table_number, takeaway_name=request.takeaway_name,
            session_id=by.session_id, customer_id=None if by.is_staff else by.person_id,
            client_order_id=request.client_order_id,
        )  # fmt: skip

    async def get(self, order_id: Id, by: Actor) -> OrderView:
        """One order. Raises OrderNotFound and NotAllowed."""

        async def look(reader: Reader) -> OrderView:
            return view_of(await visible(reader, order_id, by), await store.items(reader, order_id))

        return await self.db.read(by.cafe_id, look)

    async def list(self, by: Actor, status: str | None, limit: int, cursor: str | None) -> Page[OrderView]:
        """Orders, newest first: the cafe's for staff and kitchen, otherwise one's own and those of one's table."""
        whole_cafe = by.is_staff or by.is_(Role.KITCHEN)
        person_id = None if whole_cafe else by.person_id

        async def look(reader: Reader) -> Page[OrderView]:
            page = await page_of(
                lambda before, count: store.page(reader, before, count, status, person_id, by.session_id),
                limit, cursor, key=lambda order: order.id, view=lambda order: order,
            )  # fmt: skip
            views = [view_of(order, await store.items(reader, order.id)) for order in page.items]
            return Page(views, page.next_cursor)

        return await self.db.read(by.cafe_id, look)


async def numbered(
    tx: Transaction,
    cafe: Cafe,
    by: Actor,
    order_id: Id,
    total_minor: int,
    tax_minor: int,
    *,
    customer_id: Id | None,
    client_order_id: str | None,
    table_id: Id | None = None,
    table_number: str | None = None,
    takeaway_name: str | None = None,
    session_id: Id | None = None,
    kind: OrderKind = "sale",
) -> Order:
    """A new order with the next number of the business day; it is not written yet."""
    business_day = business_day_of(cafe, tx.now).date.isoformat()
    return Order(
        cafe_id=tx.cafe_id,
        id=order_id,
        order_number=await store.next_number(tx, business_day),
        table_id=table_id,
        table_number=table_number,
        takeaway_name=takeaway_name,
        session_id=session_id,
        customer_id=customer_id,
        placed_by=by.person_id,
        client_order_id=client_order_id,
        status="pending",
        currency=cafe.currency,
        subtotal_minor=total_minor - tax_minor,
        tax_minor=tax_minor,
        total_minor=total_minor,
        paid_minor=0,
        refunded_minor=0,
        reserved_minor=0,
        version=1,
        created_at=tx.now,
        updated_at=tx.now,
        paid_at=None,
        business_day=business_day,
        kind=kind,
    )


async def move(
    tx: Transaction,
    order_id: Id,
    status: OrderStatus,
    by: Actor,
    expected_version: int | None = None,
    reason: str | None = None,
) -> Order:
    """Move an order on within a transaction. Cancelling one that holds money is payments' business, not done here.

    Raises OrderNotFound, NotAllowed, VersionConflict, TransitionNotAllowed.
    """
    order = await visible(tx, order_id, by, lock=True)
    if status != "cancelled":
        by.require(*_MOVERS)
    elif not (by.is_staff or is_own(order, by)):
        raise NotAllowed
    if expected_version is not None and expected_version != order.version:
        raise VersionConflict(f"The order is at version {order.version} and {order.status} now.")
    pays_later = (await cafe_of(tx)).payment_policy == "pay_later" if order.status == "pending" else False
    if not may_move(order.status, status, pays_later) or (order.kind == "top_up" and status != "cancelled"):
        raise TransitionNotAllowed(f"An order cannot go from {order.status} to {status}.")
    if status == "cancelled" and order.status != "pending":
        by.require(Role.MANAGER)
    return await change_status(
        tx, order, status, reason, for_kitchen=order.status == "pending" and status == "preparing"
    )


async def change_status(
    tx: Transaction, order: Order, status: OrderStatus, reason: str | None = None, *, for_kitchen: bool = False
) -> Order:
    """Record a move that was allowed, and say so."""
    after = msgspec.structs.replace(order, status=status, version=order.version + 1, updated_at=tx.now)
    store.save(tx, order, after)
    items = await store.items(tx, order.id) if for_kitchen else None
    tx.emit(
        OrderStatusChanged(
            cafe_id=tx.cafe_id, at=tx.now, order=after, previous_status=order.status, reason=reason, items=items,
            for_kitchen=for_kitchen,
        )
    )  # fmt: skip
    return after


def reserve(tx: Transaction, order: Order, amount_minor: int) -> Order:
    """Set part of the bill aside for a payment that was started; negative amounts give it free again."""
    after = msgspec.structs.replace(
        order, reserved_minor=order.reserved_minor + amount_minor, version=order.version + 1, updated_at=tx.now
    )
    store.save(tx, order, after)
    return after


async def take_payment(
    tx: Transaction, order: Order, amount_minor: int, reserved_minor: int, payer_id: Id | None
) -> Taken:
    """Apply money to the bill; answers the order, how much of the amount it could take, and the tax in that.

    Bought credit needs no kitchen: paid in full, it is handed over.
    An order that nobody's account stands for belongs to who pays it first: what I paid for is mine to see.

    The rest has no bill to go to (paid meanwhile, or cancelled): the caller books it to suspense, a person decides.
    """
    applied = 0 if order.status == "cancelled" else min(amount_minor, order.outstanding_minor)
    paid = order.paid_minor + applied
    in_full = order.paid_at is None and paid >= order.total_minor and order.status != "cancelled"
    becomes_paid = in_full and order.status == "pending"
    after = msgspec.structs.replace(
        order,
        paid_minor=paid,
        tax_paid_minor=in_proportion(order.tax_minor, paid, order.total_minor),
        customer_id=order.customer_id or payer_id,
        reserved_minor=order.reserved_minor - reserved_minor,
        paid_at=tx.now if in_full else order.paid_at,
        status=_paid_status(order) if becomes_paid else order.status,
        version=order.version + 1,
        updated_at=tx.now,
    )
    store.save(tx, order, after)
    if becomes_paid:
        for_kitchen = order.kind == "sale"
        items = await store.items(tx, order.id) if for_kitchen else []
        tx.emit(
            OrderStatusChanged(
                cafe_id=tx.cafe_id, at=tx.now, order=after, previous_status=order.status, items=items,
                for_kitchen=for_kitchen,
            )
        )  # fmt: skip
    return Taken(after, applied, after.tax_paid_minor - order.tax_paid_minor)


def _paid_status(order: Order) -> OrderStatus:
    return "paid" if order.kind == "sale" else "collected"


def take_refund(tx: Transaction, order: Order, amount_minor: int) -> int:
    """Note that part of the bill's money went back; answers the tax in that."""
    refunded = min(order.paid_minor, order.refunded_minor + amount_minor)
    after = msgspec.structs.replace(
        order,
        refunded_minor=refunded,
        tax_refunded_minor=in_proportion(order.tax_paid_minor, refunded, order.paid_minor),
        version=order.version + 1,
        updated_at=tx.now,
    )
    store.save(tx, order, after)
    return after.tax_refunded_minor - order.tax_refunded_minor


async def change_lines(tx: Transaction, order: Order, add: tuple[Line, ...], void: tuple[Id, ...]) -> OrderView:
    """Add lines at today's prices and take others off, within a transaction. Who may, is the caller's business.

    An order whose rest was taken off is paid. Raises OrderNotChangeable, ItemUnavailable and InvalidRequest.
    """
    if add:
        check_lines(add, "add")
    before = await store.items(tx, order.id)
    voided = [_standing(before, item_id) for item_id in dict.fromkeys(void)]
    added = [await priced(tx, order.id, len(before) + n, line) for n, line in enumerate(add, 1)]
    if len(before) + len(added) > MAX_LINES:
        raise OrderNotChangeable(f"An order has at most {MAX_LINES} lines, those that were taken off among them.")
    items = [msgspec.structs.replace(item, voided=True) if item in voided else item for item in before] + added
    after = _resummed(tx, order, items)
    _book_tax(tx, order, after)
    store.change_lines(tx, added, voided)
    store.save(tx, order, after)
    for_kitchen = order.status in ("paid", "preparing")
    tx.emit(
        OrderChanged(
            cafe_id=tx.cafe_id, at=tx.now, order=after, items=items, added=added, voided=voided, for_kitchen=for_kitchen
        )
    )
    if after.status != order.status:
        tx.emit(
            OrderStatusChanged(
                cafe_id=tx.cafe_id, at=tx.now, order=after, previous_status=order.status, items=items, for_kitchen=True
            )
        )
    return view_of(after, items)


def _book_tax(tx: Transaction, before: Order, after: Order) -> None:
    """What was paid already pays other lines now: the tax in it may be another."""
    more = after.tax_paid_minor - before.tax_paid_minor
    if more:
        post(tx, "tax", after.currency, {SALES: more, TAX_PAYABLE: -more}, order_id=after.id)


def _standing(items: list[OrderItem], item_id: Id) -> OrderItem:
    item = next((item for item in items if item.id == item_id), None)
    if item is None:
        raise OrderNotChangeable("One of the lines is not on this order.")
    if item.voided:
        raise OrderNotChangeable(f"{item.name} was taken off this order before.")
    return item


def _resummed(tx: Transaction, order: Order, items: list[OrderItem]) -> Order:
    """The order with the sums of its lines, which never fall below what was paid or is being paid."""
    total, tax = sums_of(items)
    claimed = order.paid_minor + order.reserved_minor
    if all(item.voided for item in items):
        raise OrderNotChangeable("Nothing would be left on this order; cancel it instead.")
    if total < claimed:
        raise OrderNotChangeable(
            f"The order would cost {total}, but {claimed} of it is paid or being paid. For what was paid, refund."
        )
    in_full = order.paid_at is None and 0 < total == order.paid_minor
    return msgspec.structs.replace(
        order,
        subtotal_minor=total - tax,
        tax_minor=tax,
        total_minor=total,
        tax_paid_minor=in_proportion(tax, order.paid_minor, total),
        status="paid" if in_full and order.status == "pending" else order.status,
        paid_at=tx.now if in_full else order.paid_at,
        version=order.version + 1,
        updated_at=tx.now,
    )


async def _table(tx: Transaction, request: PlaceOrder, by: Actor) -> tuple[Id | None, str | None]:
    table_id = request.table_id or by.table_id
    if table_id is None:
        return None, None
    if not by.is_staff and table_id != by.table_id:
        raise NotAllowed("You may only order for the table you sit at.")
    table = await cafes.get_table(tx, tx.cafe_id, table_id)
    if table is None:
        raise InvalidRequest("There is no such table in this cafe.", errors=[FieldError("tableId", "is not known")])
    return table.id, table.number
