"""What the law of a country says about tips, as far as a rule can break it. Pure. A summary, not advice.

- **US**: an employer may not keep tips, and managers and supervisors get none (29 USC 203(m)(2)(B)).
- **UK**: all of it goes to workers, by the end of the following month; records are kept for three years (Employment
  (Allocation of Tips) Act 2023 and its Code, from 1 October 2024).
- **IE**: electronic tips go to workers, each gets a statement, and the policy is displayed (Payment of Wages
  (Amendment) (Tips and Gratuities) Act 2022).
- **AU**: no statute says whose tips are; the cafe's policy does.
- **BE**: our own reading: tips are the workers'; what the employer hands out is written down for each of them.
"""

from datetime import date, timedelta
from typing import Literal

import msgspec

from tabletap.tips.sharing.errors import TipRuleForbidden

PackName = Literal["none", "AU", "UK", "IE", "US", "BE"]


class Pack(msgspec.Struct, frozen=True):
    """The rules of one country."""

    forbids_management: bool = False
    due_in_following_month: bool = False
    keeps_records_years: int | None = None
    says: str = ""


PACKS: dict[PackName, Pack] = {
    "none": Pack(),
    "AU": Pack(says="Tips are shared as the policy of this cafe says."),
    "UK": Pack(
        due_in_following_month=True,
        keeps_records_years=3,
        says="All tips go to workers, without deductions, by the end of the month after they were given.",
    ),
    "IE": Pack(says="All electronic tips go to workers. The policy on tips is displayed in this cafe."),
    "US": Pack(forbids_management=True, says="Managers and supervisors receive no part of the tips."),
    "BE": Pack(says="All tips go to workers; this statement lists what was handed out by the employer."),
}


def require_lawful(pack: PackName, management_basis_points: int) -> None:
    """Refuse a rule that the pack's law forbids. Raises TipRuleForbidden."""
    if PACKS[pack].forbids_management and management_basis_points:
        raise TipRuleForbidden("In the US managers and supervisors may not receive any part of tips (29 USC 203(m)).")


def due_on(pack: PackName, day: date) -> date | None:
    """By when the tips of a day have to be paid out; None: the law names no day."""
    if not PACKS[pack].due_in_following_month:
        return None
    following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return (following + timedelta(days=32)).replace(day=1) - timedelta(days=1)
