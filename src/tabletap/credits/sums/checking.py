"""Whether credit agrees with itself: what `tabletap verify` asks."""

from tabletap.credits.sums import store
from tabletap.infra.db.transaction import Reader


async def check(reader: Reader) -> list[str]:
    """A sentence for everything about the cafe's credit that does not sum up: none, if nobody went around our code.

    Each account is the sum of its movements and of its lots, each lot is what came less what was taken, and what is set
    aside in it is what payments hold. That an account equals its journal entries is the ledger's to check.
    """
    given = {"cafe_id": reader.cafe_id}
    faults = [
        f"customer {customer_id} has {posted} of credit and {held} of it held, the lots say {lots} and {lots_held}"
        for customer_id, posted, lots, held, lots_held in await reader.rows(store.UNLIKE_THEIR_LOTS, given, False)
    ]
    faults += [
        f"customer {customer_id} has {posted} of credit, the movements say {moved} and the totals {totals}"
        for customer_id, posted, moved, totals in await reader.rows(store.UNLIKE_THEIR_MOVEMENTS, given, False)
    ]
    faults += [
        f"credit lot {lot_id} of {amount} has {remaining} left, though {used} was taken from it"
        for lot_id, amount, remaining, used in await reader.rows(store.UNLIKE_THEIR_CONSUMPTIONS, given, False)
    ]
    faults += [
        f"credit lot {lot_id} says that {held} is set aside, the payments say {by_payments}"
        for lot_id, held, by_payments in await reader.rows(store.UNLIKE_THEIR_HOLDS, given, False)
    ]
    return faults
