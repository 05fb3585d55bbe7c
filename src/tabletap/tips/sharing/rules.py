"""Setting how tips are shared: every change is a new version, and what was shared by an earlier one stays as it was."""

from datetime import datetime

import msgspec

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Actor, Role
from tabletap.tips.model import TipDistributionShares
from tabletap.tips.sharing import store
from tabletap.tips.sharing.errors import TipRuleInvalid
from tabletap.tips.sharing.model import Mode, TipRule
from tabletap.tips.sharing.packs import PACKS, PackName, require_lawful
from tabletap.tips.sharing.service import rule_in_force


class SetTipRule(msgspec.Struct, frozen=True, kw_only=True):
    """How tips are to be shared; what is not named stays."""

    mode: Mode | None = None
    pack: PackName | None = None
    shares: TipDistributionShares | None = None


class TipRuleView(msgspec.Struct, rename="camel", frozen=True):
    """A version of the rule. Version 0 is what holds while nobody has set one."""

    version: int
    mode: Mode
    pack: PackName
    distribution: TipDistributionShares
    set_by: Id
    set_at: datetime
    policy: str
    """What the country's law says, for the policy on the wall."""


class TipRulesView(msgspec.Struct, rename="camel", frozen=True):
    """Every version, the newest first."""

    items: list[TipRuleView]


def _view(rule: TipRule) -> TipRuleView:
    return TipRuleView(
        rule.version, rule.mode, rule.pack, TipDistributionShares(*rule.weights), rule.set_by, rule.set_at,
        PACKS[rule.pack].says,
    )  # fmt: skip


async def set_rule(tx: Transaction, wanted: SetTipRule, by: Id) -> TipRule:
    """Write the next version of the rule, unless nothing changes. Raises TipRuleInvalid and TipRuleForbidden."""
    before = await rule_in_force(tx)
    shares = wanted.shares or TipDistributionShares(*before.weights)
    parts = msgspec.structs.astuple(shares)
    if sum(parts) != 10_000 or min(parts) < 0:
        raise TipRuleInvalid("The shares of kitchen, service and management must sum to 10,000 basis points.")
    mode, pack = wanted.mode or before.mode, wanted.pack or before.pack
    require_lawful(pack, shares.management)
    if before.version and (mode, pack, before.weights) == (before.mode, before.pack, parts):
        return before
    after = TipRule(
        tx.cafe_id, new_id(), before.version + 1, mode, pack, shares.kitchen_staff, shares.service_staff,
        shares.management, by, tx.now,
    )  # fmt: skip
    tx.add(store.tip_rule, after, retry_on_duplicate=True)
    return after


class TipRuleService:
    """The rules by which tips are shared."""

    def __init__(self, db: AnyDatabase) -> None:
        self.db = db

    async def current(self, by: Actor) -> TipRuleView:
        """The rule in force. Raises NotAllowed."""
        by.require(Role.STAFF, Role.KITCHEN)
        return _view(await self.db.read(by.cafe_id, rule_in_force))

    async def change(self, wanted: SetTipRule, by: Actor) -> TipRuleView:
        """Set the rule for what comes in or is shared from now on. Safe to repeat.

        Raises TipRuleInvalid, TipRuleForbidden, NotAllowed.
        """
        by.require(Role.MANAGER)

        async def decide(tx: Transaction) -> TipRuleView:
            return _view(await set_rule(tx, wanted, by.person_id))

        return await self.db.transaction(by.cafe_id, decide)

    async def versions(self, by: Actor) -> TipRulesView:
        """Every version of the rule, the newest first. Raises NotAllowed."""
        by.require(Role.MANAGER)
        found = await self.db.read(by.cafe_id, store.rules)
        return TipRulesView([_view(rule) for rule in found])
