"""What is done beside the counter: shifts and tips, presents of credit, the bank's statement, closing the day."""

import random
from collections.abc import Mapping

from tabletap.app import App
from tabletap.cafes.business_day import BusinessDay
from tabletap.cli.trade.bank import Bank
from tabletap.credits.service import MoveCredit
from tabletap.infra.paging import MAX_LIMIT
from tabletap.kernel.people import Actor
from tabletap.reconciliation.uploading import Upload
from tabletap.till.days.errors import DayHasOpenItems
from tabletap.till.days.model import DayView
from tabletap.till.days.service import CloseDay
from tabletap.tips.payouts.model import PayoutMethod
from tabletap.tips.sharing.service import AssignTips, PayTips
from tabletap.tips.shifts.service import ClockIn

_AT_WORK = ("counter", "kitchen", "staff", "manager")
_TIPPED = ("counter", "kitchen", "staff")
_SUNDAY = 6
_PAID: tuple[PayoutMethod, ...] = ("cash", "payroll")
REASON = "The dispute, the tips of nobody and what the bank has not explained are looked into tomorrow"


class Office:
    """The people of a cafe at their desks."""

    def __init__(self, app: App, chance: random.Random, staff: Mapping[str, Actor], bank: Bank) -> None:
        self.services, self.chance, self.staff, self.bank = app.services, chance, staff, bank
        self.manager = staff["manager"]
        self._working: list[Actor] = []

    async def morning(self, day: BusinessDay) -> None:
        """Decide what was left open yesterday, pay tips out on Sundays, and clock in; sometimes somebody is ill."""
        await self._explain_bank_lines()
        await self._assign_tips()
        ill = self.chance.choice(_AT_WORK) if self.chance.random() < 0.15 else None
        self._working = [self.staff[name] for name in _AT_WORK if name != ill]
        for person in self._working:
            await self.services.shifts.clock_in(ClockIn(), person)
        if self.chance.random() < 0.2:
            customer_id = self.staff["customer"].person_id
            gift = MoveCredit(customer_id=customer_id, amount_minor=1_000, reason="For waiting so long")
            await self.services.credits.add(gift, self.manager)
        if day.date.weekday() == _SUNDAY:
            await self._pay_tips(day)

    async def evening(self) -> None:
        """Everybody clocks out."""
        for person in self._working:
            await self.services.shifts.clock_out(None, person)

    async def bank_statement(self, day: BusinessDay) -> None:
        """What guests transferred, and sometimes money that nobody can explain yet."""
        if self.chance.random() < 0.1:
            self.bank.receive(self.chance.randint(1_000, 9_000), "Thank you for the lovely evening")
        content = self.bank.statement(day.date)
        if content is not None:
            await self.services.bank_statements.take_in(Upload(content=content), self.manager)

    async def closed(self, day: BusinessDay) -> DayView:
        """Close the day, over what is open if need be."""
        try:
            return await self.services.days.close(day.date, CloseDay(), self.manager)
        except DayHasOpenItems:
            return await self.services.days.close(day.date, CloseDay(reason=REASON), self.manager)

    async def _explain_bank_lines(self) -> None:
        lines = await self.services.bank_lines.lines(self.manager, "suspense", None, MAX_LIMIT, None)
        for line in lines.items:
            reason = "The landlord paid the deposit back"
            await self.services.bank_lines.dismiss(line.bank_line_id, reason, self.manager, None)

    async def _assign_tips(self) -> None:
        """What belongs to nobody goes to whoever was there."""
        for each in (await self.services.tip_statements.unassigned(self.manager)).items:
            request = AssignTips(staff_id=self.staff["counter"].person_id, reason="Did the work of two")
            await self.services.tip_sharing.assign(each.distribution_id, request, self.manager)

    async def _pay_tips(self, day: BusinessDay) -> None:
        for name in _TIPPED:
            person = self.staff[name]
            statement = await self.services.tip_statements.statement(person.person_id, day.date, day.date, self.manager)
            if statement.closing > 0:
                request = PayTips(staff_id=person.person_id, method=self.chance.choice(_PAID))
                await self.services.tip_sharing.pay_out(request, self.manager)
