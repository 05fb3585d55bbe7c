"""What a payment may be asked to do (PaymentSecurityService): payer, amount, tip, metadata, return address."""

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

import msgspec

from tabletap.identity import store as identity
from tabletap.infra.db.transaction import Reader
from tabletap.kernel.errors import CustomerNotFound, InvalidAmount, NotAllowed
from tabletap.kernel.ids import Id
from tabletap.kernel.money import MAX_AMOUNT_MINOR, require_positive
from tabletap.kernel.people import Actor, Role
from tabletap.orders.errors import OrderNotPayable
from tabletap.orders.model import Order
from tabletap.payments import store
from tabletap.payments.errors import (
    AmountExceedsOutstanding,
    MetadataTooLarge,
    MethodNotOffered,
    ReturnUrlNotAllowed,
)
from tabletap.payments.model import Payment

MAX_METADATA_KEYS = 20
MAX_METADATA_BYTES = 4 * 1024


def require_payer(by: Actor) -> None:
    """Customers, guests and staff pay; the kitchen and boards do not."""
    by.require(Role.STAFF, Role.CUSTOMER)


def require_own(payment: Payment, by: Actor) -> None:
    """A payment is its payer's and the staff's to see. Raises NotAllowed."""
    if not by.is_staff and by.person_id not in (payment.customer_id, payment.initiated_by):
        raise NotAllowed("This payment is not yours.")


async def payer_of(reader: Reader, named: Id | None, order: Order, method: str, by: Actor) -> Id | None:
    """Whose payment it is (contract 2.2, "who pays").

    A customer naming another customer is refused; staff name customers of their own cafe, others are not there. Raises
    NotAllowed, CustomerNotFound, and MethodNotOffered for a guest's credit.
    """
    if not by.is_staff:
        if named is not None and named != by.person_id:
            raise NotAllowed("You may not pay in another customer's name.")
        if method == "customer_credit" and by.is_guest:
            raise MethodNotOffered("Credit needs a customer account; guests pay in another way.")
        return by.person_id
    if named is None:
        return None if method == "customer_credit" else order.customer_id
    person = await identity.get_person(reader, reader.cafe_id, named)
    if person is None or person.kind == "staff":
        raise CustomerNotFound
    return named


async def terms_for(reader: Reader, customer_id: Id | None) -> store.Terms:
    """What the reader's cafe and its customer's account say of a new payment. Raises NotAllowed for a cafe gone."""
    terms = await store.terms(reader, customer_id)
    if terms is None:
        raise NotAllowed("This cafe does not exist any more.")
    return terms


def amount_of(order: Order, asked_minor: int | None) -> int:
    """What the payment claims of the bill: all that is outstanding unless said otherwise, never more.

    Live attempts count as claimed: two phones cannot pay the same coffee (money.md, invariant 4).
    """
    if order.status == "cancelled":
        raise OrderNotPayable
    amount = require_positive(asked_minor) if asked_minor is not None else order.outstanding_minor
    if amount == 0:
        raise AmountExceedsOutstanding("There is nothing left to pay on this bill.")
    if amount > order.open_minor:
        raise AmountExceedsOutstanding(_too_much(order))
    return amount


def require_buyable(order: Order, method: str, tip_minor: int, by_credit: bool) -> None:
    """Credit is not bought with credit, and nobody is tipped for it. Raises MethodNotOffered and InvalidAmount."""
    if order.kind == "sale":
        return
    if by_credit or method == "customer_credit":
        raise MethodNotOffered("Credit is bought with money, not with credit.")
    if tip_minor:
        raise InvalidAmount("Nobody is tipped for credit.")


def _too_much(order: Order) -> str:
    if order.reserved_minor:
        return (
            f"{order.outstanding_minor} is outstanding on this bill, and {order.reserved_minor} of it is being paid "
            "right now; wait for that payment or cancel it."
        )
    return f"{order.outstanding_minor} is outstanding on this bill; a payment cannot be more."


def require_tip_in_bounds(tip_minor: int) -> int:
    """A tip is a whole number of minor units, at least zero. Raises InvalidAmount."""
    if not 0 <= tip_minor <= MAX_AMOUNT_MINOR:
        raise InvalidAmount("A tip is a whole number of minor units, zero or more.")
    return tip_minor


def require_small_metadata(metadata: dict[str, Any] | None) -> None:
    """The caller's metadata is kept, small, and steers nothing."""
    if metadata and (len(metadata) > MAX_METADATA_KEYS or len(msgspec.json.encode(metadata)) > MAX_METADATA_BYTES):
        raise MetadataTooLarge


def require_own_origin(return_url: str | None, allowed_origins: Collection[str]) -> None:
    """A provider may send the guest back to our own pages only, or the page becomes a trap for others."""
    if return_url is None:
        return
    try:
        parts = urlsplit(return_url)
    except ValueError:
        raise ReturnUrlNotAllowed from None
    if parts.scheme not in ("http", "https") or f"{parts.scheme}://{parts.netloc}" not in allowed_origins:
        raise ReturnUrlNotAllowed
