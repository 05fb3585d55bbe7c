"""Reading requests strictly: bodies and query parameters become structs, or the caller hears which field is wrong."""

import re
from collections.abc import Generator
from typing import Any, ClassVar, TypeVar
from urllib.parse import parse_qsl

import msgspec
from litestar.dto import AbstractDTO, DTOFieldDefinition
from litestar.openapi.spec import Reference, Schema
from litestar.typing import FieldDefinition

from tabletap.http.door import door_of
from tabletap.http.noticing import BODY
from tabletap.http.problems import refusal_of, wrong
from tabletap.kernel.cards import CardNumberRefused, has_card_number
from tabletap.kernel.errors import InvalidRequest

MAX_BODY_BYTES = 64 * 1024
_LARGEST = 2**63 - 1
_WORTH_A_LOOK = re.compile(rb"[0-9](?:[0-9. -]{12}|[0-9.]{4}[eE])")
"""Digits enough for a card number, or for a number that an exponent makes as long."""
_WHOLE = re.compile(r"-?[0-9]{1,18}")

T = TypeVar("T", bound=msgspec.Struct)
Q = TypeVar("Q", bound=msgspec.Struct)


class StrictBody(AbstractDTO[T]):
    """How a handler's `data` is read: nothing is converted, nothing unknown is let through.

    The framework alone would take "480" for 480 and leave unknown fields out without a word.
    """

    _decoders: ClassVar[dict[Any, msgspec.json.Decoder[Any]]] = {}
    """By the annotation of `data`."""

    def decode_bytes(self, value: bytes) -> Any:
        """The struct that the body is. Raises InvalidRequest and CardNumberRefused."""
        handler = self.asgi_connection.route_handler
        field = handler.parsed_data_field
        assert field is not None
        door = door_of(handler)
        if door.refuses_cards:
            self.asgi_connection.scope[BODY] = value  # type: ignore[literal-required]  # a key of ours
        return decode_body(self._decoders[field.annotation], value, door.refuses_cards, moments_pass=not door.needs_key)

    @classmethod
    def create_for_field_definition(
        cls, field_definition: FieldDefinition, handler_id: str, backend_cls: Any = None
    ) -> None:
        """One decoder for each shape, made when the server starts."""
        cls._decoders[field_definition.annotation] = msgspec.json.Decoder(field_definition.annotation)

    @classmethod
    def create_openapi_schema(
        cls, field_definition: FieldDefinition, handler_id: str, schema_creator: Any
    ) -> Reference | Schema:
        """The struct's own schema."""
        schema: Reference | Schema = schema_creator.for_field_definition(field_definition)
        return schema

    @classmethod
    def generate_field_definitions(cls, model_type: type[Any]) -> Generator[DTOFieldDefinition, None, None]:
        """None: the struct is its own transfer shape."""
        yield from ()

    @classmethod
    def detect_nested_field(cls, field_definition: FieldDefinition) -> bool:
        """Never asked: see generate_field_definitions."""
        return False


def decode_body(
    decoder: msgspec.json.Decoder[Any], body: bytes, without_cards: bool, *, moments_pass: bool = False
) -> Any:
    """What the decoder makes of a body. Raises InvalidRequest, and CardNumberRefused where that is asked for.

    `moments_pass` where no money moves: callers make names of their own of the time, and every tenth looks like a card.
    """
    try:
        if _is_worth_a_look(body):
            _look_through(msgspec.json.decode(body), _Watch(without_cards, moments_pass))
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise refusal_of(error) from None


def _is_worth_a_look(body: bytes) -> bool:
    """Whether it may carry a NUL, a number too large for a database or a card number. Most have none of it."""
    return b"\\" in body or not body.isascii() or _WORTH_A_LOOK.search(body) is not None


class _Watch(msgspec.Struct, frozen=True):
    """What to look for."""

    without_cards: bool
    moments_pass: bool

    def see(self, text: str) -> None:
        """Raise CardNumberRefused where that is asked for."""
        if self.without_cards and has_card_number(text, moments_pass=self.moments_pass):
            raise CardNumberRefused


def _look_through(value: Any, watch: _Watch) -> None:
    """Refuse what no field of ours may hold, wherever it is in the body."""
    if isinstance(value, str):
        if "\x00" in value:
            raise InvalidRequest("The body: text must not contain the character NUL.")
        watch.see(value)
    elif isinstance(value, bool | None):
        return
    elif isinstance(value, int):
        watch.see(str(value))
        if abs(value) > _LARGEST:
            raise InvalidRequest("The body: a number is too large.")
    elif isinstance(value, float):
        watch.see(f"{value!r}, {int(value)}")
    elif isinstance(value, dict):
        for key, inner in value.items():
            _look_through(key, watch)
            _look_through(inner, watch)
    elif isinstance(value, list):
        for inner in value:
            _look_through(inner, watch)


def decode_query(query_string: bytes, into: type[Q]) -> Q:
    """The query parameters as a struct. Raises InvalidRequest for unknown, repeated and malformed ones."""
    try:
        pairs = parse_qsl(query_string.decode("ascii"), keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError:
        raise InvalidRequest("The query string is malformed.") from None
    values: dict[str, Any] = {}
    whole = _whole_fields(into)
    for name, text in pairs:
        if name in values:
            raise wrong(name, "is given twice.")
        if "\x00" in text:
            raise wrong(name, "must not contain the character NUL.")
        values[name] = int(text) if name in whole and _WHOLE.fullmatch(text) else text
    try:
        return msgspec.convert(values, into)
    except msgspec.ValidationError as error:
        raise refusal_of(error, "query") from None


_whole_fields_of: dict[type[msgspec.Struct], frozenset[str]] = {}


def _whole_fields(struct: type[msgspec.Struct]) -> frozenset[str]:
    """The names of the parameters that are whole numbers."""
    known = _whole_fields_of.get(struct)
    if known is None:
        known = frozenset(field.encode_name for field in msgspec.structs.fields(struct) if _is_whole(field.type))
        _whole_fields_of[struct] = known
    return known


def _is_whole(annotation: Any) -> bool:
    kinds = msgspec.inspect.type_info(annotation)
    return any(
        isinstance(kind, msgspec.inspect.IntType)
        for kind in (kinds.types if isinstance(kinds, msgspec.inspect.UnionType) else (kinds,))
    )
