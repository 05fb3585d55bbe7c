"""The background half of credit: what expires."""

from tabletap.credits.service import CreditService
from tabletap.infra.jobs.engine import JobEngine
from tabletap.infra.jobs.model import Job

EXPIRE = "upkeep:expire_credit"
_EVERY_HOUR = "7 * * * *"
"""Credit expires at the end of a business day, and those end at any hour somewhere."""


def register(jobs: JobEngine, credits_: CreditService) -> None:
    """Have expired credit booked here. It is idempotent: it will run twice one day."""

    @jobs.cron(_EVERY_HOUR, EXPIRE)
    async def expire(_: Job) -> None:
        await credits_.expire_due()
