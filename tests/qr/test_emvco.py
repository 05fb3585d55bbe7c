"""Fields, lengths and the checksum of codes that merchants show."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabletap.qr.emvco import EmvcoUnreadable, Fields, decode, encode

FROM_THE_SPECIFICATION = (
    "00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678520441115802CN5914BEST TRANSPORT"
    "6007BEIJING64200002ZH0104最佳运输0202北京540523.7253031565502016233030412340603***0708A60086670902ME"
    "91320016A0112233449988770708123456786304A13A"
)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20)
INSIDE = st.dictionaries(st.sampled_from(["00", "01", "05", "99"]), VALUES, min_size=1)
FIELDS = st.fixed_dictionaries(
    {}, optional={"01": VALUES, "26": INSIDE, "51": INSIDE, "54": VALUES, "60": VALUES, "62": INSIDE, "80": INSIDE}
)


def test_the_example_of_the_specification_is_read() -> None:
    fields = decode(FROM_THE_SPECIFICATION)

    assert fields["59"] == "BEST TRANSPORT"
    assert fields["54"] == "23.72"
    assert fields["31"] == {"00": "D15600000001", "03": "12345678"}
    assert fields["62"] == {"03": "1234", "06": "***", "07": "A6008667", "09": "ME"}
    assert fields["64"] == {"00": "ZH", "01": "最佳运输", "02": "北京"}


@settings(max_examples=300)
@given(fields=FIELDS)
def test_whatever_is_written_is_read_again(fields: Fields) -> None:
    payload = encode(fields)

    assert decode(payload) == {"00": "01", **fields}
    assert payload.startswith("000201")
    assert payload[-8:-4] == "6304"


@settings(max_examples=300)
@given(place=st.integers(0), character=st.characters(min_codepoint=32, max_codepoint=126))
def test_one_changed_character_is_always_noticed(place: int, character: str) -> None:
    payload = encode({"26": {"00": "SG.PAYNOW", "02": "201403121W"}, "54": "4.80"})
    place %= len(payload)
    changed = payload[:place] + character + payload[place + 1 :]

    if changed == payload:
        assert decode(changed)["54"] == "4.80"
    else:
        with pytest.raises(EmvcoUnreadable):
            decode(changed)


def signed(body: str) -> str:
    """A text with a right checksum and, perhaps, nothing else that is right."""
    crc = 0xFFFF
    for byte in f"{body}6304".encode():
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return f"{body}6304{crc:04X}"


def test_the_checksum_is_that_of_the_standard() -> None:
    payload = encode({"54": "4.80"})

    assert signed(payload[:-8]) == payload


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "000201",
        "https://cafe.example/pay/1",
        signed("010212"),
        signed("00020154"),
        signed("000201540"),
        signed("0002015405"),
        signed("00020154009"),
        signed("0002015x04abcd"),
        signed("00020154014540" + "15"),
        signed("000201" + "2603abc"),
        "000201" + "5" * 600,
    ],
    ids=[
        "nothing",
        "no checksum",
        "a link",
        "no version",
        "no length",
        "half a length",
        "too short",
        "empty field",
        "no number",
        "twice",
        "broken inside",
        "too long",
    ],
)
def test_what_is_broken_is_not_read(payload: str) -> None:
    with pytest.raises(EmvcoUnreadable):
        decode(payload)


@pytest.mark.parametrize(
    "fields",
    [
        {"54": ""},
        {"59": "x" * 100},
        {"59": "Café"},
        {"59": "two\nlines"},
        {"6": "x"},
        {"63": "x"},
        {"26": {"00": "x" * 96}},
        {f"{number}": "x" * 99 for number in range(54, 60)},
    ],
    ids=["empty", "too long", "not ascii", "two lines", "no field", "the checksum's", "too long inside", "in all"],
)
def test_what_does_not_fit_is_refused_and_never_cut_off(fields: Fields) -> None:
    with pytest.raises(ValueError, match=r"field|characters"):
        encode(fields)
