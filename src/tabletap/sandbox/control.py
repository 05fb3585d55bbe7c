"""The control API: what a guest would do, faults on purpose, and what was really charged (contract section 6)."""

import msgspec
from litestar import Router, delete, get, post
from litestar.params import FromPath

from tabletap.sandbox.faults import ArmFault
from tabletap.sandbox.http import PaymentView, WebRequest, base_url, read, sandbox_of, view
from tabletap.sandbox.model import Mode, Payment, SandboxAccount, Status, Text
from tabletap.sandbox.webhooks import Sender


class ChangeMode(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The body of POST {control}/mode; what is left out stays as it is."""

    auto_approve: bool | msgspec.UnsetType = msgspec.UNSET
    webhooks: bool | msgspec.UnsetType = msgspec.UNSET


class Redeliver(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The body of POST {control}/webhooks/redeliver."""

    payment_id: Text


class Charge(msgspec.Struct, frozen=True):
    """Money really taken: `amount` charged, of which `refunded` went back."""

    id: str
    reference: str
    amount: int
    currency: str
    refunded: int
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


class AccountView(msgspec.Struct, frozen=True, rename="camel"):
    """An account, without its secrets."""

    merchant_id: str


def _charge(payment: Payment) -> Charge:
    return Charge(payment.id, payment.reference, payment.amount, payment.currency, payment.refunded, payment.status)


@post("/payments/{payment_id:str}/approve", status_code=200)
async def approve(request: WebRequest, payment_id: FromPath[str]) -> PaymentView:
    """Pay as the guest would. The id may also be the merchant's reference. Safe to repeat; 409 once it is too late."""
    return view(await sandbox_of(request).approve(payment_id), base_url(request))


@post("/payments/{payment_id:str}/decline", status_code=200)
async def decline(request: WebRequest, payment_id: FromPath[str]) -> PaymentView:
    """Let the payment fail as the guest's bank would. Safe to repeat; 409 once the money was taken."""
    return view(await sandbox_of(request).decline(payment_id), base_url(request))


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
        charges,
        redeliver,
        put_account,
    ],
)
