"""What every gateway keeps to, whoever it asks: its name, its methods, its end. The suites build on it."""

import re
from abc import ABC
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.metadata import entry_points

from tabletap.payments.gateways.gateway import ENTRY_POINTS, Gateway, GatewayContext
from tabletap.testing.provider import context_for, payment_by

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LONGEST = timedelta(days=31)


class GatewayBasics(ABC):
    """Subclass it as `TestMyGateway` in a file of pytest and say what `factory` makes the gateway.

    The test methods are coroutines and need nothing but a plug-in that runs those (pytest-asyncio, mode `auto`).
    """

    factory: Callable[[GatewayContext], Gateway]
    """The gateway's class, or whatever else the entry point names."""
    entry_point: str | None = None
    """Its name in the group `tabletap.gateways`; None: the same as the gateway's."""
    currency: str = "AUD"
    """One that the provider takes."""

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[Gateway]:
        """The gateway without a provider."""
        gateway = type(self).factory(context_for(None))
        try:
            yield gateway
        finally:
            await gateway.close()

    async def test_its_name_is_fit_for_addresses_and_accounts(self) -> None:
        """The name stands in the webhook address and in the provider account: lower case, digits, underscores."""
        async with self.alone() as gateway:
            assert _NAME.fullmatch(gateway.name), f"{gateway.name!r} is no name like `pebble_pay`"

    async def test_it_offers_methods_that_stay_open_for_a_sane_time(self) -> None:
        """Each method is a name of its own and has an end; only what people complete by hand may stay open for ever."""
        async with self.alone() as gateway:
            assert gateway.methods, "a gateway without a method is of no use"
            for method, open_for in gateway.methods.items():
                assert _NAME.fullmatch(method), f"{method!r} is no name like `pebble_pay`"
                if open_for is None:
                    assert not gateway.at_provider, f"{method} would keep a bill reserved for ever"
                else:
                    assert timedelta() < open_for <= _LONGEST, f"{method} stays open for {open_for}"

    async def test_the_money_arrives_in_a_ledger_account_with_a_name(self) -> None:
        """At a provider it is `provider:{account}`: what the provider owes the cafe until it pays out."""
        async with self.alone() as gateway:
            payment = payment_by(gateway, None, currency=self.currency)
            account = gateway.account(payment)
            assert account, "a payment's money has to arrive somewhere"
            assert account.startswith("provider:") == gateway.at_provider, f"{account!r} is not where it arrives"

    async def test_it_can_be_closed_twice_and_before_it_was_used(self) -> None:
        """A server that stops closes what it has; so does one that never took a payment."""
        async with self.alone() as gateway:
            await gateway.close()
            await gateway.close()

    async def test_an_installed_package_names_it(self) -> None:
        """The entry point is how TableTap finds it: install your package before you run this."""
        async with self.alone() as gateway:
            name = self.entry_point or gateway.name
            found = [point for point in entry_points(group=ENTRY_POINTS) if point.name == name]
            assert len(found) == 1, f"{len(found)} installed packages name {name!r} in the group {ENTRY_POINTS!r}"
            made = found[0].load()(context_for(None))
            await made.close()
            assert (made.name, dict(made.methods)) == (gateway.name, dict(gateway.methods)), "it names another gateway"
