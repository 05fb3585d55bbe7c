"""What is in force at each cafe, kept in memory: looking it up costs no payment a round trip."""

from datetime import datetime, timedelta

import msgspec

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader
from tabletap.kernel.addresses import Network, network, parsed
from tabletap.kernel.ids import Id
from tabletap.payments.security import store
from tabletap.payments.security.model import PaymentRules

GOOD_FOR = timedelta(seconds=5)
"""A change made through another process is in force after this long; one made through this process, at once."""


class Blocked(msgspec.Struct, frozen=True):
    """A network that is kept out, and until when."""

    network: Network
    until: datetime | None


class InForce(msgspec.Struct, frozen=True):
    """The limits and blocked networks of a cafe."""

    rules: PaymentRules
    blocked: tuple[Blocked, ...]

    def keeps_out(self, address: str | None, now: datetime) -> bool:
        """Whether the address is in a blocked network."""
        if not self.blocked or address is None:
            return False
        found = parsed(address)
        return found is not None and any(
            found in each.network and (each.until is None or each.until > now) for each in self.blocked
        )


class RuleBook:
    """Knows what is in force where."""

    def __init__(self, db: AnyDatabase) -> None:
        self.db = db
        self._known: dict[Id, tuple[datetime, InForce]] = {}
        self._changes = 0

    async def of(self, cafe_id: Id) -> InForce:
        """What is in force at a cafe."""
        now = self.db.clock.now()
        known = self._known.get(cafe_id)
        if known is not None and now < known[0]:
            return known[1]
        changes = self._changes
        found = await self.db.read(cafe_id, _look)
        if changes == self._changes:  # what was read before somebody changed something is not kept
            self._known[cafe_id] = (now + GOOD_FOR, found)
        return found

    def forget(self, cafe_id: Id) -> None:
        """Read it again next time: it was changed."""
        self._changes += 1
        self._known.pop(cafe_id, None)


async def _look(reader: Reader) -> InForce:
    row = await store.policy(reader)
    rules = msgspec.convert(row.rules, PaymentRules) if row else PaymentRules()
    blocked = ((network(each.network), each.until) for each in await store.blocked(reader))
    return InForce(rules, tuple(Blocked(found, until) for found, until in blocked if found is not None))
