"""What a way to be paid has to offer, and how the ways are found."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from importlib.metadata import entry_points
from typing import Protocol, runtime_checkable

import msgspec

from tabletap.infra.db.transaction import Transaction
from tabletap.kernel.ids import Id
from tabletap.payments.accounts.model import ProviderAccount
from tabletap.payments.errors import MethodNotOffered
from tabletap.payments.model import Answer, Payment, Refund, RefundAnswer

ENTRY_POINTS = "tabletap.gateways"
"""A package adds a gateway by naming a `Callable[[GatewayContext], Gateway]` in this entry-point group."""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's call to us, verified. It says where to look, never what to believe."""

    dedupe_id: str
    event_type: str
    reference: Id | None
    refund_reference: Id | None = None


class GatewayContext(msgspec.Struct, frozen=True):
    """What a gateway is made with."""

    public_url: str
    """Where guests and providers reach us."""
    find_account: Callable[[Id, str], Awaitable[ProviderAccount | None]]
    """A cafe's account at the provider of that name."""
    timeout_seconds: int = 30


class Gateway(Protocol):
    """One way to be paid. `start`, `check`, `refund` and `cancel` may take their time and never run in a transaction.

    They raise nothing for a provider's trouble: an Answer without a state says that the outcome is unknown.
    Every call carries a key made of our own ids, so asking twice is one effect at the provider.
    """

    name: str
    methods: Mapping[str, timedelta | None]
    """The methods it serves and how long a payment stays open; None for ever."""
    at_provider: bool
    """Whether somebody outside is asked, through the cafe's account there."""

    async def close(self) -> None:
        """Close what it keeps open; safe to repeat."""
        ...

    async def open(self, tx: Transaction, payment: Payment) -> Answer | None:
        """Do what belongs into the payment's own transaction. None: the provider has to be asked (`start`)."""
        ...

    def account(self, payment: Payment) -> str:
        """The ledger account that the money arrives in."""
        ...

    async def start(self, payment: Payment, return_url: str | None) -> Answer:
        """Ask the provider to take the payment."""
        ...

    async def check(self, payment: Payment) -> Answer:
        """Ask the provider by our reference how it stands."""
        ...

    async def cancel(self, payment: Payment) -> Answer:
        """Ask the provider to give it up; the answer says how it stands then."""
        ...

    async def refund(self, payment: Payment, refund: Refund) -> RefundAnswer:
        """Ask the provider to send money back."""
        ...

    async def check_refund(self, payment: Payment, refund: Refund) -> RefundAnswer:
        """Ask the provider by our reference how a refund stands."""
        ...


@runtime_checkable
class NoticedGateway(Gateway, Protocol):
    """A gateway whose provider calls us."""

    def read_notice(self, headers: Mapping[str, str], raw: bytes, account: ProviderAccount) -> Notice:
        """Verify the signature over the raw bytes first, parse after. Raises WebhookSignatureInvalid."""
        ...


def found_gateways(context: GatewayContext) -> "Gateways":
    """Every gateway that an installed package offers, ours among them."""
    return Gateways(point.load()(context) for point in entry_points(group=ENTRY_POINTS))


class Gateways:
    """The dict of method → gateway (the seed's PaymentGatewayFactory)."""

    def __init__(self, gateways: Iterable[Gateway]) -> None:
        self._by_method: dict[str, Gateway] = {}
        self._by_name: dict[str, Gateway] = {}
        for gateway in gateways:
            self._by_name[gateway.name] = gateway
            for method in gateway.methods:
                if method in self._by_method:
                    raise ValueError(f"two gateways offer {method}")
                self._by_method[method] = gateway

    @property
    def methods(self) -> list[str]:
        """Every method on offer."""
        return list(self._by_method)

    def noticed_by(self, provider: str) -> NoticedGateway | None:
        """The gateway that reads a provider's notices."""
        gateway = self._by_name.get(provider)
        return gateway if isinstance(gateway, NoticedGateway) else None

    def at_provider(self, name: str) -> bool:
        """Whether a gateway of that name asks a provider outside, through an account there."""
        return name in self._by_name and self._by_name[name].at_provider

    async def close(self) -> None:
        """Close what the gateways keep open."""
        for gateway in self._by_name.values():
            await gateway.close()

    def for_method(self, method: str) -> Gateway:
        """The gateway that serves a method. Raises MethodNotOffered."""
        try:
            return self._by_method[method]
        except KeyError:
            raise MethodNotOffered(f"{method[:40]!r} is not a payment method offered here.") from None
