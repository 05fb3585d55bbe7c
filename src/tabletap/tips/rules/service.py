"""Setting how tips are shared: every change is a new version, and what was given before stays with the earlier one."""

from datetime import datetime

import msgspec

from tabletap.infra.db.open import AnyDatabase
from tabletap.infra.db.transaction import Reader, Transaction
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import SYSTEM_ID, Actor, Role
from tabletap.tips import store as tips
from tabletap.tips.model import TipConfiguration, TipConfigurationRow, TipDistributionShares
from tabletap.tips.rules import store
from tabletap.tips.rules.errors import TipRuleInvalid
from tabletap.tips.rules.model import Mode, TipPoints, TipRule
from tabletap.tips.rules.packs import PACKS, PackName, require_lawful


class SetTipRule(msgspec.Struct, frozen=True, kw_only=True):
    """How tips are to be shared; what is not named stays."""

    mode: Mode | None = None
    pack: PackName | None = None
    shares: TipDistributionShares | None = None
    points: TipPoints | None = None
    has_written_policy: bool | None = None


class TipRuleView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True, kw_only=True):
    """A version of the rule. Version 0 is what holds while nobody has set one."""

    version: int
    mode: Mode
    pack: PackName
    distribution: TipDistributionShares
    points: TipPoints
    written_policy: bool
    set_by: Id
    set_at: datetime
    policy: str
    """What the country's law says, for the policy on the wall."""
    note: str | None = None
    """What the law asks of the cafe itself."""
    missing: list[str] = []
    """What the law asks for and nobody has confirmed."""
    keeps_records_years: int | None = None
    statement_within_days: int | None = None


class TipRulesView(msgspec.Struct, rename="camel", frozen=True):
    """Every version, the newest first."""

    items: list[TipRuleView]


def rule_view(rule: TipRule) -> TipRuleView:
    """A version as managers and workers see it."""
    pack = PACKS[rule.pack]
    needs_policy = pack.needs_written_policy and not rule.has_written_policy
    return TipRuleView(
        version=rule.version,
        mode=rule.mode,
        pack=rule.pack,
        distribution=rule.shares,
        points=rule.counted,
        written_policy=rule.has_written_policy,
        set_by=rule.set_by,
        set_at=rule.set_at,
        policy=pack.says,
        note=pack.note or None,
        missing=["A written policy on tips that every worker can read; confirm it here."] if needs_policy else [],
        keeps_records_years=pack.keeps_records_years,
        statement_within_days=pack.statement_within_days,
    )


async def rule_in_force(reader: Reader) -> TipRule:
    """The rule of the highest version; while nobody has set one, pools by the tip configuration's distribution."""
    known = reader.recall("tip_rule") if isinstance(reader, Transaction) else None
    return known or await store.rule(reader) or await _unset(reader)


async def rule_of(reader: Reader, version: int) -> TipRule:
    """The rule of a version."""
    return await store.of_version(reader, version) or await _unset(reader)


async def _unset(reader: Reader) -> TipRule:
    """The rule of a cafe that has set none."""
    shares = (await tips.configuration(reader)).distribution
    points: dict[str, object] = msgspec.to_builtins(TipPoints())
    return TipRule(
        reader.cafe_id, reader.cafe_id, 0, "shift_pool", "none", shares.kitchen_staff, shares.service_staff,
        shares.management, points, False, SYSTEM_ID, reader.now,
    )  # fmt: skip


async def set_rule(tx: Transaction, wanted: SetTipRule, by: Id) -> TipRule:
    """Write the next version of the rule, unless nothing changes. Raises TipRuleInvalid and TipRuleForbidden."""
    before = await rule_in_force(tx)
    shares = wanted.shares or before.shares
    parts = msgspec.structs.astuple(shares)
    if sum(parts) != 10_000 or min(parts) < 0:
        raise TipRuleInvalid("The shares of kitchen, service and management must sum to 10,000 basis points.")
    has_policy = before.has_written_policy if wanted.has_written_policy is None else wanted.has_written_policy
    after = TipRule(
        tx.cafe_id, new_id(), before.version + 1, wanted.mode or before.mode, wanted.pack or before.pack,
        shares.kitchen_staff, shares.service_staff, shares.management,
        msgspec.to_builtins(wanted.points or before.counted), has_policy, by, tx.now,
    )  # fmt: skip
    require_lawful(after.pack, shares.management)
    if before.version and _says_the_same(before, after):
        return before
    if not before.version:
        tx.add(store.tip_rule, msgspec.structs.replace(before, id=new_id()), retry_on_duplicate=True)
    tx.add(store.tip_rule, after, retry_on_duplicate=True)
    tx.remember("tip_rule", after)
    return after


def _says_the_same(one: TipRule, other: TipRule) -> bool:
    return other == msgspec.structs.replace(
        one, id=other.id, version=other.version, set_by=other.set_by, set_at=other.set_at
    )


def save_configuration(tx: Transaction, before: TipConfigurationRow | None, wanted: TipConfiguration) -> None:
    """Write the cafe's tip configuration: the rule's shares are its `distribution`, so that both say the same.

    `before` is the row that was judged: a second read may see more, and what it saw would be undone.
    """
    data: dict[str, object] = msgspec.to_builtins(wanted)
    after = TipConfigurationRow(tx.cafe_id, data, before.version + 1 if before else 1, tx.now)
    if before is None:
        tx.add(tips.tip_configuration, after, retry_on_duplicate=True)
    else:
        tx.save(tips.tip_configuration, before, after, ("cafe_id",), ("version",))


class TipRuleService:
    """The rules by which tips are shared."""

    def __init__(self, db: AnyDatabase) -> None:
        self.db = db

    async def current(self, by: Actor) -> TipRuleView:
        """The rule in force. Raises NotAllowed."""
        by.require(Role.STAFF, Role.KITCHEN)
        return rule_view(await self.db.read(by.cafe_id, rule_in_force))

    async def change(self, wanted: SetTipRule, by: Actor) -> TipRuleView:
        """Set the rule for tips that come in from now on. Safe to repeat.

        Raises TipRuleInvalid, TipRuleForbidden, NotAllowed.
        """
        by.require(Role.MANAGER)

        async def decide(tx: Transaction) -> TipRuleView:
            before = await tips.row(tx, lock=True)
            configuration = tips.configuration_of(before)
            rule = await set_rule(tx, wanted, by.person_id)
            if rule.shares != configuration.distribution:
                save_configuration(tx, before, msgspec.structs.replace(configuration, distribution=rule.shares))
            return rule_view(rule)

        return await self.db.transaction(by.cafe_id, decide)

    async def versions(self, by: Actor) -> TipRulesView:
        """Every version of the rule, the newest first. Raises NotAllowed."""
        by.require(Role.MANAGER)
        found = await self.db.read(by.cafe_id, store.rules)
        return TipRulesView([rule_view(rule) for rule in found])
