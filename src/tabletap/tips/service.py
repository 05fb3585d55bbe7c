"""Reading and changing a cafe's tip configuration, and quoting a tip."""

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.people import Actor, Role
from tabletap.tips import store
from tabletap.tips.model import TipConfiguration, TipQuote, check_configuration, quote
from tabletap.tips.rules.service import SetTipRule, rule_in_force, save_configuration, set_rule


class TipService:
    """What guests may add for the people who served them."""

    def __init__(self, db: AnyDatabase) -> None:
        self.db = db

    async def configuration(self, by: Actor) -> TipConfiguration:
        """The configuration in force at the actor's cafe."""
        return await self.db.read(by.cafe_id, store.configuration)

    async def change(self, wanted: TipConfiguration, by: Actor) -> TipConfiguration:
        """Replace the configuration; other shares are a new version of the tip rule. Safe to repeat.

        Raises NotAllowed, TipConfigurationInvalid and TipRuleForbidden.
        """
        by.require(Role.MANAGER)
        check_configuration(wanted)

        async def decide(tx: Transaction) -> TipConfiguration:
            before = await store.row(tx, lock=True)
            if (await rule_in_force(tx)).shares != wanted.distribution:
                await set_rule(tx, SetTipRule(shares=wanted.distribution), by.person_id)
            save_configuration(tx, before, wanted)
            return wanted

        return await self.db.transaction(by.cafe_id, decide)

    async def calculate(self, order_minor: int, percentage: int | None, fixed_minor: int | None, by: Actor) -> TipQuote:
        """What a tip on an amount comes to. Raises TipNotAllowed."""
        return quote(await self.configuration(by), order_minor, percentage, fixed_minor)
