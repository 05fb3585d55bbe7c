"""The background half of payments (the seed's PaymentProcessor): verify, expire, settle refunds."""

from tabletap.infra.jobs.engine import JobEngine
from tabletap.infra.jobs.model import Job
from tabletap.payments.refunding import SETTLE, RefundJob
from tabletap.payments.refunds import RefundService
from tabletap.payments.schedule import EXPIRE, SUPERSEDED, VERIFY, PaymentJob
from tabletap.payments.service import PaymentService


def register(jobs: JobEngine, payments: PaymentService, refunds: RefundService) -> None:
    """Have the jobs of `payment-queue` run here. Each is idempotent: it will run twice one day."""

    @jobs.handler(VERIFY)
    async def verify(job: Job) -> None:
        await payments.asking.take_look(job.read(PaymentJob))

    @jobs.handler(EXPIRE)
    async def expire(job: Job) -> None:
        given = job.read(PaymentJob)
        await payments.expire(given.cafe_id, given.payment_id)

    @jobs.handler(SUPERSEDED)
    async def give_up(job: Job) -> None:
        given = job.read(PaymentJob)
        await payments.asking.give_up_superseded(given.cafe_id, given.payment_id)

    @jobs.handler(SETTLE)
    async def settle(job: Job) -> None:
        await refunds.take_turn(job.read(RefundJob))
