"""What was sold over business days."""

from datetime import date

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader
from tabletap.kernel.csv_text import Cell, amount, csv_text
from tabletap.kernel.people import Actor, Role
from tabletap.reports.sales import store
from tabletap.reports.sales.model import SalesView, by_category, by_tax_rate, totals
from tabletap.reports.statistics.period import Mode, period_of

_HEAD = ("category", "item", "tax rate %", "quantity", "gross", "tax", "currency")


class SalesService:
    """Reading what was sold."""

    def __init__(self, db: AnyDatabase) -> None:
        self.db = db

    async def sold(self, from_: date | None, to: date | None, mode: Mode, by: Actor) -> SalesView:
        """What was sold on business days, the last included; on the present one where none is named.

        Raises PeriodInvalid and NotAllowed.
        """
        by.require(Role.MANAGER)

        async def look(reader: Reader) -> SalesView:
            period = await period_of(reader, from_, to)
            items = await store.sold(reader, period.starts_at, period.ends_at, mode)
            quantity, gross, tax = totals(items)
            return SalesView(
                from_=period.first,
                to=period.last,
                currency=period.cafe.currency,
                time_zone=period.cafe.time_zone,
                mode=mode,
                items=items,
                by_category=by_category(items),
                by_tax_rate=by_tax_rate(items),
                quantity=quantity,
                gross_amount=gross,
                tax_amount=tax,
                refunded_amount=await store.refunded(reader, period.starts_at, period.ends_at, mode),
            )

        return await self.db.read(by.cafe_id, look, consistent=True)

    async def table(self, from_: date | None, to: date | None, mode: Mode, by: Actor) -> bytes:
        """The same item by item, as CSV. Raises PeriodInvalid and NotAllowed."""
        view = await self.sold(from_, to, mode, by)
        rows: list[tuple[Cell, ...]] = [
            (
                item.category, item.name, f"{item.tax_rate // 100}.{item.tax_rate % 100:02}", item.quantity,
                amount(item.gross_amount, view.currency), amount(item.tax_amount, view.currency), view.currency,
            )
            for item in view.items
        ]  # fmt: skip
        return csv_text(_HEAD, rows)
