"""The audit chain's work in the background."""

from datetime import timedelta

from tabletap.infra.jobs.engine import JobEngine
from tabletap.infra.jobs.model import Job
from tabletap.ledger.audit.service import AuditService

SEAL = "audit:seal"
SWEEP = "audit:sweep"


def register(jobs: JobEngine, audit: AuditService) -> None:
    """Have the books sealed: what is fresh every minute, everything twice an hour."""

    @jobs.cron("* * * * *", SEAL, timeout=timedelta(minutes=5))
    async def seal(_: Job) -> None:
        await audit.seal_recent()

    @jobs.cron("7,37 * * * *", SWEEP, timeout=timedelta(minutes=30))
    async def sweep(_: Job) -> None:
        await audit.sweep()
