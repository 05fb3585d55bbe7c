"""The table and the statements of provider accounts."""

import sqlalchemy as sa

from tabletap.infra.db.schema import Id, Instant, Text, Whole, column, columns_of, metadata, param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.payments.accounts.model import AccountRow
from tabletap.payments.store import payment

provider_account = sa.Table(
    "provider_account",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("id", Id, primary_key=True),
    column("provider", Text),
    column("token", Text, unique=True),
    column("api_url", Text),
    column("merchant_id", Text),
    column("api_key", Text),
    column("webhook_secret", Text),
    column("mode", Text),
    column("sealed_api_key", Text, null=True),
    column("sealed_webhook_secret", Text, null=True),
    column("sealed_previous_secret", Text, null=True),
    column("previous_secret_until", Instant, null=True),
    column("api_key_set_at", Instant, null=True),
    column("webhook_secret_set_at", Instant, null=True),
    column("version", Whole, server_default="1"),
    column("refused_count", Whole, server_default="0"),
    column("refused_at", Instant, null=True),
    sa.CheckConstraint("mode IN ('live', 'test')", name="mode"),
    sa.UniqueConstraint("cafe_id", "provider"),
    sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"]),
)

_ACCOUNT = Statement(
    sa.select(*columns_of(provider_account, AccountRow)).where(
        provider_account.c.cafe_id == param("cafe_id"), provider_account.c.provider == param("provider")
    )
)
_BY_ID = Statement(
    sa.select(*columns_of(provider_account, AccountRow)).where(
        provider_account.c.cafe_id == param("cafe_id"), provider_account.c.id == param("id")
    )
)
_BY_TOKEN = Statement(
    sa.select(*columns_of(provider_account, AccountRow)).where(provider_account.c.token == param("token"))
)
_EVERY = Statement(sa.select(*columns_of(provider_account, AccountRow)).order_by(provider_account.c.id))
_OPEN_PAYMENT = Statement(
    sa.select(payment.c.id)
    .where(
        payment.c.cafe_id == param("cafe_id"),
        payment.c.provider_account_id == param("account_id"),
        payment.c.state.in_(("pending", "processing")),
    )
    .limit(1)
)


async def account(reader: Reader, provider: str, *, lock: bool = False) -> AccountRow | None:
    """The cafe's account at a provider."""
    return await reader.one(_ACCOUNT, AccountRow, lock=lock, cafe_id=reader.cafe_id, provider=provider)


async def by_id(reader: Reader, account_id: str, *, lock: bool = False) -> AccountRow | None:
    """An account of the reader's cafe."""
    return await reader.one(_BY_ID, AccountRow, lock=lock, cafe_id=reader.cafe_id, id=account_id)


async def by_token(reader: Reader, token: str) -> AccountRow | None:
    """The account a provider's call is about, whichever cafe's it is (infra/tenancy.py)."""
    return await reader.one(_BY_TOKEN, AccountRow, token=token)


async def every(reader: Reader) -> list[AccountRow]:
    """The accounts of all cafes, to see whether each is sealed with the present key (infra/tenancy.py)."""
    return await reader.all(_EVERY, AccountRow)


async def has_open_payments(reader: Reader, account_id: str) -> bool:
    """Whether a payment through the account is not finished."""
    return await reader.value(_OPEN_PAYMENT, cafe_id=reader.cafe_id, account_id=account_id) is not None


def add(tx: Transaction, row: AccountRow) -> None:
    """A new account."""
    tx.add(provider_account, row)


def save(tx: Transaction, before: AccountRow, after: AccountRow) -> None:
    """A changed account, guarded by its version."""
    tx.save(provider_account, before, after, ("cafe_id", "id"), ("version",))


def count_refused(tx: Transaction, before: AccountRow, after: AccountRow) -> None:
    """More refused notices; no change of the account itself, so its version stays."""
    tx.save(provider_account, before, after, ("cafe_id", "id"), ("refused_count",))
