"""Cafes in other countries, transfers that wait to be made, and what everybody was told of them."""

from typing import Any

import msgspec

from tabletap.cafes.menu_file import parse_menu
from tabletap.cafes.model import ChangeSettings
from tabletap.identity.model import CreateCustomer
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Role, system
from tabletap.qr.model import BankDetails
from tests.support.world import MENU, Answer, World


class Abroad(msgspec.Struct, frozen=True):
    """A cafe with another currency than the world's, and a guest in it."""

    world: World
    token: str
    menu_item_id: str

    async def transfer(self) -> dict[str, Any]:
        """A guest's payment that waits for a transfer."""
        order = await self.world.call(
            "POST", "/orders", self.token, {"items": [{"menuItemId": self.menu_item_id, "quantity": 1}]}
        )
        assert order.status == 201, order
        answer = await self.world.pay(order.body, "qr_bank_transfer", self.token)
        assert answer.status == 201, answer
        payment: dict[str, Any] = answer.body
        return payment

    async def picture(self, path: str) -> bytes:
        """An image below /api/v1."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.world.session.get(f"{self.world.url}{path}", headers=headers) as response:
            assert response.status == 200
            return await response.read()


async def cafe_abroad(world: World, currency: str, time_zone: str, details: BankDetails) -> Abroad:
    """A cafe in another country that takes transfers."""
    services = world.app.services
    cafe = await services.cafes.create(f"Cafe in {currency}", currency, time_zone)
    by = system(cafe.cafe_id)
    wanted = {"bankDetails": msgspec.to_builtins(details)}
    await services.cafes.change_settings(msgspec.convert(wanted, ChangeSettings), by)
    await services.cafes.replace_menu(parse_menu("menu.csv", MENU, currency), by)
    menu = await services.cafes.menu(cafe.cafe_id)
    guest = await services.identity.create_customer(CreateCustomer(name="Guest"), by)
    roles = frozenset({Role.CUSTOMER})
    token = services.tokens.issue(cafe_id=cafe.cafe_id, person_id=guest.id, roles=roles)
    [flat_white] = [item for part in menu.categories for item in part.items if item.name == "Flat white"]
    return Abroad(world, token, flat_white.id)


async def transfer_at_home(world: World, **more: Any) -> dict[str, Any]:
    """A customer's payment of a flat white (4.80) that waits for a transfer."""
    answer = await world.pay(await world.order(), "qr_bank_transfer", **more)
    assert answer.status == 201, answer
    payment: dict[str, Any] = answer.body
    return payment


async def confirm(world: World, payment: dict[str, Any], amount: int) -> Answer:
    """The counter sees so much of it on the account."""
    path = f"/qr-payments/{payment['qr']['qrPaymentId']}/confirm"
    body = {"amount": amount, "acceptDifference": amount != payment["totalAmount"]}
    return await world.call("POST", path, "counter", body, key=new_id())
