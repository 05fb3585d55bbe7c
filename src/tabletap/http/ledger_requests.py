"""What callers ask of the ledger."""

from datetime import date
from typing import Literal

import msgspec

from tabletap.http.requests import PageQuery, Word
from tabletap.kernel.ids import GivenId
from tabletap.ledger.explorer.model import Wanted


class StatementQuery(PageQuery, frozen=True):
    """`GET /ledger/accounts/{account}/entries`: business days, both included."""

    from_: date | None = msgspec.field(default=None, name="from")
    to: date | None = None
    format: Literal["json", "csv"] | None = None


class JournalsQuery(PageQuery, frozen=True):
    """`GET /ledger/journals`: of a business day, a kind, an order, a payment, or of all of these."""

    day: date | None = None
    kind: Word | None = None
    order_id: GivenId | None = None
    payment_id: GivenId | None = None

    def wanted(self) -> Wanted:
        """As the service takes it."""
        return Wanted(day=self.day, kind=self.kind, order_id=self.order_id, payment_id=self.payment_id)
