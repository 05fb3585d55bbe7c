"""Whether the ledger agrees with itself and with the balances that others keep of it: what `tabletap verify` asks."""

from collections.abc import Mapping

from tabletap.infra.db.transaction import Reader
from tabletap.ledger.service import balances, unbalanced


async def check(reader: Reader) -> list[str]:
    """Every journal sums to zero, and so does all of the ledger."""
    faults = [f"journal {journal_id} does not sum to zero" for journal_id in await unbalanced(reader, reader.cafe_id)]
    total = sum((await balances(reader, reader.cafe_id)).values())
    return faults + ([f"the trial balance comes to {total} instead of zero"] if total else [])


async def unlike_the_entries(
    reader: Reader, prefix: str, kept: Mapping[str, tuple[str, int]], *, owed: bool = True
) -> list[str]:
    """Rebuild the balances of all accounts with this beginning from their entries and compare them with what is kept.

    `kept`: by account, whose it is and the balance as it is kept. `owed`: what we owe is kept positive and booked
    negative. An account with entries that nobody keeps a balance of is a fault, too.
    """
    sign = -1 if owed else 1
    booked = await balances(reader, reader.cafe_id)
    rebuilt = {name: sign * amount for name, amount in booked.items() if name.startswith(prefix)}
    faults = [
        f"{whose} has a balance of {amount}, the entries say {rebuilt.get(name, 0)}"
        for name, (whose, amount) in kept.items()
        if rebuilt.get(name, 0) != amount
    ]
    strays = sorted(name for name, amount in rebuilt.items() if amount and name not in kept)
    return faults + [f"the entries of {name} belong to no account that is kept" for name in strays]
