"""From the code on the screen to the money on the account: what the payer's page says, and who hears of it."""

import asyncio
import json
import secrets
from datetime import timedelta
from typing import Any

import pytest

from tabletap.kernel.ids import new_id
from tabletap.qr.references import ALPHABET, is_valid_reference, new_reference
from tests.qr.place import confirm, transfer_at_home
from tests.support.books import rows
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def status_of(world: World, payment: dict[str, Any]) -> dict[str, Any]:
    answer = await world.call("GET", f"/qr-payments/{link(payment)}/status")
    assert answer.status == 200, answer
    found: dict[str, Any] = answer.body
    return found


def link(payment: dict[str, Any]) -> str:
    qr = payment["qr"]
    assert isinstance(qr, dict)
    return str(qr["qrPaymentId"])


async def row_status(world: World, payment: dict[str, Any]) -> str:
    return str((await world.call("GET", f"/qr-payments/{link(payment)}", "manager")).body["status"])


async def scan(world: World, payment: dict[str, Any]) -> int:
    return (await world.call("POST", f"/qr-payments/{link(payment)}/scanned")).status


async def told(world: World, payment: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Which streams heard that the page was opened, and what of it."""
    found = await rows(world, "SELECT key, data FROM stream_event WHERE name = 'qr_payment_scanned' ORDER BY seq")
    events = [(str(key), json.loads(data)) for key, data in found]
    return [(key, data) for key, data in events if data["qrPaymentId"] == link(payment)]


async def test_whoever_has_the_link_learns_what_a_payer_must_know_and_nothing_else(world: World) -> None:
    payment = await transfer_at_home(world, tipAmount=50)

    status = await status_of(world, payment)

    assert status == {
        "status": "waiting",
        "amount": 530,
        "receivedAmount": 0,
        "missingAmount": 0,
        "currency": "AUD",
        "expiresAt": payment["expiresAt"],
    }


async def test_the_counter_and_the_payer_hear_once_that_the_page_was_opened(world: World) -> None:
    payment = await transfer_at_home(world)
    assert await row_status(world, payment) == "generated"

    answers = await asyncio.gather(*(scan(world, payment) for _ in range(10)))

    assert answers == [200] * 10
    assert await row_status(world, payment) == "scanned"
    said = {"qrPaymentId": link(payment), "paymentId": payment["paymentId"], "orderId": payment["orderId"]}
    assert sorted(await told(world, payment), key=lambda heard: heard[0]) == [
        (f"cafe:{world.home.id}:counter", said),
        (f"payment:{payment['paymentId']}", said),
    ]


async def test_a_code_that_was_paid_or_cancelled_never_goes_back(world: World) -> None:
    paid, cancelled = await transfer_at_home(world), await transfer_at_home(world)
    assert (await confirm(world, paid, 480)).status == 200
    assert (await world.call("POST", f"/payments/{cancelled['paymentId']}/cancel", "customer")).status == 200

    for payment, row, shown in ((paid, "paid", "received"), (cancelled, "cancelled", "cancelled")):
        assert await scan(world, payment) == 200
        assert await row_status(world, payment) == row
        assert (await status_of(world, payment))["status"] == shown
        assert await told(world, payment) == []


async def test_a_code_that_is_opened_and_paid_at_once_ends_paid(world: World) -> None:
    for _ in range(5):
        payment = await transfer_at_home(world)

        outcomes = await asyncio.gather(scan(world, payment), confirm(world, payment, 480), scan(world, payment))

        assert (outcomes[0], outcomes[1].status, outcomes[2]) == (200, 200, 200)
        assert await row_status(world, payment) == "paid"


async def test_a_scanned_code_is_paid_like_any_other(world: World) -> None:
    payment = await transfer_at_home(world)
    await scan(world, payment)

    assert (await confirm(world, payment, 480)).status == 200

    assert await row_status(world, payment) == "paid"
    assert await status_of(world, payment) == {
        "status": "received",
        "amount": 480,
        "receivedAmount": 480,
        "missingAmount": 0,
        "currency": "AUD",
        "expiresAt": payment["expiresAt"],
    }


async def test_a_transfer_that_brought_too_little_says_how_much_is_missing_until_it_came(world: World) -> None:
    payment = await transfer_at_home(world, tipAmount=50)

    assert (await confirm(world, payment, 300)).status == 200
    short = await status_of(world, payment)
    order = (await world.call("GET", f"/orders/{payment['orderId']}", "customer")).body
    rest = (await world.pay(order, "qr_bank_transfer")).body
    assert (await confirm(world, rest, 180)).status == 200

    assert (short["status"], short["receivedAmount"], short["missingAmount"]) == ("partly_paid", 300, 180)
    assert (await status_of(world, payment))["status"] == "received", "nothing of the bill is outstanding any more"


async def test_more_than_was_asked_for_is_received(world: World) -> None:
    payment = await transfer_at_home(world)

    assert (await confirm(world, payment, 600)).status == 200

    status = await status_of(world, payment)
    assert (status["status"], status["receivedAmount"], status["missingAmount"]) == ("received", 600, 0)


async def test_a_code_whose_time_has_come_is_expired_at_once_and_cannot_be_scanned(own_world: World) -> None:
    payment = await transfer_at_home(own_world)
    own_world.clock.ahead += timedelta(minutes=16)

    assert (await status_of(own_world, payment))["status"] == "expired", "before any job has noticed"
    assert await scan(own_world, payment) == 200
    assert await told(own_world, payment) == []
    await own_world.let_time_pass(minutes=16)

    assert (await status_of(own_world, payment))["status"] == "expired"
    [(status,)] = await rows(own_world, f"SELECT status FROM qr_payment WHERE id = '{link(payment)}'")  # noqa: S608 - our own id
    assert status == "expired"


@pytest.mark.parametrize("wrong", ["42", "..", "019a0000-0000-7000-8000-000000000001", "x" * 200, "%00"])
@pytest.mark.parametrize("what", ["status", "scanned"])
async def test_a_link_that_nobody_made_leads_nowhere(world: World, wrong: str, what: str) -> None:
    answer = await world.call("GET" if what == "status" else "POST", f"/qr-payments/{wrong}/{what}")

    assert answer.status == 404


async def test_whoever_tries_links_is_slowed_down_and_so_is_whoever_asks_without_pause(own_world: World) -> None:
    payment = await transfer_at_home(own_world)
    other = await transfer_at_home(own_world)
    asked = [(await own_world.call("GET", f"/qr-payments/{link(payment)}/status")).status for _ in range(125)]
    tried = [(await own_world.call("GET", f"/qr-payments/{new_id()}/status")).status for _ in range(62)]
    refused = await own_world.call("GET", f"/qr-payments/{new_id()}/status")
    right = await own_world.call("GET", f"/qr-payments/{link(other)}/status")

    assert (asked[0], asked[-1], asked.count(200) >= 100) == (200, 429, True)
    assert (tried[0], tried[-1]) == (404, 429)
    assert (refused.status, refused.body["code"]) == (429, "rate_limit_exceeded")
    assert int(refused.headers["Retry-After"]) > 0
    assert right.status == 200, "others behind the same address still see their pages"


async def test_no_image_is_kept_with_a_code(world: World) -> None:
    payment = await transfer_at_home(world)
    assert (
        (await world.call("GET", f"/payments/{payment['paymentId']}?include=qrCodeData", "customer"))
        .body["qrCodeData"]
        .startswith("data:image/svg+xml;base64,")
    )

    [row] = await rows(world, f"SELECT * FROM qr_payment WHERE id = '{link(payment)}'")  # noqa: S608 - our own id

    assert all(isinstance(value, bytes) is False and "data:" not in str(value) for value in row)
    assert sum(len(str(value)) for value in row) < 1_000


async def test_a_reference_that_is_taken_is_drawn_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await transfer_at_home(world)
    taken = number_behind(first["qr"]["reference"])
    left = draw_next(monkeypatch, taken, taken)

    second = await transfer_at_home(world)

    assert left == [], "the taken reference came up twice"
    references = {payment["qr"]["reference"] for payment in (first, second)}
    assert len(references) == 2
    assert all(is_valid_reference(reference) for reference in references)


async def test_two_who_draw_the_same_reference_at_once_get_two(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        orders = [await world.order() for _ in range(2)]
        same = new_reference("AUD")
        left = draw_next(monkeypatch, number_behind(same), number_behind(same))

        answers = await asyncio.gather(*(world.pay(order, "qr_bank_transfer") for order in orders))

        monkeypatch.undo()
        assert [answer.status for answer in answers] == [201, 201]
        references = {answer.body["qr"]["reference"] for answer in answers}
        assert (left, len(references), same in references) == ([], 2, True)


def draw_next(monkeypatch: pytest.MonkeyPatch, *numbers: int) -> list[int]:
    """Let chance give these numbers to the next references, and answer those that are left to be given."""
    left, drawn = list(numbers), secrets.randbelow

    def draw(below: int) -> int:
        return left.pop(0) if left and below == POSSIBLE else drawn(below)

    monkeypatch.setattr(secrets, "randbelow", draw)
    return left


POSSIBLE = len(ALPHABET) ** 11


def number_behind(reference: str) -> int:
    """The random number from which a short reference is made."""
    return sum(ALPHABET.index(character) * len(ALPHABET) ** place for place, character in enumerate(reference[:11]))
