"""JSON schemas of the messages, made from their models: types, descriptions, and what may be missing."""

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache
from itertools import pairwise
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec

Schema = dict[str, Any]
Model = type[msgspec.Struct]
REFERENCE = "#/components/schemas/{name}"


def schemas_of(models: Iterable[Model]) -> dict[str, Schema]:
    """The schemas of the models and of all they are made of, by name."""
    given = list(models)
    _, found = msgspec.json.schema_components(given, schema_hook=_anything, ref_template=REFERENCE)
    for model in _with_parts(given):
        _complete(found[model.__name__], model)
    return dict(sorted(found.items()))


def sentence_of(documented: Any) -> str:
    """What a docstring says, in one line."""
    return " ".join((documented.__doc__ or "").split())


def _anything(_: type) -> Schema:
    return {"description": "Any JSON value."}


def _complete(schema: Schema, model: Model) -> None:
    """Say what the library does not: moments, what fields mean, and that what is left out is never null."""
    schema["description"] = sentence_of(model)
    said = _meanings(model)
    for field in msgspec.structs.fields(model):
        shape = schema["properties"][field.encode_name]
        choices = [choice for choice in shape.get("anyOf", [shape]) if choice != {"type": "null"}]
        if datetime in _members(field.type):
            choices[0]["format"] = "date-time"
        if field.default is None:
            shape.pop("default")
            if model.__struct_config__.omit_defaults:
                del shape["anyOf"]
                shape.update(choices[0] if len(choices) == 1 else {"anyOf": choices})
        if field.name in said:
            shape["description"] = said[field.name]


def _members(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _with_parts(models: Iterable[Model]) -> set[Model]:
    """The models and the structs inside them, however deep."""
    found: set[Model] = set()
    waiting = list(msgspec.inspect.multi_type_info(models))
    while waiting:
        node = waiting.pop()
        if isinstance(node, msgspec.inspect.StructType):
            if node.cls in found:
                continue
            found.add(node.cls)
        waiting.extend(_inside(node))
    return found


def _inside(node: msgspec.inspect.Type) -> Iterator[msgspec.inspect.Type]:
    for name in node.__struct_fields__:
        value = getattr(node, name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, msgspec.inspect.Field):
                yield part.type
            elif isinstance(part, msgspec.inspect.Type):
                yield part


def _meanings(model: Model) -> dict[str, str]:
    """What stands below the fields of a model and of those it extends, as their docstring."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if issubclass(each, msgspec.Struct) and each is not msgspec.Struct:
            found |= _documented(each.__module__).get(each.__name__, {})
    return found


@cache
def _documented(module: str) -> dict[str, dict[str, str]]:
    """The documented fields of a module's classes."""
    classes = [
        node for node in ast.parse(inspect.getsource(sys.modules[module])).body if isinstance(node, ast.ClassDef)
    ]
    return {each.name: dict(_fields_with_text(each)) for each in classes}


def _fields_with_text(defined: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for before, after in pairwise(defined.body):
        match before, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, " ".join(text.split())
