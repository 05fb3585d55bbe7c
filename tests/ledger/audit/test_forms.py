"""The exact bytes that are hashed and signed."""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from tabletap.kernel.ids import new_id
from tabletap.ledger.audit import signing
from tabletap.ledger.audit.model import NOTHING, Head, canonical, head_bytes, key_id_of

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


@given(st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.integers() | st.text(max_size=20)))
def test_the_canonical_form_is_plain_json_without_null(fields: dict[str, object]) -> None:
    text = canonical(fields)

    assert json.loads(text) == {name: value for name, value in fields.items() if value is not None}
    assert text == canonical(dict(reversed(fields.items())))
    assert text == canonical({**fields, "a column of later": None})


@given(st.binary(min_size=32, max_size=32), st.integers(0, 63), st.integers(0, 7))
def test_a_signature_with_one_bit_changed_is_none(private_key: bytes, place: int, bit: int) -> None:
    public_key = signing.public_key_of(private_key)
    bare = Head(new_id(), new_id(), "2026-11-23", 1, 7, NOTHING, key_id_of(public_key), b"", AT)
    signature = bytearray(signing.signature_of(private_key, head_bytes(bare)))
    assert signing.is_signed(public_key, bytes(signature), head_bytes(bare))

    signature[place] ^= 1 << bit

    assert not signing.is_signed(public_key, bytes(signature), head_bytes(bare))
    assert not signing.is_signed(b"short", bytes(signature), head_bytes(bare))
