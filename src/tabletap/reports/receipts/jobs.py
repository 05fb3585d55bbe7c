"""Sending receipts in the background."""

from datetime import timedelta

from tabletap.infra.jobs.engine import JobEngine
from tabletap.infra.jobs.model import Job, Retry, RetryPolicy
from tabletap.reports.receipts.service import MAX_ATTEMPTS, SEND, MailJob, ReceiptService

_PATIENCE = RetryPolicy(base=timedelta(seconds=5), factor=3.0, cap=timedelta(hours=1), max_attempts=MAX_ATTEMPTS)


def register(jobs: JobEngine, receipts: ReceiptService) -> None:
    """Have mails with receipts sent here."""

    @jobs.handler(SEND, retry=_PATIENCE)
    async def send(job: Job) -> None:
        given = job.read(MailJob)
        if not await receipts.send(given.cafe_id, given.mail_id):
            raise Retry(reason="the mail server is away")
