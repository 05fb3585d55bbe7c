"""`tabletap reconcile` as people use it: a file, a table of what came of it, exit codes."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from tabletap.app import App
from tabletap.cafes.menu_file import parse_menu
from tabletap.cafes.model import ChangeSettings
from tabletap.infra.settings import Settings
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import system
from tabletap.orders.model import Line, PlaceOrder
from tabletap.payments.service import StartPayment
from tests.cli.commands import Done
from tests.cli.conftest import Command, command
from tests.reconciliation.test_routes import statement
from tests.support.world import MENU

__all__ = ["command"]

BANK = {"bankDetails": {"accountName": "Corner", "bsb": "062000", "accountNumber": "12345678"}}


class Shop:
    """A cafe in a database file, and the command that sees it."""

    def __init__(self, command: Command, folder: Path) -> None:
        self.command, self.file = command, folder / "day.sta"
        self.settings = {"TABLETAP_DATABASE_URL": f"sqlite:///{folder / 'cafe.db'}"}
        assert command("migrate", **self.settings).code == 0
        self.cafe_id = command("cafe", "create", "--name", "Corner", **self.settings).out.split()[1]
        self.references = asyncio.run(self._awaited(4))

    async def _awaited(self, count: int) -> list[str]:
        """Transfers of 4.80 that are awaited."""
        app, by = App(Settings(database_url=self.settings["TABLETAP_DATABASE_URL"]), "s" * 48), system(self.cafe_id)
        await app.db.start()
        try:
            await app.services.cafes.change_settings(msgspec.convert(BANK, ChangeSettings), by)
            await app.services.cafes.replace_menu(parse_menu("menu.csv", MENU, "AUD"), by)
            return [await self._reference(app) for _ in range(count)]
        finally:
            await app.gateways.close()
            await app.db.stop()

    async def _reference(self, app: App) -> str:
        by = system(self.cafe_id)
        items = [
            item for category in (await app.services.cafes.menu(self.cafe_id)).categories for item in category.items
        ]
        coffee = next(item for item in items if item.name == "Flat white")
        order = await app.services.orders.place(PlaceOrder(items=(Line(menu_item_id=coffee.id),)), by)
        started = await app.services.payments.start(StartPayment(order_id=order.id, method="qr_bank_transfer"), by)
        assert started.value.qr is not None
        return started.value.qr.reference

    def reconcile(self, *arguments: str, cafe_id: str | None = None) -> Done:
        """Run the command on the file."""
        return self.command("reconcile", self.file, "--cafe", cafe_id or self.cafe_id, *arguments, **self.settings)


@pytest.fixture
def shop(command: Command, tmp_path: Path) -> Shop:
    """A cafe with transfers that are awaited."""
    return Shop(command, tmp_path)


def rows(done: Done) -> dict[str, tuple[str, str]]:
    """The table: lines and sums by name."""
    found = {}
    for row in done.out.splitlines():
        words = row.replace("│", " ").split()
        if len(words) >= 3 and words[-2].isdigit():
            found[" ".join(words[:-2])] = (words[-2], words[-1])
    return found


def test_a_statement_is_matched_shown_and_the_second_time_nothing_changes(shop: Shop) -> None:
    exact, short, over, twice = shop.references
    shop.file.write_bytes(
        statement((480, exact), (400, short), (500, over), (480, twice), (480, f"again {twice}"), (99, "unknown"))
    )

    dry = shop.reconcile("--dry-run")
    first = shop.reconcile()
    second = shop.reconcile()

    assert (dry.code, first.code, second.code) == (0, 0, 0)
    assert rows(dry) == rows(first)
    assert rows(first) == {
        "matched": ("2", "9.60"),
        "partly paid": ("1", "4.00"),
        "overpaid": ("1", "5.00"),
        "suggested": ("1", "4.80"),
        "suspense": ("1", "0.99"),
        "new lines": ("6", "24.39"),
    }
    assert "nothing was changed" in dry.out
    assert "3 lines wait for a person" in first.out
    assert rows(second)["new lines"] == ("0", "0.00")
    assert "taken in before: nothing was changed" in second.out
    assert shop.command("verify", "--cafe", shop.cafe_id, **shop.settings).code == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"not a statement", "not a bank statement"),
        (statement((480, "x")).replace(b":62F:C261120AUD104", b":62F:C261120AUD105"), "closes with"),
        (statement((480, "x")).replace(b"06200012345678", b"99999987654321"), "99999987654321"),
    ],
    ids=["text", "balance", "account"],
)
def test_what_cannot_be_taken_in_is_one_sentence_and_exit_code_one(shop: Shop, content: bytes, said: str) -> None:
    shop.file.write_bytes(content)

    refused = shop.reconcile()

    assert refused.code == 1
    assert said in refused.sentence


def test_a_file_that_is_not_there_and_a_cafe_that_is_not_there(shop: Shop) -> None:
    missing = shop.reconcile()
    shop.file.write_bytes(statement((480, "x")))
    stranger = shop.reconcile(cafe_id=new_id())
    no_cafe = shop.command("reconcile", shop.file, **shop.settings)

    assert (missing.code, "cannot be read" in missing.sentence) == (1, True)
    assert (stranger.code, "cafe" in stranger.sentence) == (1, True)
    assert no_cafe.code == 2


def test_another_account_is_right_when_it_is_named(shop: Shop) -> None:
    shop.file.write_bytes(statement((480, shop.references[0])).replace(b"06200012345678", b"99999987654321"))

    assert rows(shop.reconcile("--account", "999999 87654321"))["matched"] == ("1", "4.80")
