"""Working off the inbox (the seed's WebhookProcessor)."""

from tabletap.infra.jobs.engine import JobEngine
from tabletap.infra.jobs.model import Job
from tabletap.webhooks.service import HANDLE, NoticeJob, WebhookService


def register(jobs: JobEngine, webhooks: WebhookService) -> None:
    """Have the jobs of `webhook-processing` run here."""

    @jobs.handler(HANDLE)
    async def handle(job: Job) -> None:
        given = job.read(NoticeJob)
        await webhooks.handle(given.cafe_id, given.entry_id)
