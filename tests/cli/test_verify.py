"""`tabletap verify`: books in order, books that somebody changed, damaged files, and a file to take away."""

import asyncio
import random
import re
import shutil
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from tabletap.infra.db.open import sqlite_path
from tests.cli.conftest import Command
from tests.ledger.conftest import trade
from tests.support.world import running

PAGE_BYTES = 4096
FLIPS = 40


class Books:
    """The database file of a cafe with a day behind it, closed."""

    def __init__(self, file: Path, cafe_id: str) -> None:
        self.file, self.cafe_id = file, cafe_id
        self.whole = file.read_bytes()

    @property
    def settings(self) -> dict[str, str]:
        return {"TABLETAP_DATABASE_URL": f"sqlite:///{self.file}"}

    def flip(self, offset: int, bit: int = 1) -> None:
        """Change one bit of the file, and nothing else of what it was."""
        self.file.write_bytes(self.whole[:offset] + bytes([self.whole[offset] ^ bit]) + self.whole[offset + 1 :])

    def page_of(self, name: str) -> int:
        """Where the first page of a table or an index begins in the file."""
        with closing(sqlite3.connect(self.file)) as connection:
            (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", [name]).fetchone()
        return int(page - 1) * PAGE_BYTES


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A file to take copies of."""

    async def build(folder: Path) -> tuple[Path, str]:
        async with running(folder, "sqlite", None, with_jobs=False) as world:
            await trade(world)
            await world.app.audit.close_day(world.home.id, date(2026, 11, 23))
            file = sqlite_path(world.app.settings.database_url)
            assert file is not None
            return file, world.home.id

    return asyncio.run(build(tmp_path_factory.mktemp("day")))


@pytest.fixture
def books(day: tuple[Path, str], tmp_path: Path) -> Books:
    file, cafe_id = day
    shutil.copy(file, tmp_path / "books.db")
    return Books(tmp_path / "books.db", cafe_id)


def test_books_in_order_are_said_to_be_so_and_written_to_a_file(command: Command, books: Books) -> None:
    written = command("verify", "--cafe", books.cafe_id, "--export", "books.jsonl", **books.settings)
    books.file.unlink()
    checked = command("verify", "--export", "books.jsonl")

    assert (written.code, written.err) == (0, "")
    assert "The audit chain is unbroken" in written.out
    assert (checked.code, checked.err) == (0, "")
    assert "1 signed heads" in checked.out
    assert [path.name for path in Path().iterdir() if "jsonl" in path.name] == ["books.jsonl"]


def test_an_export_is_never_written_over_another(command: Command, books: Books) -> None:
    Path("books.jsonl").write_text("mine")

    done = command("verify", "--cafe", books.cafe_id, "--export", "books.jsonl", **books.settings)

    assert done.code == 1
    assert done.sentence.startswith("books.jsonl is there already")
    assert Path("books.jsonl").read_text() == "mine"


def test_a_changed_byte_of_an_export_is_found_with_its_line(command: Command, books: Books) -> None:
    command("verify", "--cafe", books.cafe_id, "--export", "books.jsonl", **books.settings)
    lines = Path("books.jsonl").read_bytes().splitlines(keepends=True)
    lines[6] = lines[6].replace(b"AUD", b"AUE") if b"AUD" in lines[6] else lines[6].replace(b"0", b"1", 1)
    Path("books.jsonl").write_bytes(b"".join(lines))

    done = command("verify", "--export", "books.jsonl")

    assert done.code == 1
    assert "line 7 was changed" in done.sentence


def test_without_a_cafe_and_without_a_file_there_is_nothing_to_check(command: Command) -> None:
    nothing, missing = command("verify"), command("verify", "--export", "missing.jsonl")
    Path("notes.txt").write_text("hello")
    other = command("verify", "--export", "notes.txt")

    assert nothing.code == 2
    assert "--cafe" in nothing.err
    assert (missing.code, missing.sentence) == (1, "The file missing.jsonl cannot be read: No such file or directory.")
    assert (other.code, other.sentence) == (1, "This file is no export of an audit chain.")


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("credit_transaction", b"demo"),
        ("payment_change", b"completed"),
        ("journal", b"payment"),
        ("entry", b"sales"),
        ("security_event", b"amount_exceeds_outstanding"),
    ],
)
def test_a_flipped_byte_of_a_row_is_named_with_its_row(command: Command, books: Books, table: str, text: bytes) -> None:
    start = books.page_of(table)
    page = books.whole[start : start + PAGE_BYTES]
    found = re.search(re.escape(books.cafe_id.encode()) + rb".{0,300}?(" + text + rb")", page, re.DOTALL)
    assert found is not None, f"no row of the cafe's with {text!r}"
    books.flip(start + found.start(1))

    done = command("verify", "--cafe", books.cafe_id, **books.settings)

    assert done.code == 1
    named = "journal" if table == "entry" else table
    assert f"of {named} was changed after it was sealed (seal " in done.sentence, done.sentence


def test_a_flipped_byte_of_an_index_is_named_with_the_index(command: Command, books: Books) -> None:
    start = books.page_of("ix_entry_statement")
    books.flip(books.whole.index(b"sales", start, start + PAGE_BYTES))

    done = command("verify", "--cafe", books.cafe_id, **books.settings)

    assert done.code == 1
    assert "the database file is damaged: " in done.sentence
    assert "ix_entry_statement" in done.sentence


def test_a_row_that_was_taken_out_is_missed(command: Command, books: Books) -> None:
    with closing(sqlite3.connect(books.file)) as connection, connection:
        connection.execute("DROP TRIGGER credit_transaction_no_delete")
        (lost,) = connection.execute(
            "SELECT id FROM credit_transaction WHERE cafe_id = ? ORDER BY id DESC", [books.cafe_id]
        ).fetchone()
        connection.execute("DELETE FROM credit_transaction WHERE id = ?", [lost])

    done = command("verify", "--cafe", books.cafe_id, **books.settings)

    assert done.code == 1
    assert f"row {lost} of credit_transaction is missing (seal " in done.sentence


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("UPDATE payment SET state = 'failed' WHERE state = 'completed'", "is failed, its history says completed"),
        ("UPDATE payment SET amount_minor = amount_minor + 1 WHERE state = 'completed'", "its journals say"),
        ("UPDATE refund SET status = 'failed'", "gave back 0, its journals say 100"),
        ("UPDATE cafe_order SET total_minor = total_minor + 5", "its lines to"),
        ("UPDATE dispute SET status = 'won'", "is won, its history says open"),
        ("UPDATE customer_credit SET posted_minor = posted_minor + 1", "the entries say"),
        ("UPDATE customer_credit SET status = 'closed'", "is closed, its history says active"),
        ("UPDATE credit_lot SET remaining_minor = remaining_minor - 1", "the lots say"),
    ],
)
def test_what_may_change_is_held_against_what_never_does(
    command: Command, books: Books, change: str, sentence: str
) -> None:
    with closing(sqlite3.connect(books.file)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(change)

    done = command("verify", "--cafe", books.cafe_id, **books.settings)

    assert done.code == 1
    assert sentence in done.sentence


def test_whatever_byte_of_the_file_is_flipped_there_is_a_sentence_and_never_a_trace(
    command: Command, books: Books
) -> None:
    chance = random.Random(20261123)  # noqa: S311 - chance, no secret
    found = 0
    for _ in range(FLIPS):
        place, bit = chance.randrange(len(books.whole)), 1 << chance.randrange(8)
        for beside in ("books.db-wal", "books.db-shm"):
            Path(beside).unlink(missing_ok=True)
        books.flip(place, bit)
        done = command("verify", "--cafe", books.cafe_id, **books.settings)
        if done.code == 0:
            assert done.err == "", place
            continue
        found += 1
        assert done.code == 1, place
        assert "Something went wrong" not in done.sentence, (place, done.sentence)
    assert found > 0
