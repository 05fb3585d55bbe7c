"""Cafes in other countries: from the order over the public API to a code that their guests' bank apps read."""

import pytest
from stdnum import iso11649
from stdnum.be import ogm_vcs

from tabletap.kernel.ids import new_id
from tabletap.qr import emvco
from tabletap.qr.model import BankDetails
from tabletap.qr.references import references_in
from tests.qr.details import BELGIAN, BRAZILIAN, SINGAPOREAN, STRUCTURED, THAI
from tests.qr.place import cafe_abroad
from tests.qr.reading import by_zxing
from tests.support.books import rows
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")

PLACES = {
    "PayNow": ("SGD", "Asia/Singapore", SINGAPOREAN),
    "PromptPay": ("THB", "Asia/Bangkok", THAI),
    "Pix": ("BRL", "America/Sao_Paulo", BRAZILIAN),
}


@pytest.mark.parametrize("scheme", PLACES)
async def test_a_guest_abroad_gets_a_code_of_their_own_country(world: World, scheme: str) -> None:
    currency, time_zone, details = PLACES[scheme]
    cafe = await cafe_abroad(world, currency, time_zone, details)

    qr = (await cafe.transfer())["qr"]

    assert qr["format"] == "emvco"
    assert emvco.decode(qr["payload"])["54"] == "4.80"
    image = await cafe.picture(qr["imageUrl"].removesuffix("svg") + "png")
    assert by_zxing(image) == [qr["payload"]]
    assert (await cafe.picture(qr["imageUrl"])).startswith(b"<svg ")
    assert (qr["reference"] in qr["payload"]) == (scheme != "PromptPay")


async def test_the_code_can_be_saved_as_a_picture_as_long_as_it_is_awaited(world: World) -> None:
    cafe = await cafe_abroad(world, "BRL", "America/Sao_Paulo", BRAZILIAN)
    payment = await cafe.transfer()
    address = f"{world.url}/pay/{payment['qr']['qrPaymentId']}/code.png"

    async with world.session.get(address) as response:
        saved, kind = await response.read(), response.content_type
    cancelled = await world.call("POST", f"/payments/{payment['paymentId']}/cancel", cafe.token)
    async with world.session.get(address) as response:
        gone = response.status

    assert (kind, by_zxing(saved)) == ("image/png", [payment["qr"]["payload"]])
    assert (cancelled.status, gone) == (200, 404)


@pytest.mark.parametrize("style", ["iso11649", "belgian"])
async def test_a_belgian_cafe_chooses_how_its_references_look(world: World, style: str) -> None:
    details = STRUCTURED if style == "belgian" else BELGIAN
    cafe = await cafe_abroad(world, "EUR", "Europe/Brussels", details)

    qr = (await cafe.transfer())["qr"]

    *_, structured, last = qr["payload"].split("\n")
    assert last == qr["reference"]
    [(kept,)] = await rows(world, f"SELECT reference FROM qr_payment WHERE id = '{qr['qrPaymentId']}'")  # noqa: S608 - our own id
    assert kept in references_in(f"Thanks {qr['reference']}")
    if style == "belgian":
        assert (structured, last[:3], last[-3:]) == ("", "+++", "+++")
        assert ogm_vcs.validate(last) == kept
    else:
        assert iso11649.is_valid(last)


@pytest.mark.parametrize(
    ("details", "code"),
    [
        ({"accountName": "Zoe", "iban": "BE68539007547035"}, "bank_details_invalid"),
        ({"accountName": "Zoe", "payNowUen": "201403121X"}, "bank_details_invalid"),
        ({"accountName": "Zoe", "iban": "DE89370400440532013000", "referenceStyle": "belgian"}, "bank_details_invalid"),
        ({"accountName": "Zoe", "iban": "BE68539007547034", "referenceStyle": "swiss"}, "invalid_request"),
    ],
    ids=["iban", "uen", "not belgian", "no style"],
)
async def test_details_that_cannot_be_right_are_refused_when_entered(
    world: World, details: dict[str, str], code: str
) -> None:
    answer = await world.call("PUT", f"/cafes/{world.home.id}", "manager", {"bankDetails": details}, key=new_id())

    assert (answer.status, answer.body["code"]) == (400 if code == "invalid_request" else 422, code)


async def test_a_cafe_whose_details_are_for_elsewhere_offers_no_transfer(world: World) -> None:
    details = BankDetails(account_name="Zoe", bsb="062000", account_number="12345678")
    cafe = await cafe_abroad(world, "SGD", "Asia/Singapore", details)
    items = [{"menuItemId": cafe.menu_item_id, "quantity": 1}]
    order = (await world.call("POST", "/orders", cafe.token, {"items": items})).body

    answer = await world.pay(order, "qr_bank_transfer", cafe.token)

    assert (answer.status, answer.body["code"]) == (422, "bank_details_missing")
