"""A day's statement of ten thousand transfers from a bank that is not ours, matched in one run, to the cent."""

import asyncio
import io
import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from tabletap.cafes.menu_file import parse_menu
from tabletap.cafes.model import ChangeSettings
from tabletap.cli.books import audited
from tabletap.infra.db.transaction import Reader
from tabletap.kernel.ids import Id
from tabletap.kernel.people import Actor, Role, system
from tabletap.ledger.model import BANK, SUSPENSE
from tabletap.ledger.service import balances
from tabletap.orders.model import Line, PlaceOrder
from tabletap.payments import store as payments
from tabletap.payments.service import StartPayment
from tabletap.reconciliation.importing import ImportService
from tabletap.reconciliation.model import Statement
from tabletap.reconciliation.readers.camt import read_camt
from tabletap.reconciliation.readers.errors import StatementBalanceWrong, StatementUnreadable
from tabletap.reconciliation.views import ImportReport
from tests.reconciliation.mock_bank import IBAN, Credit, days_statement
from tests.support.world import World, money_row_counts

pytestmark = pytest.mark.asyncio(loop_scope="package")

LINES = {"sqlite": 10_000, "postgres": 2_000}
DAY = "2026-11-20"
_TOGETHER = 64


class Scene(msgspec.Struct):
    """What payers did, and where each line has to end."""

    sent: list[Credit] = []
    expected: dict[str, list[int]] = msgspec.field(default_factory=dict)

    def add(self, status: str, *credits: Credit) -> None:
        """Transfers, each of which has to end like that."""
        for credit in credits:
            self.sent.append(credit)
            self.expected.setdefault(status, []).append(credit.amount)


async def euro_cafe(world: World) -> Actor:
    """A cafe with an account at the bank, as its manager."""
    services = world.app.services
    cafe = await services.cafes.create("Euro Cafe", "EUR", "Europe/Brussels")
    by = system(cafe.cafe_id)
    details = {"accountName": "Euro Cafe", "iban": IBAN}
    await services.cafes.change_settings(msgspec.convert({"bankDetails": details}, ChangeSettings), by)
    await services.cafes.replace_menu(parse_menu("menu.csv", b"name,price,category\nCoffee,2.40,Drinks\n", "EUR"), by)
    return Actor(cafe_id=cafe.cafe_id, person_id=by.person_id, roles=frozenset({Role.ADMIN}))


async def awaited(world: World, by: Actor, count: int) -> list[tuple[str, int]]:
    """Transfers that are awaited: their references and amounts."""
    menu = await world.app.services.cafes.menu(by.cafe_id)
    coffee = menu.categories[0].items[0].id
    chance = random.Random(4)  # noqa: S311 - the same amounts in every run

    async def one() -> tuple[str, int]:
        lines = (Line(menu_item_id=coffee, quantity=chance.randint(1, 40)),)
        order = await world.app.services.orders.place(PlaceOrder(items=lines), by)
        wanted = StartPayment(order_id=order.id, method="qr_bank_transfer")
        payment = (await world.app.services.payments.start(wanted, by)).value
        assert payment.qr is not None
        return payment.qr.reference, payment.total_amount

    found: list[tuple[str, int]] = []
    while len(found) < count:
        found += await asyncio.gather(*(one() for _ in range(min(_TOGETHER, count - len(found)))))
    return found


def scene(wanted: list[tuple[str, int]], lines: int) -> Scene:
    """Exact, short, over, combined, doubled, without a reference and unknown, as payers do it."""
    made, chance = Scene(), random.Random(5)  # noqa: S311 - the same scene in every run
    left = iter(wanted)
    for number in range(lines * 60 // 100):
        reference, amount = next(left)
        ways: list[dict[str, Any]] = [
            {"note": f"Thank you {reference} cafe"},
            {"reference": reference},
            {"note": " ".join(reference[n : n + 4] for n in range(0, 16, 4)), "wrap": 35},
            {"end_to_end_id": reference},
            {"note": f"Lunch with colleagues and coffee {reference}", "wrap": 35},
        ]
        how = ways[number % 5]
        made.add("matched", Credit(amount=amount, **how))
        if number % 10 == 0:
            made.add("suggested", Credit(amount=amount, **how))
    for _ in range(lines * 8 // 100):
        reference, amount = next(left)
        made.add("partly_paid", Credit(amount=chance.randint(1, amount - 1), note=reference))
    for _ in range(lines * 4 // 100):
        reference, amount = next(left)
        made.add("overpaid", Credit(amount=amount + chance.randint(1, 500), reference=reference))
    for number in range(lines * 6 // 100):
        (one, first), (other, second) = next(left), next(left)
        together = f"{one} and {other}"
        if number % 3:
            made.add("matched", Credit(amount=first + second, note=together))
        else:
            made.add("suggested", Credit(amount=first + second - 1, note=together))
    for _ in range(lines * 6 // 100):
        _, amount = next(left)
        made.add("suggested", Credit(amount=amount, note="coffee"))
    while len(made.sent) < lines:
        made.add("suspense", Credit(amount=chance.randint(10**6, 10**7), note="something else"))
    return made


async def take_in(
    world: World, by: Actor, file: bytes, statements: Sequence[Statement] | None = None, **more: Any
) -> ImportReport:
    """The manager takes the file in; it is read here unless it was before."""
    service = ImportService(world.app.db, world.app.gateways)
    return await service.take_in(file, statements or tuple(read_camt(io.BytesIO(file))), by, **more)


async def states(world: World, cafe_id: Id) -> dict[str, int]:
    """The payments of the cafe by their state."""

    async def look(reader: Reader) -> dict[str, int]:
        counts: dict[str, int] = {}
        before = "ffffffff-ffff-ffff-ffff-ffffffffffff"
        while page := await payments.page(reader, before, 500, None):
            for payment in page:
                counts[payment.state] = counts.get(payment.state, 0) + 1
            before = page[-1].id
        return counts

    return await world.app.db.read(cafe_id, look)


@pytest.mark.no_cover  # the same code ten thousand times: others measure it
@pytest.mark.timeout(900)
async def test_ten_thousand_transfers_all_end_somewhere_and_agree_to_the_cent(
    own_world: World, engine_name: str
) -> None:
    lines = LINES[engine_name]
    by = await euro_cafe(own_world)
    wanted = await awaited(own_world, by, lines * 90 // 100)
    made = scene(wanted, lines)
    iban, file = await asyncio.to_thread(days_statement, DAY, made.sent)
    assert iban == IBAN
    statements = await asyncio.to_thread(lambda: tuple(read_camt(io.BytesIO(file))))

    dry = await take_in(own_world, by, file, statements, dry_run=True)
    report = await take_in(own_world, by, file, statements)

    assert dry.tally == report.tally
    got = {name: getattr(report.tally, name) for name in made.expected}
    assert {name: (count.lines, count.amount) for name, count in got.items()} == {
        name: (len(amounts), sum(amounts)) for name, amounts in made.expected.items()
    }
    assert (report.new_lines, report.tally.lines) == (lines, lines)
    total = sum(credit.amount for credit in made.sent)
    statement = report.statements[0]
    assert (statement.closing_balance or 0) - (statement.opening_balance or 0) == report.tally.amount_minor == total
    books = await own_world.app.db.read(by.cafe_id, lambda reader: balances(reader, by.cafe_id))
    assert books[BANK] == total
    assert sum(books.values()) == 0
    over = sum(made.expected["overpaid"]) - sum(_due(made.sent, wanted, made.expected["overpaid"]))
    assert -books[SUSPENSE] == sum(made.expected["suggested"]) + sum(made.expected["suspense"]) + over
    assert (await audited(own_world.app.db, by.cafe_id)).faults == []

    before = (await money_row_counts(own_world), await states(own_world, by.cafe_id))
    again = await take_in(own_world, by, file, statements)
    assert (again.already_imported, again.new_lines, again.known_lines) == (True, 0, lines)
    assert (await money_row_counts(own_world), await states(own_world, by.cafe_id)) == before


def _due(sent: list[Credit], wanted: list[tuple[str, int]], over: list[int]) -> list[int]:
    """What was asked for of those who paid too much: they are the only ones who pay more under a reference alone."""
    due = dict(wanted)
    return [due[each.reference] for each in sent if each.reference in due and each.amount > due[each.reference]]


@pytest.mark.parametrize("damage", ["balance", "bomb", "cut"])
async def test_a_damaged_file_is_refused_whole(own_world: World, damage: str) -> None:
    by = await euro_cafe(own_world)
    wanted = await awaited(own_world, by, 3)
    _, file = days_statement(DAY, [Credit(amount=amount, note=reference) for reference, amount in wanted])
    before = await money_row_counts(own_world)
    if damage == "balance":
        damaged = file.replace(
            b'<Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">1', b'<Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">2'
        )
    elif damage == "bomb":
        bomb = b'<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
        damaged = file.replace(b"?>", b"?>" + bomb, 1).replace(b"A Payer", b"&b;")
    else:
        damaged = file[: len(file) // 2]
    assert damaged != file

    with pytest.raises((StatementUnreadable, StatementBalanceWrong)):
        await take_in(own_world, by, damaged)

    assert await money_row_counts(own_world) == before
    assert await states(own_world, by.cafe_id) == {"pending": 3}
    assert (await take_in(own_world, by, file)).tally.matched.lines == 3
