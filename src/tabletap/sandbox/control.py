"""The control API: what a guest would do, faults on purpose, and what was really charged (contract section 6)."""

from typing import Literal

import msgspec
from litestar import Router, delete, get, post
from litestar.params import FromPath

from tabletap.sandbox.faults import ArmFault, Chaos
from tabletap.sandbox.http import PaymentView, WebRequest, read, sandbox_of, shown
from tabletap.sandbox.model import Amount, Mode, Notice, Payment, SandboxAccount, Status, Text
from tabletap.sandbox.webhooks import Sender


class ChangeMode(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The body of POST {control}/mode; what is left out stays as it is."""

    auto_approve: bool | msgspec.UnsetType = msgspec.UNSET
    webhooks: bool | msgspec.UnsetType = msgspec.UNSET


class Redeliver(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The body of POST {control}/webhooks/redeliver."""

    payment_id: Text


class OpenDispute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST {control}/payments/{id}/dispute; without an amount all that is left is disputed."""

    amount: Amount | None = None
    reason: Text = "fraudulent"


class CloseDispute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST {control}/payments/{id}/dispute/close."""

    outcome: Literal["won", "lost"]


class Charge(msgspec.Struct, frozen=True):
    """Money really taken: `amount` charged, of which `refunded` went back and `disputed` is held back or lost."""

    id: str
    reference: str
    amount: int
    currency: str
    refunded: int
    disputed: int
    status: Status


class FaultList(msgspec.Struct, frozen=True):
    """What is armed at present."""

    items: list[ArmFault]


class Redelivery(msgspec.Struct, frozen=True, rename="camel"):
    """One notice sent again and the status it met, null where nobody answered."""

    event_id: str
    event_type: str
    answer: int | None


class RedeliveryList(msgspec.Struct, frozen=True):
    """The answer to POST {control}/webhooks/redeliver."""

    items: list[Redelivery]


class GivenUp(msgspec.Struct, frozen=True, rename="camel"):
    """A callback that was tried for a day and never accepted."""

    event_id: str
    event_type: str
    payment_id: str
    attempts: int


class GivenUpList(msgspec.Struct, frozen=True):
    """The answer to GET {control}/webhooks/given-up."""

    items: list[GivenUp]


def _given_up(notice: Notice) -> GivenUp:
    return GivenUp(notice.event_id, notice.event_type, notice.payment_id, notice.attempts)


class AccountView(msgspec.Struct, frozen=True, rename="camel"):
    """An account, without its secrets."""

    merchant_id: str


def _charge(payment: Payment) -> Charge:
    return Charge(
        payment.id, payment.reference, payment.amount, payment.currency, payment.refunded, payment.disputed,
        payment.status,
    )  # fmt: skip


@post("/payments/{payment_id:str}/approve", status_code=200)
async def approve(request: WebRequest, payment_id: FromPath[str]) -> PaymentView:
    """Pay as the guest would. The id may also be the merchant's reference. Safe to repeat; 409 once it is too late."""
    return await shown(request, await sandbox_of(request).approve(payment_id))


@post("/payments/{payment_id:str}/decline", status_code=200)
async def decline(request: WebRequest, payment_id: FromPath[str]) -> PaymentView:
    """Let the payment fail as the guest's bank would. Safe to repeat; 409 once the money was taken."""
    return await shown(request, await sandbox_of(request).decline(payment_id))


@post("/payments/{payment_id:str}/dispute", status_code=200)
async def dispute(request: WebRequest, payment_id: FromPath[str]) -> PaymentView:
    """Dispute (part of) a charge as the guest's bank would: `{amount?, reason?}`. The merchant is told."""
    body = await read(request, OpenDispute)
    return await shown(request, await sandbox_of(request).dispute(payment_id, body.amount, body.reason))


@post("/payments/{payment_id:str}/dispute/close", status_code=200)
async def close_dispute(request: WebRequest, payment_id: FromPath[str]) -> PaymentView:
    """Decide the oldest open dispute: `{outcome: won|lost}`. 409 when none is open."""
    body = await read(request, CloseDispute)
    return await shown(request, await sandbox_of(request).close_dispute(payment_id, won=body.outcome == "won"))


@get("/mode")
async def get_mode(request: WebRequest) -> Mode:
    """How payments and callbacks go at present."""
    return await sandbox_of(request).mode()


@post("/mode", status_code=200)
async def set_mode(request: WebRequest) -> Mode:
    """Pay without a guest; send no callbacks. Kept over restarts."""
    change = await read(request, ChangeMode)
    before = await sandbox_of(request).mode()
    after = Mode(
        auto_approve=before.auto_approve if change.auto_approve is msgspec.UNSET else change.auto_approve,
        webhooks=before.webhooks if change.webhooks is msgspec.UNSET else change.webhooks,
    )
    await sandbox_of(request).put_mode(after)
    return after


@get("/faults")
async def get_faults(request: WebRequest) -> FaultList:
    """What is armed at present."""
    return FaultList(sandbox_of(request).faults.armed())


@post("/faults", status_code=200)
async def arm_fault(request: WebRequest) -> FaultList:
    """Let the next calls or callbacks go wrong: `{fault, times?, on?}`."""
    faults = sandbox_of(request).faults
    faults.arm(await read(request, ArmFault))
    return FaultList(faults.armed())


@delete("/faults", status_code=200)
async def clear_faults(request: WebRequest) -> FaultList:
    """No faults any more."""
    sandbox_of(request).faults.clear()
    return FaultList([])


@get("/chaos")
async def get_chaos(request: WebRequest) -> Chaos | None:
    """The random mode, null while it is off."""
    return sandbox_of(request).faults.chaos


@post("/chaos", status_code=200)
async def set_chaos(request: WebRequest) -> Chaos:
    """Draw faults at random from now on: `{seed, rate?, faults?}`. The same seed and calls meet the same faults."""
    chaos = await read(request, Chaos)
    sandbox_of(request).faults.set_chaos(chaos)
    return chaos


@delete("/chaos", status_code=200)
async def end_chaos(request: WebRequest) -> Chaos | None:
    """No more faults at random; answers null."""
    sandbox_of(request).faults.set_chaos(None)
    return None


@get("/webhooks/given-up")
async def given_up(request: WebRequest) -> GivenUpList:
    """The callbacks that were never accepted and are no longer tried, oldest first."""
    return GivenUpList([_given_up(notice) for notice in await sandbox_of(request).given_up()])


@get("/charges")
async def charges(request: WebRequest) -> list[Charge]:
    """What was really charged and refunded, oldest first. Payments that took no money are not among them."""
    return [_charge(payment) for payment in await sandbox_of(request).charges()]


@post("/webhooks/redeliver", status_code=200)
async def redeliver(request: WebRequest) -> RedeliveryList:
    """Send every callback about a payment again, the same bytes, also those that were dropped or held back.

    Answers when the merchant has answered. The id may also be the merchant's reference.
    """
    body = await read(request, Redeliver)
    payment = await sandbox_of(request).known_payment(body.payment_id)
    sender: Sender = request.app.state.sender
    sent = await sender.redeliver(payment.id)
    return RedeliveryList([Redelivery(notice.event_id, notice.event_type, status) for notice, status in sent])


@post("/accounts", status_code=201)
async def put_account(request: WebRequest) -> AccountView:
    """Add a merchant's account, or change its key and secret: `{merchantId, apiKey, webhookSecret}`."""
    account = await read(request, SandboxAccount)
    await sandbox_of(request).put_account(account)
    return AccountView(account.merchant_id)


control_routes = Router(
    "/control",
    route_handlers=[
        approve,
        decline,
        get_mode,
        set_mode,
        get_faults,
        arm_fault,
        clear_faults,
        dispute,
        close_dispute,
        get_chaos,
        set_chaos,
        end_chaos,
        given_up,
        charges,
        redeliver,
        put_account,
    ],
)
