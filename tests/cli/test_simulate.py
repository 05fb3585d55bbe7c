"""`tabletap demo --simulate-days`: every day is closed, the books are right, and a changed byte is found."""

import re
from pathlib import Path

from tabletap.kernel.ids import new_id
from tests.cli.conftest import Command

DAYS = 4


def test_days_of_trade_are_closed_and_verified_and_one_flipped_byte_is_named_with_its_place(command: Command) -> None:
    # when
    done = command("demo", "--simulate-days", str(DAYS), "--seed", "7", "--data", "month")

    # then every day has its report
    assert (done.code, done.err) == (0, "")
    assert re.findall(r"^ *(\d+) +│ \d{4}-\d\d-\d\d", done.out, re.MULTILINE) == [str(n + 1) for n in range(DAYS)]
    assert f"{DAYS} days were closed" in done.out
    assert f"signed heads: {DAYS}" in done.out

    # and an accountant finds the same
    cafe_id = re.findall(r"The cafe is ([0-9a-f-]{36})", done.out)[0]
    file = Path("month/tabletap.db")
    books = {"TABLETAP_DATABASE_URL": f"sqlite:///{file}"}
    assert command("verify", "--cafe", cafe_id, **books).code == 0

    # and when one byte is changed, where
    whole = file.read_bytes()
    found = re.search(rb"paid_out.{1,4}(Milk)", whole, re.DOTALL)
    assert found is not None
    file.write_bytes(whole[: found.start(1)] + b"S" + whole[found.start(1) + 1 :])
    changed = command("verify", "--cafe", cafe_id, **books)
    assert changed.code == 1
    assert "of drawer_move was changed after it was sealed (seal " in changed.sentence


def test_trade_is_never_simulated_into_books_that_are_there(command: Command) -> None:
    first = command("demo", "--simulate-days", "1", "--data", "month")

    again = command("demo", "--simulate-days", "1", "--data", "month")
    beside = command("demo", "--simulate-days", "1")

    assert (first.code, beside.code) == (0, 0)
    assert again.code == 1
    assert again.sentence == "There is a cafe in month already; choose a new folder with --data."
    assert Path("tabletap-data/simulation-1/tabletap.db").exists()


def test_days_are_counted_from_one(command: Command) -> None:
    done = command("demo", "--simulate-days", "0", "--data", f"month-{new_id()}")

    assert done.code == 2
