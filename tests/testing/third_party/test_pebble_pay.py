"""Pebble Pay keeps to what TableTap relies on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pebble_pay import PebblePayGateway
from pebble_simulator import PebbleSimulator, pebble_simulator

from tabletap.testing.gateways import GatewayConformance


class TestPebblePay(GatewayConformance):
    """Every rule of the kit."""

    factory = PebblePayGateway

    @asynccontextmanager
    async def provider(self) -> AsyncIterator[PebbleSimulator]:
        """A fresh simulator."""
        async with pebble_simulator() as simulator:
            yield simulator
