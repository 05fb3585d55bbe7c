"""Bodies and query parameters: nothing is guessed, and the caller hears which field is wrong."""

from typing import Any

import msgspec
import pytest

from tabletap.http.decoding import decode_body, decode_query
from tabletap.http.requests import OrderRequest, OrdersQuery, PaymentRequest
from tabletap.http.split_requests import SplitRequest
from tabletap.kernel.cards import CardNumberRefused
from tabletap.kernel.errors import InvalidRequest
from tabletap.kernel.ids import new_id

ID = new_id()
PAYMENTS = msgspec.json.Decoder(PaymentRequest)
ORDERS = msgspec.json.Decoder(OrderRequest)
SPLITS = msgspec.json.Decoder[SplitRequest](SplitRequest)


def payment(**changes: Any) -> bytes:
    return msgspec.json.encode({"orderId": ID, "paymentMethod": "cash", **changes})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": 4.8}, "amount"),
        ({"amount": 4.0}, "amount"),
        ({"amount": "480"}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": [480]}, "amount"),
        ({"tipAmount": None}, "tipAmount"),
        ({"orderId": "42"}, "orderId"),
        ({"orderId": ID.upper()}, "orderId"),
        ({"paymentMethod": ""}, "paymentMethod"),
        ({"paymentMethod": "x" * 61}, "paymentMethod"),
        ({"cardNumber": "1"}, "cardNumber"),
        ({"order_id": ID}, "order_id"),
        ({"metadata": "text"}, "metadata"),
        ({"returnUrl": 1}, "returnUrl"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        decode_body(PAYMENTS, payment(**changes), True)

    assert [error.field for error in refused.value.errors] == [field]
    assert field in refused.value.detail


def test_a_missing_field_is_named() -> None:
    with pytest.raises(InvalidRequest) as refused:
        decode_body(PAYMENTS, b'{"orderId": "%s"}' % ID.encode(), True)

    assert refused.value.errors[0].field == "paymentMethod"
    assert refused.value.errors[0].message == "paymentMethod is missing."


def test_a_wrong_field_deep_inside_is_named_with_its_place() -> None:
    lines = [{"menuItemId": ID, "quantity": 1}, {"menuItemId": ID, "quantity": 1.5}]
    with pytest.raises(InvalidRequest) as wrong_type:
        decode_body(ORDERS, msgspec.json.encode({"items": lines}), True)
    with pytest.raises(InvalidRequest) as unknown:
        decode_body(ORDERS, msgspec.json.encode({"items": [{"menuItemId": ID, "quantity": 1, "price": 1}]}), True)

    assert wrong_type.value.errors[0].field == "items[1].quantity"
    assert unknown.value.errors[0].field == "items[0].price"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"orderId": "\xff"}',
        b'{"amount": NaN}',
        b'{"metadata": {"a": 1e999}}',
        b'{"metadata": {"a": "\\ud800"}}',
        b'{"metadata": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001,
        payment(metadata={"note": "nul \x00 inside"}),
        payment(metadata={"nul \x00 inside": 1}),
    ],
)
def test_what_is_not_a_sound_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        decode_body(PAYMENTS, body, True)


@pytest.mark.parametrize("amount", [2**63, -(2**63), 10**30, 10**4_000])
def test_a_number_that_no_database_holds_is_refused(amount: int) -> None:
    body = b'{"orderId": "%s", "paymentMethod": "cash", "amount": %s}'
    # Past 4,300 digits Python itself would not print it; the text is what a caller can send.
    with pytest.raises(InvalidRequest):
        decode_body(PAYMENTS, body % (ID.encode(), str(amount).encode()), False)


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata": {"card": "4111 1111 1111 1111"}},
        {"metadata": {"deep": [{"er": "4111-1111-1111-1111"}]}},
        {"metadata": {"4111111111111111": "as a name"}},
        {"metadata": {"number": 4111111111111111}},
        {"amount": 4111111111111111},
        {"cardNumber": "4111111111111111"},
        {"returnUrl": "https://cafe.example.org/?pan=4111111111111111"},
        {"paymentMethod": "4111111111111111"},
        {"metadata": {"float": 4111111111111111.0}},
        {"metadata": {"list": [[[{"deep": ["4111 1111", "4111 1111 1111 1111"]}]]]}},
        {"metadata": {"lines": "4111\n1111\t1111\r\n1111"}},
        {"metadata": {"4111-1111": {"1111-1111": "4111-1111-1111-1111"}}},
    ],
)
def test_a_card_number_is_refused_wherever_it_hides(changes: dict[str, Any]) -> None:
    with pytest.raises(CardNumberRefused):
        decode_body(PAYMENTS, payment(**changes), True)


@pytest.mark.parametrize(
    "number",
    [
        b"4111111111111111.0",
        b"41111111.11111111e8",
        b"4.111111111111111e15",
        b"4111111111111111e0",
        b"-4111111111111111",
    ],
)
def test_a_card_number_is_refused_however_the_number_is_written(number: bytes) -> None:
    body = b'{"orderId": "%s", "paymentMethod": "cash", "metadata": {"n": %s}}' % (ID.encode(), number)

    with pytest.raises(CardNumberRefused):
        decode_body(PAYMENTS, body, True)


def test_a_card_number_in_other_letters_is_refused() -> None:
    escaped = b'{"orderId": "%s", "paymentMethod": "cash", "returnUrl": "\\u0034111111111111111"}' % ID.encode()

    with pytest.raises(CardNumberRefused):
        decode_body(PAYMENTS, escaped, True)


def test_a_card_number_is_not_looked_for_where_accounts_are_entered() -> None:
    read = decode_body(PAYMENTS, payment(metadata={"iban": "4111 1111 1111 1111"}), False)

    assert read.metadata == {"iban": "4111 1111 1111 1111"}


def test_text_in_any_language_comes_through() -> None:
    read = decode_body(ORDERS, msgspec.json.encode({"items": [], "takeawayName": "Zoë 你好 🎉"}), True)

    assert read.takeaway_name == "Zoë 你好 🎉"


@pytest.mark.parametrize(
    "body",
    [
        {"method": "thirds", "count": 3},
        {"count": 3},
        {"method": "equal"},
        {"method": "equal", "count": 2, "shares": []},
        {"method": "percentage", "shares": [{"amount": 5_000}]},
        {"method": "custom", "shares": [{"basisPoints": 5_000}]},
    ],
)
def test_a_split_has_the_fields_of_its_method_and_no_others(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        decode_body(SPLITS, msgspec.json.encode(body), True)


def test_query_parameters_become_what_they_stand_for() -> None:
    read = decode_query(b"status=ready&limit=20", OrdersQuery)

    assert (read.status, read.limit, read.cursor) == ("ready", 20, None)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (b"page=2", "page"),
        (b"limit=ten", "limit"),
        (b"limit=1e1", "limit"),
        (b"limit=10.0", "limit"),
        (b"limit=%D9%A1", "limit"),
        (b"limit=", "limit"),
        (b"limit=99999999999999999999", "limit"),
        (b"status=eaten", "status"),
        (b"status=ready&status=paid", "status"),
        (b"cursor=a%00b", "cursor"),
    ],
)
def test_a_wrong_query_parameter_is_refused_by_its_name(query: bytes, field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        decode_query(query, OrdersQuery)

    assert refused.value.errors[0].field == field


@pytest.mark.parametrize("query", [b"cursor=%ff", b"\xff", b"&".join([b"a=1"] * 50)])
def test_a_query_string_that_cannot_be_read_is_refused(query: bytes) -> None:
    with pytest.raises(InvalidRequest):
        decode_query(query, OrdersQuery)
