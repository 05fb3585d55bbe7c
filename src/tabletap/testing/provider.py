"""What the gateway suites need of a provider's simulator, and the payments they try it with."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

import msgspec

from tabletap.kernel.ids import Id, new_id
from tabletap.payments.accounts.model import ProviderAccount
from tabletap.payments.gateways.gateway import Gateway, GatewayContext
from tabletap.payments.model import Answer, Payment, Refund

Call = Literal["start", "ask", "cancel", "refund"]
"""The calls of a provider that go wrong apart from each other; "ask" is every question how something stands."""
Trouble = Literal["unheard", "lost", "broken", "hanging"]
"""`unheard`: nothing is done, the connection ends without an answer. `lost`: done, but the connection ends without an
answer. `broken`: nothing is done, and the answer is an error of the provider's own (a 500, say). `hanging`: the answer
comes after more than GIVES_UP_AFTER_SECONDS."""
GIVES_UP_AFTER_SECONDS = 1
"""How long the gateways under test wait for an answer."""
PUBLIC_URL = "https://cafe.example"
RETURN_URL = f"{PUBLIC_URL}/back"


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """What the simulator really took from a guest, under our reference, and what it sent back of that."""

    reference: str
    amount_minor: int
    currency: str
    refunded_minor: int = 0


class ProviderUnderTest(Protocol):
    """A provider's simulator that listens at `account.api_url`. References are the ids of our payments."""

    account: ProviderAccount
    """The account that the gateway is given: the simulator knows its keys."""

    async def approve(self, reference: Id) -> None:
        """The guest pays. What is paid already stays as it is; what was cancelled stays unpaid, without an error."""
        ...

    async def decline(self, reference: Id) -> None:
        """The guest, or their bank, says no."""
        ...

    async def approve_wrongly(self, reference: Id, what: Literal["amount", "currency"]) -> None:
        """The guest pays, but another amount or another currency, and the provider says so when it is asked."""
        ...

    async def trouble(self, call: Call, trouble: Trouble) -> None:
        """The next such call goes wrong."""
        ...

    async def charges(self) -> Sequence[Charge]:
        """Everything it took, its wrongs included; nothing for what nobody paid."""
        ...

    async def leave(self) -> None:
        """Nobody listens at its address any more: connections are refused. Safe to repeat."""
        ...

    def notice(self, payment: Payment, refund: Refund | None = None) -> bytes:
        """The body of a notice that a payment was paid, or that a refund of it was made."""
        ...

    def signed(self, raw: bytes, secret: str) -> Mapping[str, str]:
        """The headers, names in lower case, that this body is sent with. With another secret the signature differs."""
        ...


def context_for(account: ProviderAccount | None) -> GatewayContext:
    """What a gateway is made with: every cafe has this account, and nobody waits long for an answer."""

    async def find(_cafe_id: Id, _provider: str) -> ProviderAccount | None:
        return account

    return GatewayContext(PUBLIC_URL, find, GIVES_UP_AFTER_SECONDS)


def payment_by(
    gateway: Gateway,
    account: ProviderAccount | None,
    *,
    currency: str,
    amount_minor: int = 480,
    tip_minor: int = 48,
    method: str | None = None,
) -> Payment:
    """A new payment, as a gateway sees it when it is about to be started."""
    chosen = method or next(iter(gateway.methods))
    now, open_for = datetime.now(UTC), gateway.methods[chosen]
    return Payment(
        cafe_id=account.cafe_id if account else new_id(),
        id=new_id(),
        order_id=new_id(),
        customer_id=new_id(),
        staff_id=None,
        split_id=None,
        amount_minor=amount_minor,
        tip_minor=tip_minor,
        currency=currency,
        method=chosen,
        state="pending",
        needs_review=False,
        external_transaction_id=None,
        gateway_payment_id=None,
        redirect_url=None,
        refunded_minor=0,
        refund_pending_minor=0,
        metadata={"caller": "says"},
        mode=account.mode if account else "test",
        initiated_by=new_id(),
        address=None,
        user_agent=None,
        check_count=0,
        version=1,
        initiated_at=now,
        expires_at=now + (open_for or timedelta(days=1)),
        completed_at=None,
        failed_at=None,
        updated_at=now,
        provider_account_id=account.id if account else None,
    )


def refund_of(payment: Payment, amount_minor: int) -> Refund:
    """A new refund of a payment, reserved and about to be asked for."""
    now = datetime.now(UTC)
    return Refund(
        cafe_id=payment.cafe_id,
        id=new_id(),
        payment_id=payment.id,
        order_id=payment.order_id,
        amount_minor=amount_minor,
        original_minor=payment.total_minor,
        destination="original",
        reason="The guest changed their mind",
        status="pending",
        staff_id=new_id(),
        external_refund_id=None,
        check_count=0,
        version=1,
        created_at=now,
        processed_at=None,
        updated_at=now,
    )


def after(payment: Payment, answer: Answer) -> Payment:
    """The payment as TableTap keeps it after an answer: what was learnt, and the state if it is known."""
    return msgspec.structs.replace(
        payment,
        state=answer.state or "processing",
        gateway_payment_id=answer.gateway_payment_id or payment.gateway_payment_id,
        external_transaction_id=answer.external_transaction_id or payment.external_transaction_id,
    )
