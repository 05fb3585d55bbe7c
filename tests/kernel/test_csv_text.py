"""Tables for spreadsheets: what is read back is what was written, and nothing of it is a formula."""

import csv
import io

import pytest

from tabletap.kernel.csv_text import Cell, amount, csv_text


def read(raw: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(raw.decode("utf-8"), newline="")))


def test_text_with_commas_quotes_and_lines_comes_back_as_it_was() -> None:
    rows: list[list[Cell]] = [['Müller, "Eva"', "two\nlines", 7, None]]

    raw = csv_text(["name", "note", "count", "nothing"], rows)

    assert raw.endswith(b"\r\n")
    assert read(raw) == [["name", "note", "count", "nothing"], ['Müller, "Eva"', "two\nlines", "7", ""]]


@pytest.mark.parametrize("text", ["=1+1", "+61 4", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_text_that_a_spreadsheet_would_run_is_defused(text: str) -> None:
    assert read(csv_text(["note"], [[text]]))[1] == [f"'{text}"]


def test_an_amount_below_zero_is_a_number_and_no_formula() -> None:
    assert read(csv_text(["amount", "currency"], [[amount(-1_250, "AUD"), "AUD"]]))[1] == ["-12.50", "AUD"]
    assert read(csv_text(["amount", "currency"], [[amount(1_250, "JPY"), "JPY"]]))[1] == ["1250", "JPY"]
