"""The names of streams."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabletap.audiences.streams import (
    OF_THE_CAFE,
    StreamName,
    of_cafe,
    of_order,
    of_payment,
    of_role,
    of_user,
    parse,
)
from tabletap.kernel.people import Role

ID = "01890a5d-ac96-774b-bcce-b302099a8057"


def test_streams_are_called_as_the_contract_calls_them() -> None:
    keys = [of_cafe(audience, ID).key for audience in OF_THE_CAFE]

    assert keys == [f"cafe:{ID}:{tail}" for tail in ("kitchen", "counter", "staff", "management", "board")]
    assert of_role(Role.KITCHEN, ID).key == f"cafe:{ID}:role:kitchen"
    assert (of_order(ID).key, of_payment(ID).key, of_user(ID).key) == (f"order:{ID}", f"payment:{ID}", f"user:{ID}")


@pytest.mark.parametrize(
    "stream",
    [
        *(of_cafe(each, ID) for each in OF_THE_CAFE),
        *(of_role(role, ID) for role in Role),
        *(of(ID) for of in (of_order, of_payment, of_user)),
    ],
    ids=lambda stream: stream.key.replace(ID, "id"),
)  # fmt: skip
def test_every_name_is_read_as_it_is_written(stream: StreamName) -> None:
    assert parse(stream.key) == stream


@pytest.mark.parametrize(
    "key",
    [
        "", ":", "cafe", f"cafe:{ID}", f"cafe:{ID}:", f"cafe:{ID}:role", f"cafe:{ID}:role:", f"cafe:{ID}:role:cook",
        f"cafe:{ID}:kitchen:", f"cafe:{ID}:order", f"order:{ID}:kitchen", f"order:{ID.upper()}", "order:1",
        f"ORDER:{ID}", f"device:{ID}", f" order:{ID}", f"order:{ID}\n", f"cafe:{ID}:user", "order:" + "a" * 100_000,
    ],
)  # fmt: skip
def test_nothing_else_is_a_stream(key: str) -> None:
    assert parse(key) is None


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    found = parse(text)

    assert found is None or found.key == text
