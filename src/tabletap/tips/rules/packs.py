"""What the law of a country says about tips, as far as a program can keep it. Pure. A summary, not advice.

- **US**: an employer may not keep tips, and managers and supervisors get none of what is shared (29 USC 203(m)(2)(B)).
- **UK**: all of it goes to workers, by the end of the following month; a written policy; records for three years, of
  which a worker may see what came in altogether and what they got (Employment (Allocation of Tips) Act 2023 and its
  Code, from 1 October 2024).
- **IE**: electronic tips go to workers; within ten days of sharing each gets a statement of what was shared altogether
  and of their own part; the policy is displayed (Payment of Wages (Amendment) (Tips and Gratuities) Act 2022).
- **AU**: no statute and no award says whose tips are; the cafe's policy does.
- **BE**: our own reading, to be confirmed by a payroll office: tips that the employer hands out count as pay, the work
  rules say how they are shared, and every worker's part has to be written down.
"""

from datetime import date, timedelta
from typing import Literal

import msgspec

from tabletap.tips.rules.errors import TipRuleForbidden

PackName = Literal["none", "AU", "UK", "IE", "US", "BE"]
_OWN_PART = ("name", "from_", "to", "lines", "opening", "closing")
_AND_THE_WHOLE = (*_OWN_PART, "cafe_total")


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one country."""

    forbids_management: bool = False
    """Neither the role nor anybody who manages has a part in what is shared."""
    is_due_in_following_month: bool = False
    statement_within_days: int | None = None
    keeps_records_years: int | None = None
    needs_written_policy: bool = False
    statement_fields: tuple[str, ...] = _OWN_PART
    """What the worker's statement has to say."""
    says: str = ""
    note: str = ""
    """What no program can keep, and a manager has to know."""


PACKS: dict[PackName, Pack] = {
    "none": Pack(),
    "AU": Pack(says="Tips are shared as the policy of this cafe says."),
    "UK": Pack(
        is_due_in_following_month=True,
        keeps_records_years=3,
        needs_written_policy=True,
        statement_fields=_AND_THE_WHOLE,
        says="All tips go to workers, without deductions, by the end of the month after they were given.",
        note="Agency workers are workers, too: clock them in.",
    ),
    "IE": Pack(
        statement_within_days=10,
        needs_written_policy=True,
        statement_fields=_AND_THE_WHOLE,
        says="All electronic tips go to workers. The policy on tips is displayed in this cafe.",
        note="Workers are consulted before the policy on tips changes.",
    ),
    "US": Pack(
        forbids_management=True,
        says="Managers and supervisors receive no part of the tips.",
        note="Where a tip credit is taken, only those who customarily receive tips may share in them: not the kitchen. "
        "Who is a manager is decided by what they do, not by their title. States may ask for more.",
    ),
    "BE": Pack(
        needs_written_policy=True,
        says="All tips go to workers; this statement lists what was handed out by the employer.",
        note="Our own reading: tips that the employer hands out are declared as pay. Ask your payroll office.",
    ),
}


def require_lawful(pack: PackName, management_basis_points: int) -> None:
    """Refuse a rule that the pack's law forbids. Raises TipRuleForbidden."""
    if PACKS[pack].forbids_management and management_basis_points:
        raise TipRuleForbidden("In the US managers and supervisors may not receive any part of tips (29 USC 203(m)).")


def require_may_receive(pack: PackName, is_manager: bool) -> None:
    """Refuse to give tips to somebody who must not have them. Raises TipRuleForbidden."""
    if is_manager and PACKS[pack].forbids_management:
        raise TipRuleForbidden("In the US tips may not be given to a manager or supervisor (29 USC 203(m)).")


def due_on(pack: PackName, day: date) -> date | None:
    """By when the tips of a day have to be paid out; None: the law names no day."""
    if not PACKS[pack].is_due_in_following_month:
        return None
    following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return (following + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def statement_due_on(pack: PackName, day: date) -> date | None:
    """By when workers have to have a statement of what was shared on a day; None: the law names no day."""
    within = PACKS[pack].statement_within_days
    return None if within is None else day + timedelta(days=within)
