"""The keys that heads are signed with: one a cafe, made when it is needed first, its private half sealed at rest."""

import msgspec
import structlog

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.scrub import leaving_no_trace
from tabletap.infra.db.transaction import Transaction
from tabletap.infra.secrets import Sealer, SecretsUnreadable
from tabletap.kernel.ids import Id
from tabletap.ledger.audit import signing, store
from tabletap.ledger.audit.model import Key, key_id_of

_PURPOSE = "audit_key"


class SigningKeys:
    """Makes, opens and changes keys. Public halves are kept for ever: for what they signed."""

    def __init__(self, db: AnyDatabase, sealer: Sealer) -> None:
        self.db, self.sealer = db, sealer
        self._log = structlog.get_logger("tabletap.audit").bind()

    async def current(self, cafe_id: Id) -> tuple[Key, bytes]:
        """The key that signs, with its private half.

        A key that no longer opens, because the secrets of this installation were changed, is followed by a new one: a
        day has to be closed. The log says so, and the new key's id stands on the day report.
        """
        known = await self.db.read(cafe_id, store.keys)
        if known:
            try:
                return known[0], self._open(known[0])
            except SecretsUnreadable:
                self._log.error("The signing key cannot be opened; a new one takes its place.", cafe_id=cafe_id)
        key = await self._make(cafe_id, known[0].n + 1 if known else 1)
        return key, self._open(key)

    async def rotate(self, cafe_id: Id) -> Key:
        """Sign with a fresh key from now on."""
        known = await self.db.read(cafe_id, store.keys)
        return await self._make(cafe_id, known[0].n + 1 if known else 1)

    async def seal(self) -> int:
        """Bring every private key under the present key of this installation, and answer how many that were.

        Runs at every start; safe to repeat. One that cannot be opened stays as it is.
        """
        late = [key for key in await self.db.across_cafes(store.every_key) if self._is_late(key)]
        if late:
            async with leaving_no_trace(self.db, "audit_key"):
                for key in late:
                    await self._seal_anew(key)
        return len(late)

    def _is_late(self, key: Key) -> bool:
        try:
            return not self.sealer.is_current(key.sealed_private_key) and bool(self._open(key))
        except SecretsUnreadable:
            return False

    async def _seal_anew(self, before: Key) -> None:
        after = msgspec.structs.replace(before, sealed_private_key=self._seal(before, self._open(before)))

        async def decide(tx: Transaction) -> None:
            if before in await store.keys(tx):
                store.save_key(tx, before, after)

        await self.db.transaction(before.cafe_id, decide)

    async def _make(self, cafe_id: Id, n: int) -> Key:
        """Key number n: a fresh one, unless somebody else made it at the same moment."""
        private_key = signing.new_private_key()
        public_key = signing.public_key_of(private_key)

        async def decide(tx: Transaction) -> Key:
            for known in await store.keys(tx):
                if known.n == n:
                    return known
            bare = Key(cafe_id, n, key_id_of(public_key), public_key, "", tx.now)
            key = msgspec.structs.replace(bare, sealed_private_key=self._seal(bare, private_key))
            store.add_key(tx, key)
            return key

        return await self.db.transaction(cafe_id, decide)

    def _seal(self, key: Key, private_key: bytes) -> str:
        return self.sealer.seal(private_key.hex(), key.cafe_id, key.key_id, _PURPOSE)

    def _open(self, key: Key) -> bytes:
        return bytes.fromhex(self.sealer.open(key.sealed_private_key, key.cafe_id, key.key_id, _PURPOSE))
