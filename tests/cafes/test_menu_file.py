"""Menu files: what is understood, and how a bad one is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabletap.cafes.errors import MenuFileRefused
from tabletap.cafes.menu_file import MAX_BYTES, MAX_ITEMS, parse_menu
from tabletap.cafes.model import MenuRow, ModifierRow
from tabletap.kernel.errors import TooLarge

HEAD = "name,price,category,description,taxRate,station,allergens,modifiers,available\n"
FLAT_WHITE = MenuRow(
    name="Flat white",
    price_minor=480,
    category="Coffee",
    description="Double ristretto, silky milk",
    tax_basis_points=1000,
    station="bar",
    allergens=["milk", "nuts"],
    modifiers=[
        ModifierRow("Milk", "oat", 70),
        ModifierRow("Milk", "soy", 70),
        ModifierRow("Milk", "full cream", 0),
        ModifierRow("Size", "large", 100),
        ModifierRow("Size", "own cup", -50),
    ],
    available=True,
)


def refusal(name: str, content: str | bytes, currency: str = "AUD") -> MenuFileRefused:
    with pytest.raises(MenuFileRefused) as refused:
        parse_menu(name, content.encode() if isinstance(content, str) else content, currency)
    return refused.value


def test_every_column_of_a_csv_file_is_understood() -> None:
    text = HEAD + (
        'Flat white,4.80,Coffee,"Double ristretto, silky milk",10%,bar,"Milk, nuts",'
        '"Milk: oat +0.70 | soy +0.70 | full cream; Size: large +1.00 | own cup -0.50",yes\n'
        "Tap water,0,,,,,,,no\n"
    )

    rows = parse_menu("menu.csv", text.encode(), "AUD")

    assert rows == [FLAT_WHITE, MenuRow(name="Tap water", price_minor=0, available=False)]


def test_semicolons_a_byte_order_mark_other_capitals_and_windows_line_ends_are_tolerated() -> None:
    text = (
        "\ufeffName;Price;Tax Rate;Modifiers\r\n"
        'Flat white;4.80;10;"Milk: oat +0.70; Size: large +1"\r\n'
        "\r\n"
        "Espresso;3.5\r\n"
    )

    rows = parse_menu("MENU.CSV", text.encode(), "AUD")

    assert [(row.name, row.price_minor, row.tax_basis_points, len(row.modifiers)) for row in rows] == [
        ("Flat white", 480, 1000, 2),
        ("Espresso", 350, 0, 0),
    ]


def test_a_yaml_file_says_the_same_in_its_own_way() -> None:
    text = """
items:
  - name: Flat white
    price: 4.80
    category: Coffee
    description: "Double ristretto, silky milk"
    taxRate: 10
    station: bar
    allergens: [Milk, nuts]
    modifiers:
      Milk: [oat +0.70, soy +0.70, full cream]
      Size: large +1.00 | own cup -0.50
    available: yes
"""
    assert parse_menu("menu.yaml", text.encode(), "AUD") == [FLAT_WHITE]


@pytest.mark.parametrize(
    "modifiers",
    [
        '"Milk: oat +0.70 | soy +0.70; Size: large +1.00"',
        "\n      - Milk: oat +0.70 | soy +0.70\n      - Size: large +1.00",
        '\n      - "Milk: oat +0.70 | soy +0.70"\n      - "Size: large +1.00"',
    ],
)
def test_modifiers_in_yaml_may_be_text_or_a_list(modifiers: str) -> None:
    text = f"- name: Flat white\n  price: '4.80'\n  description: ~\n  modifiers: {modifiers}\n"

    (row,) = parse_menu("menu.yml", text.encode(), "AUD")

    assert [(each.group, each.name, each.price_delta_minor) for each in row.modifiers] == [
        ("Milk", "oat", 70),
        ("Milk", "soy", 70),
        ("Size", "large", 100),
    ]
    assert row.description is None


def test_a_yaml_price_never_passes_through_a_float() -> None:
    (row,) = parse_menu("menu.yaml", b"- {name: Caviar, price: 1234567890.10}", "AUD")

    assert row.price_minor == 123456789010


@pytest.mark.parametrize(
    ("currency", "text", "minor"), [("JPY", "480", 480), ("KWD", "1.250", 1250), ("EUR", "5", 500)]
)
def test_prices_follow_the_currency_of_the_cafe(currency: str, text: str, minor: int) -> None:
    (row,) = parse_menu("menu.csv", f"name,price\nTea,{text}".encode(), currency)

    assert row.price_minor == minor


def test_every_bad_line_is_named_and_nothing_is_taken_over() -> None:
    text = (
        "name,price,taxRate,available,modifiers\n"
        "Flat white,4.80,10,yes,\n"
        ",3.00,,,\n"
        "Espresso,three,,,\n"
        "Tea,3.00,110,maybe,\n"
        "Mocha,5.001,,,\n"
        'Latte,5.00,,,"oat +0.70"\n'
        "flat  WHITE,4.80,,,\n"
    )

    refused = refusal("menu.csv", text)

    assert [fault.field for fault in refused.errors] == [
        "line 3", "line 4", "line 5", "line 5", "line 6", "line 7", "line 8",
    ]  # fmt: skip
    for number in (3, 4, 5, 6, 7, 8):
        assert f"ine {number}: " in refused.detail
    assert "already that of line 2" in refused.detail
    assert refused.code == "menu_file_invalid"


def test_a_line_is_counted_as_an_editor_counts_it() -> None:
    text = 'name,price,description\nA,1,"two\nlines"\n\nB,x,\n'

    assert [fault.field for fault in refusal("menu.csv", text).errors] == ["line 5"]
    assert [
        fault.field for fault in refusal("menu.yaml", "- name: A\n  price: 1\n\n- name: B\n  price: x\n").errors
    ] == ["line 4"]


def test_a_long_list_of_faults_is_cut_short_in_the_sentence_only() -> None:
    refused = refusal("menu.csv", "name,price\n" + "".join(f"item {n},x\n" for n in range(100)))

    assert len(refused.errors) == 100
    assert "and 80 more" in refused.detail


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("menu.txt", "name,price\nA,1", ".csv"),
        ("menu", "name,price\nA,1", ".csv"),
        ("menu.csv", "", "no item"),
        ("menu.csv", "name,price\n", "no item"),
        ("menu.yaml", "", "no item"),
        ("menu.yaml", "[]", "no item"),
        ("menu.csv", "name,cost\nA,1", "'cost' is not a column"),
        ("menu.csv", "name\nA", "price is missing"),
        ("menu.csv", "name,price,name\nA,1,B", "twice"),
        ("menu.csv", "name,price\nA,1,2", "Line 2 has 3 columns"),
        ("menu.csv", 'name,price\n"A,1', "Line 2 is not CSV"),
        ("menu.csv", b"name,price\nCaf\xe9,1", "Line 2 is not UTF-8"),
        ("menu.yaml", "- name: A\n  price: 1\n  cost: 2", "'cost' is not a column"),
        ("menu.yaml", "- name: A\n  name: B\n  price: 1", "twice"),
        ("menu.yaml", "name: A", "list of items"),
        ("menu.yaml", "- Flat white", "Line 1 is not an item"),
        ("menu.yaml", "- name: [A]\n  price: 1", "Line 1: text was expected"),
        ("menu.yaml", "- name: A\n  price: {1: 2}", "Line 2: text was expected"),
        ("menu.yaml", "- name: 'A\n  price: 1", "is not YAML"),
        ("menu.yaml", "- a\n--- \n- b", "is not YAML"),
        ("menu.yaml", "[" * 20_000, "not YAML"),
        ("menu.yaml", "- name: !!python/object/apply:os.system [date]\n  price: 1", "text was expected"),
        ("menu.csv", "name,price\nA,-1", "below zero"),
        ("menu.csv", 'name,price\nA,"1,000.00"', "not an amount"),
        ("menu.csv", "name,price\nA,1e3", "not an amount"),
        ("menu.csv", "name,price\nA,9999999999999", "not an amount"),
        ("menu.csv", "name,price\nA\x07,1", "cannot be printed"),
        ("menu.csv", f"name,price\n{'x' * 81},1", "at most 80"),
        ("menu.csv", "name,price,modifiers\nA,1,Milk: oat +x", "not an amount"),
        ("menu.csv", "name,price,modifiers\nA,1,Milk: oat | oat +1", "twice"),
        ("menu.csv", "name,price,modifiers\nA,1,Milk:", "a choice is missing"),
        ("menu.csv", "name,price,modifiers\nA,1,Size: small -0.60; Cup: own -0.60", "below zero"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_a_sentence(name: str, content: str | bytes, says: str) -> None:
    assert says in refusal(name, content).detail


def test_a_file_that_is_too_large_is_not_read() -> None:
    with pytest.raises(TooLarge):
        parse_menu("menu.csv", b"x" * (MAX_BYTES + 1), "AUD")
    many = "name,price\n" + "".join(f"item {n},1\n" for n in range(MAX_ITEMS + 1))
    assert "at most" in refusal("menu.csv", many).detail


def understood(name: str, content: str) -> list[MenuRow] | str:
    """The rows, or the sentence that refuses them."""
    try:
        return parse_menu(name, content.encode(errors="replace"), "AUD")
    except MenuFileRefused as refused:
        return refused.detail


@given(st.text(max_size=200), st.sampled_from(["menu.csv", "menu.yaml"]))
def test_no_text_whatever_does_more_than_be_refused(text: str, name: str) -> None:
    answer = understood(name, text)

    assert answer
    assert isinstance(answer, str) or all(row.price_minor >= 0 for row in answer)


@given(st.text(max_size=80))
def test_no_text_in_a_cell_does_more_than_be_refused(text: str) -> None:
    cell = text.replace('"', '""')

    answer = understood("menu.csv", f'name,price,modifiers\nA,1,"{cell}"')

    assert isinstance(answer, str) or [row.name for row in answer] == ["A"]
