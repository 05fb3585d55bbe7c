"""Posting to the ledger and asking it for balances."""

from collections.abc import Mapping

from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.kernel.ids import Id, new_id
from tabletap.ledger import store
from tabletap.ledger.model import Journal, entries_of


def post(
    tx: Transaction,
    kind: str,
    currency: str,
    amounts: Mapping[str, int],
    *,
    mode: str = "live",
    order_id: Id | None = None,
    payment_id: Id | None = None,
    refund_id: Id | None = None,
    source_id: Id | None = None,
) -> Journal:
    """Book one journal, debits positive, by account. It is written with the transaction or not at all.

    Raises ValueError when the amounts do not sum to zero.
    """
    journal = Journal(tx.cafe_id, new_id(), kind, currency, mode, order_id, payment_id, refund_id, tx.now, source_id)
    tx.add(store.entry, *entries_of(journal, amounts))
    tx.add(store.journal, journal)
    return journal


async def balances(reader: Reader, cafe_id: Id) -> dict[str, int]:
    """Every account's balance from its entries, debits positive."""
    return {account: int(total) for account, total in await reader.rows(store.BALANCES, {"cafe_id": cafe_id}, False)}


async def unbalanced(reader: Reader, cafe_id: Id) -> list[Id]:
    """Journals that do not sum to zero: always none, unless somebody went around the database's guards."""
    return [row[0] for row in await reader.rows(store.UNBALANCED, {"cafe_id": cafe_id}, False)]
