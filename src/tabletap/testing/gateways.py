"""The conformance kit for payment gateways: what TableTap relies on, as a suite to run against one's own.

```python
from contextlib import asynccontextmanager
from tabletap.testing.gateways import GatewayConformance


class TestPebblePay(GatewayConformance):
    factory = PebblePayGateway

    @asynccontextmanager
    async def provider(self):
        async with PebbleSimulator() as simulator:  # what ProviderUnderTest asks for
            yield simulator
```

Run it with pytest and pytest-asyncio in mode `auto`; `docs/guides/add-a-gateway.md` walks through it.
"""

from tabletap.testing.asking import Asking, GivingUp, Starting
from tabletap.testing.basics import GatewayBasics
from tabletap.testing.giving_back import GivingBack
from tabletap.testing.notices import KeepingSecrets, Telling
from tabletap.testing.provider import (
    GIVES_UP_AFTER_SECONDS,
    Call,
    Charge,
    ProviderUnderTest,
    Trouble,
    context_for,
    payment_by,
    refund_of,
)

__all__ = [
    "GIVES_UP_AFTER_SECONDS",
    "Call",
    "Charge",
    "GatewayConformance",
    "LocalGatewayConformance",
    "ProviderUnderTest",
    "Trouble",
    "context_for",
    "payment_by",
    "refund_of",
]


class GatewayConformance(Starting, Asking, GivingUp, GivingBack, Telling, KeepingSecrets):
    """Everything that TableTap relies on in a gateway that asks a provider. Subclass it as `Test…`.

    Set `partial_refunds` or `notices` to False where the provider does not have them.
    """


class LocalGatewayConformance(GatewayBasics):
    """What applies to a gateway that asks nobody: cash, credit, a transfer that people confirm."""

    async def test_it_asks_nobody(self) -> None:
        """So it needs no account, and no schedule asks it."""
        async with self.alone() as gateway:
            assert not gateway.at_provider

    async def test_a_payment_stands_as_it_stands(self) -> None:
        """Only people move it: whoever asks hears what is known."""
        async with self.alone() as gateway:
            payment = payment_by(gateway, None, currency=self.currency)
            answers = [await gateway.start(payment, None), await gateway.check(payment)]
            assert [answer.state for answer in answers] == ["pending", "pending"], f"{answers}"

    async def test_nobody_can_object_to_its_end(self) -> None:
        """Cancelling and giving back are done with the booking."""
        async with self.alone() as gateway:
            payment = payment_by(gateway, None, currency=self.currency)
            refund = refund_of(payment, payment.total_minor)
            assert (await gateway.cancel(payment)).state == "cancelled"
            answers = [await gateway.refund(payment, refund), await gateway.check_refund(payment, refund)]
            assert [answer.status for answer in answers] == ["completed", "completed"], f"{answers}"
