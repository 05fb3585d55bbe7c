"""Whether the orders agree with the ledger: for `tabletap verify`."""

from tabletap.infra.db.transaction import Reader
from tabletap.ledger.model import TAX_PAYABLE
from tabletap.ledger.service import balances
from tabletap.orders import store


async def check(reader: Reader) -> list[str]:
    """What is wrong, sentence by sentence: the tax that is booked is the tax of the orders."""
    booked = -(await balances(reader, reader.cafe_id)).get(TAX_PAYABLE, 0)
    held = await store.tax_held(reader)
    return [] if booked == held else [f"tax of {booked} is booked, the orders say {held}"]
