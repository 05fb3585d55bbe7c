"""The provider's API, as merchants call it (contract section 5), and what every route here shares."""

import asyncio
import logging
from http import HTTPStatus
from typing import Any, NoReturn, TypeAlias, TypeVar

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.params import FromPath

from tabletap.kernel.errors import InvalidRequest, Refusal
from tabletap.sandbox.errors import UnknownMerchant
from tabletap.sandbox.faults import Call, Fault
from tabletap.sandbox.model import (
    Dispute,
    DisputeStatus,
    Payment,
    Refund,
    SandboxAccount,
    StartPayment,
    StartRefund,
    Status,
    rfc3339,
)
from tabletap.sandbox.service import Sandbox

_log = logging.getLogger(__name__)
_S = TypeVar("_S", bound=msgspec.Struct)

DROP_EXTENSION = "tabletap.drop_connection"
"""ASGI extension of our own server: a function that ends the connection without an answer."""

WebRequest: TypeAlias = Request[Any, Any, State]


class DisputeView(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A dispute, as the payment's answer shows it."""

    id: str
    amount: int
    status: DisputeStatus
    reason: str
    opened_at: str
    closed_at: str | None = None


class PaymentView(msgspec.Struct, frozen=True, rename="camel"):
    """A payment, as every answer shows it. `liveMode` is always false: no real money moves here."""

    id: str
    reference: str
    status: Status
    amount: int
    currency: str
    redirect_url: str
    expires_at: str
    disputes: list[DisputeView]
    live_mode: bool = False


class RefundView(msgspec.Struct, frozen=True):
    """A refund, as every answer shows it."""

    id: str
    reference: str
    status: Status


class PaymentList(msgspec.Struct, frozen=True):
    """The answer to GET /payments?reference=: every payment under it, oldest first, an empty list for none."""

    items: list[PaymentView]


class RefundList(msgspec.Struct, frozen=True):
    """The answer to GET /payments/{id}/refunds: oldest first, an empty list for none."""

    items: list[RefundView]


class Problem(msgspec.Struct, frozen=True):
    """Every answer that is not 2xx: a stable code and one sentence."""

    code: str
    message: str


class Health(msgspec.Struct, frozen=True):
    """The answer to GET /health."""

    status: str = "ok"


def sandbox_of(request: WebRequest) -> Sandbox:
    """The provider behind this request."""
    sandbox: Sandbox = request.app.state.sandbox
    return sandbox


def base_url(request: WebRequest) -> str:
    """Where this sandbox is reached, without a slash at the end."""
    return str(request.app.state.public_url or request.base_url).rstrip("/")


async def read(request: WebRequest, shape: type[_S]) -> _S:
    """The body in its shape. Raises InvalidRequest with one sentence that says what is wrong."""
    try:
        return msgspec.json.decode(await request.body(), type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"The body is not what this call needs: {error}.") from error


async def shown(request: WebRequest, payment: Payment) -> PaymentView:
    """A payment as the provider shows it."""
    disputes = await sandbox_of(request).disputes(payment.id)
    return PaymentView(
        id=payment.id,
        reference=payment.reference,
        status=payment.status,
        amount=payment.amount,
        currency=payment.currency,
        redirect_url=f"{base_url(request)}/pay/{payment.id}",
        expires_at=rfc3339(payment.expires_at_ms),
        disputes=[_view_dispute(dispute) for dispute in disputes],
    )


def _view_dispute(dispute: Dispute) -> DisputeView:
    return DisputeView(
        id=dispute.id,
        amount=dispute.amount,
        status=dispute.status,
        reason=dispute.reason,
        opened_at=rfc3339(dispute.opened_at_ms),
        closed_at=None if dispute.closed_at_ms is None else rfc3339(dispute.closed_at_ms),
    )


def _view_refund(refund: Refund) -> RefundView:
    return RefundView(id=refund.id, reference=refund.reference, status=refund.status)


def _signed_in(request: WebRequest) -> SandboxAccount:
    scheme, _, api_key = request.headers.get("Authorization", "").partition(" ")
    merchant_id = request.headers.get("X-Merchant-ID")
    if scheme.lower() != "bearer" or not merchant_id:
        raise UnknownMerchant
    return sandbox_of(request).sign_in(merchant_id, api_key.strip())


def _key(request: WebRequest) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise InvalidRequest("An Idempotency-Key has 1 to 255 printable characters.")
    return key


# --- faults of calls


class Spoilt(Exception):
    """This call met a fault: whoever made it learns nothing of what happened."""


async def _spoil_before(request: WebRequest, call: Call) -> Fault | None:
    """The fault that is armed for this call; raises Spoilt where nothing is to happen."""
    fault = sandbox_of(request).faults.take_for(call)
    if fault is Fault.TIMEOUT_BEFORE:
        await _lose_answer(request)
    if fault is Fault.ERROR_500:
        raise Spoilt
    return fault


async def _spoil_after(request: WebRequest, fault: Fault | None) -> None:
    """Delay the answer, or lose it, after the work was done."""
    if fault is Fault.SLOW:
        await _hold(request, sandbox_of(request).timing.slow_ms)
    elif fault is Fault.TIMEOUT_AFTER:
        await _lose_answer(request)


async def _lose_answer(request: WebRequest) -> NoReturn:
    """Keep the caller waiting for a while, then end the connection without a word."""
    await _hold(request, sandbox_of(request).timing.hold_ms)
    drop = (request.scope.get("extensions") or {}).get(DROP_EXTENSION, {}).get("drop")
    if callable(drop):
        drop()
        await _gone(request)  # what is answered after this goes nowhere
    raise Spoilt


async def _hold(request: WebRequest, at_most_ms: int) -> None:
    """Wait until the time is over, the caller has given up or the sandbox closes."""
    waits = [asyncio.create_task(_gone(request)), asyncio.create_task(sandbox_of(request).closing.wait())]
    await asyncio.wait(waits, timeout=at_most_ms / 1000, return_when=asyncio.FIRST_COMPLETED)
    for task in waits:
        task.cancel()


async def _gone(request: WebRequest) -> bool:
    """Wait until the caller's connection has ended."""
    while (await request.receive())["type"] != "http.disconnect":
        continue
    return True


def problem(status: int, code: str, message: str) -> Response[Problem]:
    """An answer that says what went wrong, in one sentence."""
    return Response(Problem(code, message), status_code=status)


def answer_exception(_request: WebRequest, error: Exception) -> Response[Problem]:
    """The answer to anything raised in a route."""
    if isinstance(error, Spoilt):
        return problem(500, "sandbox_fault", "The provider failed, as it was told to.")
    if isinstance(error, Refusal):
        return problem(error.kind.value, error.code, error.detail)
    if isinstance(error, HTTPException):
        sentence = HTTPStatus(error.status_code).description or HTTPStatus(error.status_code).phrase
        return problem(error.status_code, "sandbox_refused", f"{sentence}.")
    _log.error("the sandbox failed", exc_info=error)
    return problem(500, "sandbox_failed", "The sandbox itself failed; its log says why.")


# --- routes


@post("/payments", status_code=201)
async def start_payment(request: WebRequest) -> PaymentView:
    """Start a payment; the guest approves it at its redirectUrl. The same Idempotency-Key gives the same payment.

    With the fault timeout_after its money is taken at once, guest or not, and the answer is lost.
    """
    account, body, key = _signed_in(request), await read(request, StartPayment), _key(request)
    fault = await _spoil_before(request, Call.START)
    payment = await sandbox_of(request).start(account, body, key, charge=fault is Fault.TIMEOUT_AFTER)
    await _spoil_after(request, fault)
    return await shown(request, payment)


@get("/payments")
async def find_payments(request: WebRequest) -> PaymentList:
    """The payments under ?reference=, `{"items": [...]}`, oldest first. Several keys may have made several."""
    account = _signed_in(request)
    reference = request.query_params.get("reference")
    if not reference:
        raise InvalidRequest("Say which payments with ?reference=.")
    fault = await _spoil_before(request, Call.QUERY)
    found = await sandbox_of(request).payments_by_reference(account, reference)
    await _spoil_after(request, fault)
    return PaymentList([await shown(request, payment) for payment in found])


@get("/payments/{payment_id:str}")
async def get_payment(request: WebRequest, payment_id: FromPath[str]) -> PaymentView:
    """One payment as it stands now."""
    account = _signed_in(request)
    fault = await _spoil_before(request, Call.QUERY)
    payment = await sandbox_of(request).payment(payment_id, account.merchant_id)
    await _spoil_after(request, fault)
    return await shown(request, payment)


@post("/payments/{payment_id:str}/refunds", status_code=201)
async def refund_payment(request: WebRequest, payment_id: FromPath[str]) -> RefundView:
    """Give money back, in parts or all, never more than was charged. Same Idempotency-Key, same refund."""
    account, body, key = _signed_in(request), await read(request, StartRefund), _key(request)
    fault = await _spoil_before(request, Call.REFUND)
    refund = await sandbox_of(request).refund(account, payment_id, body, key)
    await _spoil_after(request, fault)
    return _view_refund(refund)


@get("/payments/{payment_id:str}/refunds")
async def find_refunds(request: WebRequest, payment_id: FromPath[str]) -> RefundList:
    """The refunds of a payment, `{"items": [...]}`, oldest first; those under one reference with ?reference=."""
    account = _signed_in(request)
    fault = await _spoil_before(request, Call.QUERY)
    found = await sandbox_of(request).refunds(account, payment_id, request.query_params.get("reference"))
    await _spoil_after(request, fault)
    return RefundList([_view_refund(refund) for refund in found])


@post("/payments/{payment_id:str}/cancel", status_code=200)
async def cancel_payment(request: WebRequest, payment_id: FromPath[str]) -> PaymentView:
    """End a payment that nobody paid; 409 when its money was taken. Safe to repeat."""
    account = _signed_in(request)
    fault = await _spoil_before(request, Call.CANCEL)
    payment = await sandbox_of(request).cancel(account, payment_id)
    await _spoil_after(request, fault)
    return await shown(request, payment)


@get("/health")
async def health() -> Health:
    """Whether the sandbox answers."""
    return Health()


provider_routes = Router(
    "/",
    route_handlers=[
        start_payment,
        find_payments,
        get_payment,
        refund_payment,
        find_refunds,
        cancel_payment,
        health,
    ],
)
