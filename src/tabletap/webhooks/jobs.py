"""Working off the inbox (the seed's WebhookProcessor)."""

from datetime import timedelta

from tabletap.infra.jobs.engine import JobEngine
from tabletap.infra.jobs.model import Job, Retry, RetryPolicy
from tabletap.webhooks.service import ASK, HANDLE, AskJob, NoticeJob, WebhookService

FORGET = "webhook-processing:forget_bodies"
PATIENCE = RetryPolicy(base=timedelta(seconds=2), factor=2.0, cap=timedelta(hours=1), max_attempts=24)
"""Half a day of trying before a notice is held: a provider that is away for a minute, or a morning, costs nothing."""


def register(jobs: JobEngine, webhooks: WebhookService) -> None:
    """Have the jobs of `webhook-processing` run here."""

    @jobs.handler(HANDLE, retry=PATIENCE)
    async def handle(job: Job) -> None:
        given = job.read(NoticeJob)
        is_last = job.attempt >= PATIENCE.max_attempts
        if not await webhooks.handle(given.cafe_id, given.entry_id, last_attempt=is_last):
            raise Retry(reason="the provider gave no answer")

    @jobs.cron("47 3 * * *", FORGET, timeout=timedelta(minutes=10))
    async def forget(_: Job) -> None:
        await webhooks.forget_old_bodies()

    @jobs.handler(ASK)
    async def ask(job: Job) -> None:
        given = job.read(AskJob)
        await webhooks.ask(given.cafe_id, given.payment_id)
