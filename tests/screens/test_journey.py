"""Guests and a kitchen display on the real server: from the tap to the ticket and back, in real Chromium."""

import re

import pytest
from playwright.async_api import Browser, ViewportSize, expect

from tabletap.cafes.menu_file import parse_menu
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import system
from tests.screens.devices import (
    PHONE,
    TABLET,
    Device,
    bump,
    device,
    hire,
    let_undo_pass,
    open_kitchen,
    order_says,
    pay_by,
    payment_says,
    place_order,
    put_in_cart,
    scan,
    ticket,
)
from tests.support.world import MENU, World

pytestmark = pytest.mark.browser


async def test_from_the_tap_to_the_ticket_and_back(each_world: World, browser: Browser) -> None:
    world = each_world
    async with (
        device(browser, world.url, TABLET) as kitchen,
        device(browser, world.url, PHONE, friends=(world.sandbox.url,)) as guest,
    ):
        # given a kitchen that is open and a guest who orders at table 1
        await hire(world)
        await open_kitchen(kitchen)
        await scan(guest, world)
        await put_in_cart(guest, "Flat white", "oat", note="extra hot")
        await put_in_cart(guest, "Banana bread")
        await place_order(guest)

        # when the guest pays by card, with a tip, on the provider's page
        await pay_by(guest, "Card", tip="10%")
        await guest.button("Approve 12.87 AUD").click()

        # then it is paid, and the kitchen has the ticket without anybody asking
        await payment_says(guest, "Paid. Thank you!")
        await expect(ticket(kitchen, 1)).to_contain_text(
            re.compile(r"Table 1.*1 × Flat white.*\+ oat.*“extra hot”.*milk.*1 × Banana bread", re.DOTALL)
        )

        # and each bump shows on the guest's phone
        await bump(kitchen, 1)
        await let_undo_pass(kitchen)
        await order_says(guest, "The kitchen is preparing your order.")
        await bump(kitchen, 1)
        await let_undo_pass(kitchen)
        await order_says(guest, "Your order is ready!")
        await expect(kitchen.page.get_by_text("0 new · 0 cooking · 1 ready")).to_be_visible()

        # and nothing broke the content policy, came from elsewhere or was charged twice
        assert (guest.complaints, kitchen.complaints) == ([], [])
        assert [(charge["amount"], charge["status"]) for charge in await world.charges()] == [(1287, "succeeded")]


async def order_one_coffee(guest: Device, world: World) -> None:
    await scan(guest, world)
    await put_in_cart(guest, "Espresso")
    await place_order(guest)


@pytest.mark.parametrize("size", [PHONE, TABLET], ids=["phone", "tablet"])
async def test_a_bank_transfer_shows_its_code_and_reference_and_is_paid_once_staff_saw_the_money(
    world: World, browser: Browser, size: ViewportSize
) -> None:
    async with device(browser, world.url, size) as guest:
        await order_one_coffee(guest, world)
        await pay_by(guest, "Bank transfer by QR code")

        # then the code, and the same to read and to copy
        image = guest.page.get_by_role("img", name="QR code with the details of the bank transfer")
        await expect(image).to_be_visible()
        assert await image.evaluate("image => image.naturalWidth") > 0
        payment = (await world.call("GET", "/payments", "manager")).body["items"][0]
        qr = (await world.payment(payment["paymentId"]))["qr"]
        await expect(guest.page.locator(".transfer")).to_contain_text(qr["reference"])
        await expect(guest.page.locator(".transfer")).to_contain_text("062000")
        await guest.page.get_by_role("button", name="Copy: Reference").click()
        await expect(guest.page.locator("#announce")).to_have_text(re.compile("Reference copied"))

        # and when the counter saw the money, the guest sees that
        path = f"/qr-payments/{qr['qrPaymentId']}/confirm"
        assert (await world.call("POST", path, "counter", {"amount": 350}, key=new_id())).status == 200
        await payment_says(guest, "Paid. Thank you!")
        assert guest.complaints == []


async def test_cash_is_paid_at_the_counter_and_another_way_can_still_be_chosen(world: World, browser: Browser) -> None:
    async with device(browser, world.url, PHONE) as guest:
        await order_one_coffee(guest, world)
        await pay_by(guest, "Bank transfer by QR code")
        await guest.button("Pay another way").click()
        await pay_by(guest, "Cash at the counter")
        await payment_says(guest, "Please pay $3.50 at the counter")

        [cash] = [
            payment
            for payment in (await world.call("GET", "/payments", "manager")).body["items"]
            if payment["status"] == "pending"
        ]
        path = f"/payments/{cash['paymentId']}/cash"
        assert (await world.call("POST", path, "counter", {"received": 500}, key=new_id())).status == 200

        await payment_says(guest, "Paid. Thank you!")
        await order_says(guest, "The kitchen has your order.")
        assert guest.complaints == []


async def test_two_phones_share_a_bill_and_the_kitchen_waits_for_both(world: World, browser: Browser) -> None:
    async with (
        device(browser, world.url, PHONE, friends=(world.sandbox.url,)) as one,
        device(browser, world.url, PHONE, friends=(world.sandbox.url,)) as friend,
    ):
        # given a bill of 350 in two shares
        await order_one_coffee(one, world)
        await one.page.get_by_text("Split the bill equally").click()
        await one.button("Split into 2").click()
        await one.page.get_by_role("radio", name=re.compile("^Share 1")).check()

        # when the one pays their share
        await pay_by(one, "Card")
        await one.button("Approve 1.75 AUD").click()
        await payment_says(one, "Paid. Thank you!")
        await expect(one.page.get_by_text("$1.75 paid so far")).to_be_visible()

        # then the friend at the same table sees the order, and may pay only the other share
        await scan(friend, world)
        await friend.button("Order 1: Not paid yet").click()
        await friend.button("Pay now").click()
        await expect(friend.page.get_by_role("radio", name=re.compile("^Share 1.*paid"))).to_be_disabled()
        await friend.page.get_by_role("radio", name=re.compile("^Share 2")).check()
        await pay_by(friend, "Card")
        await friend.button("Approve 1.75 AUD").click()

        # and it is that order which both of them follow from now on
        for guest in (one, friend):
            await expect(guest.page.get_by_role("heading", name="Order 1")).to_be_visible()
            await order_says(guest, "The kitchen has your order.")
        assert (one.complaints, friend.complaints) == ([], [])
        assert [charge["amount"] for charge in await world.charges()] == [175, 175]


async def test_a_declined_card_is_said_in_one_sentence_and_can_be_paid_again(world: World, browser: Browser) -> None:
    async with device(browser, world.url, PHONE, friends=(world.sandbox.url,)) as guest:
        await order_one_coffee(guest, world)
        await pay_by(guest, "Card")
        await guest.button("Decline").click()

        await payment_says(guest, "The payment did not go through, and nothing was taken.")
        await guest.button("Pay now").click()
        await pay_by(guest, "Card")
        await guest.button("Approve").click()

        await payment_says(guest, "Paid. Thank you!")
        assert [charge["amount"] for charge in await world.charges() if charge["status"] == "succeeded"] == [350]


async def test_what_is_missing_or_too_much_is_said_before_anything_is_sent(world: World, browser: Browser) -> None:
    async with device(browser, world.url, PHONE) as guest:
        await order_one_coffee(guest, world)
        await guest.button("Pay $3.50").click()
        await expect(guest.problem).to_contain_text("Please choose how you would like to pay.")

        await guest.page.get_by_role("radio", name=re.compile("^Cash")).check()
        await expect(guest.problem).to_be_hidden()
        await guest.page.get_by_role("radio", name="Another amount").check()
        await guest.page.get_by_label("Tip in AUD").fill("90")
        await guest.page.get_by_label("Tip in AUD").blur()
        await expect(guest.page.get_by_text("A tip is between $0.50 and $1.75 on this amount.")).to_be_visible()
        await guest.button("Pay $3.50").click()
        await expect(guest.problem).to_contain_text("Please look at the tip again")

        assert (await world.call("GET", "/payments", "manager")).body["items"] == []


async def test_what_sold_out_or_changed_its_price_meanwhile_is_said_before_it_is_ordered(
    world: World, browser: Browser
) -> None:
    async with device(browser, world.url, PHONE) as guest:
        await scan(guest, world)
        await put_in_cart(guest, "Espresso")
        await put_in_cart(guest, "Banana bread")
        await guest.button("View order").click()
        changed = MENU.replace(b"Espresso,3.50,Coffee,10,,", b"Espresso,3.80,Coffee,10,,")
        await world.app.services.cafes.replace_menu(parse_menu("menu.csv", changed, "AUD"), system(world.home.id))

        await guest.button("Place order and pay").click()
        await expect(guest.problem).to_contain_text("A price on the menu has changed.")
        await expect(guest.button("Place order and pay")).to_contain_text("$10.00")

        gone = changed.replace(b"\nBanana bread", b"\nCarrot cake")
        await world.app.services.cafes.replace_menu(parse_menu("menu.csv", gone, "AUD"), system(world.home.id))
        await guest.button("Place order and pay").click()
        await expect(guest.problem).to_contain_text("No longer available, and taken off your order: Banana bread.")

        await guest.button("Place order and pay").click()
        await expect(guest.page.get_by_role("heading", name="Pay order 1")).to_be_visible()
        await expect(guest.button("Pay $3.80")).to_be_visible()


async def test_the_menu_is_whole_without_script_and_under_100_kilobytes(world: World, browser: Browser) -> None:
    soup = MENU.replace(b"Espresso,3.50,Coffee,10,,", b"Espresso,3.50,Coffee,10,,\nPumpkin soup,9.00,Food,10,,")
    rows = parse_menu("menu.csv", soup.replace(b"modifiers\n", b"modifiers,available\n"), "AUD")
    sold_out = [row if row.name != "Pumpkin soup" else type(row)(name=row.name, price_minor=900, category="Food",
                available=False) for row in rows]  # fmt: skip
    await world.app.services.cafes.replace_menu(sold_out, system(world.home.id))
    async with device(browser, world.url, PHONE, javascript=False) as guest:
        sizes: list[int] = []

        async def weigh(address: str) -> None:
            async with world.session.get(address) as response:
                sizes.append(len(await response.read()))

        addresses: list[str] = []
        guest.page.on("request", lambda request: addresses.append(request.url))
        await guest.page.goto(f"{guest.url}/t/{world.home.tables[0].code}")

        await expect(guest.page.get_by_text("$4.80")).to_be_visible()
        await expect(guest.page.get_by_role("listitem").filter(has_text="Pumpkin soup")).to_contain_text("Sold out")
        painted = [address for address in addresses if not address.endswith(".js")]
        for address in painted:
            await weigh(address)
        assert len(painted) >= 2
        assert sum(sizes) < 100_000
        assert guest.complaints == []
