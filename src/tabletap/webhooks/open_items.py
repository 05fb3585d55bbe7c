"""What providers told us that could not be worked off, as a day is closed."""

from tabletap.cafes.business_day import BusinessDay
from tabletap.infra.db.transaction import Reader
from tabletap.till.days.model import OpenItem
from tabletap.webhooks import store


async def open_items(reader: Reader, day: BusinessDay) -> list[OpenItem]:
    """Notices that are held: what they say may not be in the books."""
    count = await store.held_before(reader, day.ends_at)
    sentence = f"{count} notices of a payment provider could not be worked off; replay them."
    return [OpenItem("notices_held", sentence, count)] if count else []
