"""The background half of payments (the seed's PaymentProcessor): verify, expire, settle refunds."""

from tabletap.infra.jobs.engine import JobEngine
from tabletap.infra.jobs.model import Job
from tabletap.payments.refunds import SETTLE, RefundJob, RefundService
from tabletap.payments.service import EXPIRE, VERIFY, PaymentJob, PaymentService


def register(jobs: JobEngine, payments: PaymentService, refunds: RefundService) -> None:
    """Have the jobs of `payment-queue` run here. Each is idempotent: it will run twice one day."""

    @jobs.handler(VERIFY)
    async def verify(job: Job) -> None:
        given = job.read(PaymentJob)
        await payments.verify_if_live(given.cafe_id, given.payment_id)

    @jobs.handler(EXPIRE)
    async def expire(job: Job) -> None:
        given = job.read(PaymentJob)
        await payments.expire(given.cafe_id, given.payment_id)

    @jobs.handler(SETTLE)
    async def settle(job: Job) -> None:
        given = job.read(RefundJob)
        await refunds.settle_at_provider(given.cafe_id, given.refund_id)
