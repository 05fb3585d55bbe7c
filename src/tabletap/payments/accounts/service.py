"""Opening provider accounts for those who talk to the provider, and managing them for those who own the cafe."""

import secrets
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
import structlog

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.scrub import leaving_no_trace
from tabletap.infra.db.transaction import Duplicate, Transaction, Work
from tabletap.infra.secrets import Sealer, SecretsUnreadable
from tabletap.kernel.errors import VersionConflict
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Actor, Role
from tabletap.payments.accounts import store
from tabletap.payments.accounts.errors import (
    ProviderAccountInUse,
    ProviderAccountNotFound,
    ProviderKeyNeeded,
    ProviderUnknown,
)
from tabletap.payments.accounts.model import (
    PREVIOUS_VALID_HOURS,
    AccountRow,
    AccountView,
    ChangeAccount,
    ChangeSecret,
    NewSecretView,
    ProviderAccount,
    SecretView,
    checked_api_url,
    checked_hours,
    checked_merchant,
    checked_mode,
    checked_secret,
    hint_of,
    missing,
)

_API_KEY, _WEBHOOK_SECRET = "api_key", "webhook_secret"
_COUNT_EVERY = timedelta(seconds=1)
"""Refused notices are added up in memory and stored no more often than this: a flood of them is no flood of writes."""


class Accounts:
    """Provider accounts with their secrets open, kept in memory until the stored account changes."""

    def __init__(self, db: AnyDatabase, sealer: Sealer) -> None:
        self.db, self.sealer = db, sealer
        self._opened: dict[Id, tuple[AccountRow, ProviderAccount]] = {}
        self._refused: Counter[Id] = Counter()
        self._counted_at: dict[Id, datetime] = {}
        self._log = structlog.get_logger("tabletap.provider_accounts").bind()

    async def find(self, cafe_id: Id, provider: str) -> ProviderAccount | None:
        """A cafe's account for a gateway's call; one that cannot be opened counts as none, and the log says why."""
        row = await self.db.read(cafe_id, lambda reader: store.account(reader, provider))
        try:
            return self.opened(row) if row is not None else None
        except SecretsUnreadable as refusal:
            self._log.error(refusal.detail, account_id=row.id if row else None, cafe_id=cafe_id)
            return None

    async def by_token(self, token: str) -> ProviderAccount | None:
        """The account whose webhook address has this token. Raises SecretsUnreadable."""
        row = await self.db.across_cafes(lambda reader: store.by_token(reader, token))
        return self.opened(row) if row is not None else None

    def opened(self, row: AccountRow) -> ProviderAccount:
        """The account with its secrets open; a previous webhook secret is among them until its time is over.

        Raises SecretsUnreadable.
        """
        row = msgspec.structs.replace(row, refused_count=0, refused_at=None)
        known = self._opened.get(row.id)
        if known is None or known[0] != row:
            known = self._opened[row.id] = (row, self._open(row))
        found = known[1]
        until = row.previous_secret_until
        if len(found.webhook_secrets) > 1 and (until is None or until <= self.db.clock.now()):
            return msgspec.structs.replace(found, webhook_secrets=found.webhook_secrets[:1])
        return found

    def _open(self, row: AccountRow) -> ProviderAccount:
        sealed = row.sealed_api_key
        key = self.sealer.open(sealed, row.cafe_id, row.id, _API_KEY) if sealed is not None else row.api_key
        current = [row.webhook_secret] if row.webhook_secret and row.sealed_webhook_secret is None else []
        stored = [each for each in (row.sealed_webhook_secret, row.sealed_previous_secret) if each is not None]
        current += [self.sealer.open(each, row.cafe_id, row.id, _WEBHOOK_SECRET) for each in stored]
        return ProviderAccount(
            row.cafe_id, row.id, row.provider, row.token, row.api_url, row.merchant_id, key, tuple(current), row.mode
        )

    def sealed_anew(self, row: AccountRow) -> AccountRow:
        """The row with every secret sealed by the first key and none in clear; itself, if it is so already.

        Raises SecretsUnreadable.
        """
        sealed = (row.sealed_api_key, row.sealed_webhook_secret, row.sealed_previous_secret)
        in_clear = bool(row.api_key or row.webhook_secret) or row.sealed_api_key is None
        if not in_clear and all(each is None or self.sealer.is_current(each) for each in sealed):
            return row
        account = self._open(row)
        texts = [self.sealer.seal(each, row.cafe_id, row.id, _WEBHOOK_SECRET) for each in account.webhook_secrets]
        return msgspec.structs.replace(
            row,
            api_key="",
            webhook_secret="",
            sealed_api_key=self.sealer.seal(account.api_key, row.cafe_id, row.id, _API_KEY),
            sealed_webhook_secret=texts[0] if texts else None,
            sealed_previous_secret=texts[1] if len(texts) > 1 else None,
            version=row.version + 1,
        )

    async def seal(self) -> int:
        """Seal what is stored in clear or under an earlier key, and answer how many accounts that were.

        Runs at every start; safe to repeat and from several processes at once. An account that cannot be opened stays
        as it is, and the log says so.
        """
        rows = await self.db.across_cafes(store.every)
        late = [row for row in rows if self._is_late(row)]
        if not late:
            return 0
        async with leaving_no_trace(self.db, store.provider_account.name):
            for row in late:
                await self.db.transaction(row.cafe_id, self._resealing(row.id))
        self._log.info("secrets of provider accounts are sealed", accounts=len(late))
        return len(late)

    async def unreadable(self) -> tuple[int, int]:
        """How many accounts there are, and how many of them do not open with our keys."""
        rows = await self.db.across_cafes(store.every)
        return len(rows), sum(not self._opens(row) for row in rows)

    def _opens(self, row: AccountRow) -> bool:
        try:
            self._open(row)
        except SecretsUnreadable:
            return False
        return True

    def _is_late(self, row: AccountRow) -> bool:
        try:
            return self.sealed_anew(row) is not row
        except SecretsUnreadable as refusal:
            self._log.error(refusal.detail, account_id=row.id, cafe_id=row.cafe_id)
            return False

    def _resealing(self, account_id: Id) -> Work[None]:
        async def decide(tx: Transaction) -> None:
            before = await store.by_id(tx, account_id, lock=True)
            if before is not None:
                store.save(tx, before, self.sealed_anew(before))

        return decide

    # --- refused notices ------------------------------------------------------------------

    async def note_refused(self, account: ProviderAccount) -> None:
        """Count a notice that was not signed as the account signs. Nothing else of it is kept."""
        now = self.db.clock.now()
        self._refused[account.id] += 1
        last = self._counted_at.get(account.id)
        if last is not None and timedelta() <= now - last < _COUNT_EVERY:
            return
        self._counted_at[account.id] = now
        count = self._refused.pop(account.id)

        async def add(tx: Transaction) -> None:
            before = await store.by_id(tx, account.id, lock=True)
            if before is not None:
                total = before.refused_count + count
                store.count_refused(tx, before, msgspec.structs.replace(before, refused_count=total, refused_at=tx.now))

        await self.db.transaction(account.cafe_id, add)

    def refused_since(self, account_id: Id) -> int:
        """Refused notices of this process that are not stored yet."""
        return self._refused[account_id]


class AccountService:
    """A cafe's accounts at its providers, for its managers. Secrets go in and never come out."""

    def __init__(
        self,
        db: AnyDatabase,
        accounts: Accounts,
        speaks_to: Callable[[str], bool],
        public_url: str,
        operators_api_url: str | None,
    ) -> None:
        self.db, self.accounts, self.sealer = db, accounts, accounts.sealer
        self._speaks_to, self.public_url, self._operators_api_url = speaks_to, public_url, operators_api_url

    async def get(self, provider: str, by: Actor) -> AccountView:
        """The cafe's account at a provider. Raises NotAllowed and ProviderAccountNotFound."""
        by.require(Role.MANAGER)
        row = await self.db.read(by.cafe_id, lambda reader: store.account(reader, provider))
        if row is None:
            raise ProviderAccountNotFound
        return self._view(row)

    async def put(self, provider: str, change: ChangeAccount, by: Actor) -> AccountView:
        """Open the cafe's account at a provider or change it; what is not named stays. Safe to repeat.

        A webhook secret that is replaced stays valid for a day beside the new one. Raises NotAllowed, ProviderUnknown,
        ProviderAddressRefused, ProviderKeyNeeded, LiveModeRefused, ProviderSecretWeak and, when it would become
        somebody else's account while payments are open, ProviderAccountInUse.
        """
        return self._view(await self._put(provider, change, by, self._operators_api_url))

    async def open_account(self, provider: str, change: ChangeAccount, by: Actor) -> ProviderAccount:
        """The same for who runs this server: any address is fine, and the account is answered with its secrets."""
        return self.accounts.opened(await self._put(provider, change, by, change.api_url))

    async def _put(self, provider: str, change: ChangeAccount, by: Actor, operators_api_url: str | None) -> AccountRow:
        by.require(Role.MANAGER)
        if not self._speaks_to(provider):
            raise ProviderUnknown

        async def decide(tx: Transaction) -> AccountRow:
            before = await store.account(tx, provider, lock=True)
            after = self._changed(before or self._fresh(tx, provider, change), change, tx.now, operators_api_url)
            if before is None:
                store.add(tx, after)
                return after
            is_moved = (before.merchant_id, before.mode) != (after.merchant_id, after.mode)
            if is_moved and await store.has_open_payments(tx, before.id):
                raise ProviderAccountInUse
            store.save(tx, before, after)
            return after

        return await self._decided(by.cafe_id, decide)

    async def change_secret(self, account_id: Id, change: ChangeSecret, by: Actor) -> NewSecretView:
        """Put another webhook secret in force and show it this once; the one before stays valid for a while.

        Two are valid at most. Repeating makes yet another. Raises NotAllowed, ProviderAccountNotFound,
        ProviderSecretWeak.
        """
        by.require(Role.MANAGER)
        hours = checked_hours(change.previous_valid_hours)
        given = change.webhook_secret
        secret = checked_secret(given) if given is not None else secrets.token_hex(32)

        async def decide(tx: Transaction) -> AccountRow:
            before = await store.by_id(tx, account_id, lock=True)
            if before is None:
                raise ProviderAccountNotFound
            after = self._with_secret(before, secret, hours, tx.now)
            after = msgspec.structs.replace(after, version=before.version + 1)
            store.save(tx, before, after)
            return after

        row = await self._decided(by.cafe_id, decide)
        return NewSecretView(row.id, self.webhook_url(row), secret, row.previous_secret_until)

    def webhook_url(self, row: AccountRow | ProviderAccount) -> str:
        """Where the provider calls about this account."""
        return f"{self.public_url}/api/v1/webhooks/{row.provider}/{row.token}"

    async def _decided(self, cafe_id: Id, decide: Work[AccountRow]) -> AccountRow:
        try:
            return await self.db.transaction(cafe_id, decide)
        except Duplicate as duplicate:
            if duplicate.table != store.provider_account.name:
                raise
            raise VersionConflict("The account was opened just now by somebody else; read it again.") from None

    def _fresh(self, tx: Transaction, provider: str, change: ChangeAccount) -> AccountRow:
        for field, value in (
            ("apiUrl", change.api_url),
            ("merchantId", change.merchant_id),
            ("apiKey", change.api_key),
            ("mode", change.mode),
        ):
            if value is None:
                raise missing(field)
        # The token is the address: whoever does not know it cannot even have a signature checked.
        return AccountRow(tx.cafe_id, new_id(), provider, secrets.token_urlsafe(24), "", "", "", "", "test", version=0)

    def _changed(
        self, row: AccountRow, change: ChangeAccount, now: datetime, operators_api_url: str | None
    ) -> AccountRow:
        before = row
        if change.api_url is not None and change.api_url != row.api_url:
            url = checked_api_url(change.api_url, own_url=self.public_url, named_by_operator=operators_api_url)
            if url != row.api_url and change.api_key is None:
                raise ProviderKeyNeeded  # else whoever may change the address could read the key there
            row = msgspec.structs.replace(row, api_url=url)
        if change.merchant_id is not None:
            row = msgspec.structs.replace(row, merchant_id=checked_merchant(change.merchant_id))
        row = msgspec.structs.replace(row, mode=checked_mode(change.mode or row.mode, row.api_url))
        if change.api_key is not None and not self._holds(row, change.api_key, None):
            sealed = self.sealer.seal(checked_secret(change.api_key), row.cafe_id, row.id, _API_KEY)
            row = msgspec.structs.replace(row, api_key="", sealed_api_key=sealed, api_key_set_at=now)
        if change.webhook_secret is not None and not self._holds(row, None, change.webhook_secret):
            row = self._with_secret(row, checked_secret(change.webhook_secret), PREVIOUS_VALID_HOURS, now)
        return row if row == before else msgspec.structs.replace(row, version=before.version + 1)

    def _holds(self, row: AccountRow, api_key: str | None, webhook_secret: str | None) -> bool:
        """Whether this is the secret in force already: then nothing changes, and nothing is rotated out."""
        try:
            account = self.accounts.opened(row) if row.version else None
        except SecretsUnreadable:
            return False
        if account is None:
            return False
        if api_key is not None:
            return secrets.compare_digest(account.api_key.encode(), api_key.encode())
        current = account.webhook_secrets[0] if account.webhook_secrets else ""
        return secrets.compare_digest(current.encode(), (webhook_secret or "").encode())

    def _with_secret(self, row: AccountRow, secret: str, previous_valid_hours: int, now: datetime) -> AccountRow:
        previous = self._previous(row) if previous_valid_hours else None
        return msgspec.structs.replace(
            row,
            webhook_secret="",
            sealed_webhook_secret=self.sealer.seal(secret, row.cafe_id, row.id, _WEBHOOK_SECRET),
            sealed_previous_secret=previous,
            previous_secret_until=now + timedelta(hours=previous_valid_hours) if previous is not None else None,
            webhook_secret_set_at=now,
        )

    def _previous(self, row: AccountRow) -> str | None:
        """The secret that was in force until now, sealed; one that does not open any more is not worth keeping."""
        if row.sealed_webhook_secret is None:
            clear = row.webhook_secret
            return self.sealer.seal(clear, row.cafe_id, row.id, _WEBHOOK_SECRET) if clear else None
        try:
            self.sealer.open(row.sealed_webhook_secret, row.cafe_id, row.id, _WEBHOOK_SECRET)
        except SecretsUnreadable:
            return None
        return row.sealed_webhook_secret

    def _view(self, row: AccountRow) -> AccountView:
        try:
            account: ProviderAccount | None = self.accounts.opened(row)
        except SecretsUnreadable:
            account = None
        newest = account.webhook_secrets[:1] if account else ()
        has_secret = bool(row.sealed_webhook_secret or row.webhook_secret)
        previous_lives = account is not None and len(account.webhook_secrets) > 1
        return AccountView(
            account_id=row.id,
            provider=row.provider,
            api_url=row.api_url,
            merchant_id=row.merchant_id,
            mode=row.mode,
            webhook_url=self.webhook_url(row),
            api_key=SecretView(hint_of(account.api_key) if account else None, row.api_key_set_at),
            webhook_secret=SecretView(hint_of(newest[0]) if newest else None, row.webhook_secret_set_at)
            if has_secret
            else None,
            refused_notices=row.refused_count + self.accounts.refused_since(row.id),
            previous_secret_valid_until=row.previous_secret_until if previous_lives else None,
            last_refused_at=row.refused_at,
            readable=account is not None,
        )
