"""Reads a cafe's menu from CSV or YAML (contract section 1): all of it is right, or nothing is taken over. Pure."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import yaml

from tabletap.cafes.errors import MenuFileRefused
from tabletap.cafes.model import DEFAULT_CATEGORY, MenuRow, ModifierRow
from tabletap.kernel.errors import FieldError, Refusal, TooLarge
from tabletap.kernel.money import MAX_AMOUNT_MINOR, parse_major

MAX_BYTES = 256 * 1024
MAX_ITEMS = 1_000
COLUMNS = ("name", "price", "category", "description", "taxRate", "station", "allergens", "modifiers", "available")
_COLUMN_BY_PLAIN_NAME = {column.lower(): column for column in COLUMNS}
_MAX_CHARACTERS = {"name": 80, "category": 40, "description": 500, "station": 40}
_YES, _NO = frozenset({"", "yes", "true", "1", "y"}), frozenset({"no", "false", "0", "n"})
_PERCENT = re.compile(r"(\d{1,3})(?:\.(\d{1,2}))?\s*%?", re.ASCII)
_OPTION = re.compile(r"(?P<name>.+?)(?:\s+(?P<sign>[+-])\s?(?P<amount>\S+))?")
"""`oat +0.70`: the amount is checked by its currency."""
_SHOWN_FAULTS = 20


@dataclass(frozen=True)
class _Line:
    """What one line of the file says, by column."""

    number: int
    values: Mapping[str, str]


def parse_menu(file_name: str, content: bytes, currency: str) -> list[MenuRow]:
    """The menu in a file, whose name tells whether it is CSV or YAML, priced in the cafe's currency.

    Raises MenuFileRefused, which names every bad line, and TooLarge.
    """
    if len(content) > MAX_BYTES:
        raise TooLarge(f"A menu file has at most {MAX_BYTES // 1024} KiB.")
    readers = {".csv": _csv_lines, ".yaml": _yaml_lines, ".yml": _yaml_lines}
    read = readers.get(PurePath(file_name).suffix.lower())
    if read is None:
        raise MenuFileRefused("A menu file is a .csv, .yaml or .yml file.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise MenuFileRefused(f"Line {line} is not UTF-8 text; save the file as UTF-8.") from None
    return _checked(list(read(text)), currency)


def _checked(lines: list[_Line], currency: str) -> list[MenuRow]:
    if not lines:
        raise MenuFileRefused("There is no item in the menu file.")
    if len(lines) > MAX_ITEMS:
        raise MenuFileRefused(f"A menu has at most {MAX_ITEMS} items, this file has {len(lines)}.")
    rows: list[MenuRow] = []
    faults: list[FieldError] = []
    first_line: dict[str, int] = {}
    for line in lines:
        row, sentences = _read_row(line.values, currency)
        name = " ".join(line.values.get("name", "").split()).casefold()
        if name and first_line.setdefault(name, line.number) != line.number:
            sentences.append(f"the name is already that of line {first_line[name]}")
        faults += [FieldError(f"line {line.number}", sentence) for sentence in sentences]
        if row is not None:
            rows.append(row)
    if faults:
        raise MenuFileRefused(_sentence(faults), errors=faults)
    return rows


def _sentence(faults: list[FieldError]) -> str:
    shown = "; ".join(f"{fault.field}: {fault.message.rstrip('.')}" for fault in faults[:_SHOWN_FAULTS])
    more = f"; and {len(faults) - _SHOWN_FAULTS} more" if len(faults) > _SHOWN_FAULTS else ""
    return f"The menu file was not taken over. {shown[0].upper()}{shown[1:]}{more}."


# --- one item ---------------------------------------------------------------------------


def _read_row(values: Mapping[str, str], currency: str) -> tuple[MenuRow | None, list[str]]:
    """The item, or every sentence about what is wrong with it."""
    readers: dict[str, tuple[str, Callable[[str], Any]]] = {
        "name": ("name", _required),
        "price": ("price_minor", lambda text: _price(text, currency)),
        "category": ("category", lambda text: text or DEFAULT_CATEGORY),
        "description": ("description", _optional),
        "taxRate": ("tax_basis_points", _basis_points),
        "station": ("station", _optional),
        "allergens": ("allergens", _names),
        "modifiers": ("modifiers", lambda text: parse_modifiers(text, currency)),
        "available": ("available", _yes_or_no),
    }
    fields: dict[str, Any] = {}
    sentences: list[str] = []
    for column, (field, read) in readers.items():
        text = " ".join(values.get(column, "").split())
        try:
            fields[field] = read(_fitting(text, _MAX_CHARACTERS.get(column, 1000)))
        except (ValueError, Refusal) as fault:
            sentences.append(f"{column}: {fault}")
    if sentences:
        return None, sentences
    row = MenuRow(**fields)
    if row.price_minor + sum(min(0, choice.price_delta_minor) for choice in row.modifiers) < 0:
        return None, ["modifiers: with all reductions chosen the price would be below zero"]
    return row, []


def _fitting(text: str, most: int) -> str:
    if len(text) > most:
        raise ValueError(f"has at most {most} characters")
    if not text.isprintable():
        raise ValueError("has characters that cannot be printed")
    return text


def _required(text: str) -> str:
    if not text:
        raise ValueError("is missing")
    return text


def _optional(text: str) -> str | None:
    return text or None


def _price(text: str, currency: str) -> int:
    price_minor = parse_major(_required(text), currency)
    if not 0 <= price_minor <= MAX_AMOUNT_MINOR:
        raise ValueError("cannot be below zero or beyond any bill")
    return price_minor


def _basis_points(text: str) -> int:
    """A percentage, "10" or "5.5 %", in hundredths of a percent."""
    match = _PERCENT.fullmatch(text or "0")
    points = int(match[1]) * 100 + int((match[2] or "0").ljust(2, "0")) if match else -1
    if not 0 <= points <= 10_000:
        raise ValueError(f"{text[:20]!r} is not a percentage from 0 to 100 with at most two decimals")
    return points


def _names(text: str) -> list[str]:
    """Allergens as people list them: "milk, nuts" or "milk|nuts"."""
    return list(dict.fromkeys(name for part in re.split(r"[,;|]", text) if (name := part.strip().lower())))


def _yes_or_no(text: str) -> bool:
    if text.lower() not in _YES | _NO:
        raise ValueError(f"{text[:20]!r} is neither yes nor no")
    return text.lower() in _YES


def parse_modifiers(text: str, currency: str) -> list[ModifierRow]:
    """The choices in `Milk: oat +0.70 | soy +0.70; Size: large +1.00`. Raises ValueError and InvalidAmount."""
    rows: list[ModifierRow] = []
    seen: set[tuple[str, str]] = set()
    for part in text.split(";"):
        if not part.strip():
            continue
        group, colon, options = part.partition(":")
        if not colon or not group.strip():
            raise ValueError(f"{part.strip()[:40]!r} is not of the form `Group: choice +0.70 | choice`")
        for option in options.split("|"):
            row = _modifier(group.strip(), option.strip(), currency)
            if (row.group.casefold(), row.name.casefold()) in seen:
                raise ValueError(f"{row.name[:40]!r} is twice in {row.group[:40]!r}")
            seen.add((row.group.casefold(), row.name.casefold()))
            rows.append(row)
    return rows


def _modifier(group: str, option: str, currency: str) -> ModifierRow:
    match = _OPTION.fullmatch(option)
    if match is None:
        raise ValueError(f"a choice is missing in {group[:40]!r}")
    name, sign, amount = match["name"].strip(), match["sign"], match["amount"]
    if amount is None:
        return ModifierRow(group, name, 0)
    delta = parse_major(amount, currency)
    return ModifierRow(group, name, -delta if sign == "-" else delta)


# --- CSV -----------------------------------------------------------------------------------


def _csv_lines(text: str) -> Iterator[_Line]:
    """The lines of a CSV file with a comma, a semicolon or a tab between the columns."""
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: list[str] | None = None
    begins = 1
    try:
        for cells in reader:
            number, begins = begins, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                columns = _columns(cells, number)
            elif len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
                raise MenuFileRefused(f"Line {number} has {len(cells)} columns, the first line names {len(columns)}.")
            else:
                yield _Line(number, dict(zip(columns, cells, strict=False)))
    except csv.Error as error:
        raise MenuFileRefused(f"Line {reader.line_num} is not CSV: {error}.") from None


def _columns(names: Iterable[str], number: int) -> list[str]:
    """The columns by the names that contract section 1 gives them; capitals, blanks and underscores do not matter."""
    columns: list[str] = []
    for name in names:
        column = _COLUMN_BY_PLAIN_NAME.get(re.sub(r"[\s_-]", "", name).lower())
        if column is None:
            known = ", ".join(COLUMNS)
            raise MenuFileRefused(f"Line {number}: {name.strip()[:40]!r} is not a column; there are {known}.")
        if column in columns:
            raise MenuFileRefused(f"Line {number}: the column {column} is there twice.")
        columns.append(column)
    for needed in ("name", "price"):
        if needed not in columns:
            raise MenuFileRefused(f"Line {number}: the column {needed} is missing.")
    return columns


# --- YAML ----------------------------------------------------------------------------------


def _yaml_lines(text: str) -> Iterator[_Line]:
    """The items of a YAML list, or of the list under `items` or `menu`.

    The nodes are read, not the values: so 4.80 stays text and never becomes a float, and each item knows its line.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise MenuFileRefused(f"Line {line} is not YAML: {error.problem}.") from None
    except (yaml.YAMLError, RecursionError):
        raise MenuFileRefused("The file is not YAML.") from None
    if isinstance(node, yaml.MappingNode) and len(node.value) == 1 and node.value[0][0].value in ("items", "menu"):
        node = node.value[0][1]
    if node is None:
        return
    if not isinstance(node, yaml.SequenceNode):
        raise MenuFileRefused("A YAML menu is a list of items, each with a name and a price.")
    for item in node.value:
        yield _yaml_item(item)


def _yaml_item(item: yaml.Node) -> _Line:
    number = item.start_mark.line + 1
    if not isinstance(item, yaml.MappingNode):
        raise MenuFileRefused(f"Line {number} is not an item with a name and a price.")
    columns = _columns((_scalar(key) for key, _ in item.value), number)
    read = {"modifiers": _modifiers_text, "allergens": _list_text}
    return _Line(
        number, {column: read.get(column, _scalar)(node) for column, (_, node) in zip(columns, item.value, strict=True)}
    )


def _scalar(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise MenuFileRefused(f"Line {node.start_mark.line + 1}: text was expected here.")
    return "" if node.tag == "tag:yaml.org,2002:null" else str(node.value)


def _list_text(node: yaml.Node) -> str:
    return " | ".join(_scalar(each) for each in node.value) if isinstance(node, yaml.SequenceNode) else _scalar(node)


def _modifiers_text(node: yaml.Node) -> str:
    """Modifiers may be written as in CSV, or as a mapping (or a list of them) from group to choices."""
    if isinstance(node, yaml.MappingNode):
        return "; ".join(f"{_scalar(group)}: {_list_text(choices)}" for group, choices in node.value)
    if isinstance(node, yaml.SequenceNode):
        return "; ".join(_group_text(each) for each in node.value)
    return _scalar(node)


def _group_text(node: yaml.Node) -> str:
    return _modifiers_text(node) if isinstance(node, yaml.MappingNode) else _scalar(node)
