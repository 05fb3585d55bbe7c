"""How tips are shared: a rule in versions. Pure."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from tabletap.kernel.ids import GivenId, Id
from tabletap.tips.model import TipDistributionShares, TipRole
from tabletap.tips.rules.packs import PackName

Mode = Literal["per_payment", "shift_pool"]
MAX_POINTS = 1_000
MAX_PEOPLE = 200
DEFAULT_POINTS = 10
Points = Annotated[int, msgspec.Meta(ge=1, le=MAX_POINTS)]


class TipPoints(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=False):
    """What work counts: by role, and for people who count differently, whatever they do."""

    kitchen_staff: Points = DEFAULT_POINTS
    service_staff: Points = DEFAULT_POINTS
    management: Points = DEFAULT_POINTS
    people: Annotated[dict[GivenId, Points], msgspec.Meta(max_length=MAX_PEOPLE)] = {}

    def of(self, person_id: Id, role: TipRole) -> int:
        """What somebody's work in a role counts."""
        own: int = getattr(self, role)
        return self.people.get(person_id, own)


class TipRule(msgspec.Struct, frozen=True):
    """How tips are shared from now on: a row of `tip_rule`, never changed. The highest version is in force.

    Version 0 is what held before anybody set a rule; it is written together with version 1.
    """

    cafe_id: Id
    id: Id
    version: int
    mode: Mode
    pack: PackName
    kitchen_basis_points: int
    service_basis_points: int
    management_basis_points: int
    points: dict[str, object]
    has_written_policy: bool
    set_by: Id
    set_at: datetime

    @property
    def weights(self) -> tuple[int, int, int]:
        """The roles' parts, in the order of ROLES."""
        return self.kitchen_basis_points, self.service_basis_points, self.management_basis_points

    @property
    def shares(self) -> TipDistributionShares:
        """The roles' parts by name."""
        return TipDistributionShares(*self.weights)

    @property
    def counted(self) -> TipPoints:
        """What work counts."""
        return msgspec.convert(self.points, TipPoints)
