"""Writes the reference page of the live API: namespaces, streams, events with fields, commands with acks."""

from collections.abc import Iterable

from tabletap.audiences.registry import EVENTS
from tabletap.audiences.snapshots import state_model
from tabletap.audiences.streams import Audience
from tabletap.kernel.errors import Refusal
from tabletap.realtime.catalogue import Asked, Namespace, events, hearers, models, namespaces, stream_of
from tabletap.realtime.gateway import OF_EVERY_MESSAGE
from tabletap.realtime.messages import SERVER_MESSAGES, Error, ErrorType
from tabletap.realtime.problems import BUG, TYPES
from tabletap.realtime.schemas import Model, Schema, schemas_of, sentence_of

_ABOUT = """\
Socket.IO v5, path `/socket.io`, transports websocket and polling; the official clients work as they are. All six
namespaces share one connection. The same is here for machines: [asyncapi.json](asyncapi.json) (AsyncAPI 3.0; a running
server has it at `/asyncapi.json`) and [events.d.ts](../../clients/javascript/events.d.ts) (TypeScript). How to write a
client: [guides/live-client.md](../guides/live-client.md)."""


class _Page:
    """Schemas in one place, so that every table can say what a field is."""

    def __init__(self) -> None:
        self.schemas = schemas_of(models())
        self.shown: set[str] = set()

    def table(self, model: Model) -> list[str]:
        """The fields of a model."""
        self.shown.add(model.__name__)
        return self._rows(self.schemas[model.__name__])

    def shapes(self) -> list[str]:
        """What has no table yet, and what is inside something else."""
        inside = {name for schema in self.schemas.values() for name in _references(schema)}
        lines: list[str] = []
        for name in sorted(inside | (self.schemas.keys() - self.shown)):
            lines += [f"### {name}", "", self.schemas[name]["description"], "", *self._rows(self.schemas[name]), ""]
        return lines

    def _rows(self, schema: Schema) -> list[str]:
        fields = schema.get("properties", {})
        if not fields:
            return ["No fields."]
        required = schema.get("required", [])
        rows = [
            f"| `{field}`{'' if field in required else ' ?'} | {_kind(shape)} | {_cell(shape.get('description', ''))} |"
            for field, shape in fields.items()
        ]
        return ["| field | type | |", "|---|---|---|", *rows]


def live_reference(generated: str) -> str:
    """The whole page."""
    page, spaces = _Page(), namespaces()
    lines = [
        "# Live API reference",
        "",
        generated,
        "",
        _ABOUT,
        "",
        "A field marked `?` may be missing; every amount is a whole number of minor units.",
        "",
    ]
    lines += ["## Namespaces", "", *_namespaces(spaces), ""]
    lines += ["## Streams", "", *_streams(), ""]
    lines += ["## Events", "", *_events(page)]
    lines += ["## What belongs to no stream", "", *_messages(page, spaces)]
    lines += ["## Commands", "", *_commands(page, spaces)]
    lines += ["## Errors", "", *_errors(page), ""]
    lines += ["## Shapes", "", *page.shapes()]
    return "\n".join(lines).rstrip() + "\n"


def _namespaces(spaces: Iterable[Namespace]) -> list[str]:
    rows = [
        f"| `{space.path}` | {', '.join(space.roles)} | {_code(space.streams)} | {space.messages_per_minute} |"
        for space in spaces
    ]
    head = "Who may connect, which streams may be followed there, and how many messages a person may send a minute."
    return [head, "", "| namespace | who | streams | messages a minute |", "|---|---|---|---|", *rows]


def _streams() -> list[str]:
    head = (
        "A stream is an audience with a dense numbering of its own. `order:` is heard by staff, who placed or paid it "
        "and who sits at its table; `payment:` by staff and who pays; `user:` by that person alone."
    )
    rows = [_stream(audience) for audience in Audience]
    return [head, "", "| stream | who hears it | events | snapshot |", "|---|---|---|---|", *rows]


def _stream(audience: Audience) -> str:
    told = _code(name for name, model in EVENTS.items() if audience in model.payloads)
    state = state_model(audience).__name__
    who = ", ".join(hearers(audience)) or "own"
    return f"| `{stream_of(audience)}` | {who} | {told} | [{state}](#{state.lower()}) |"


def _events(page: _Page) -> list[str]:
    lines = ["Beside its own fields every event carries the [envelope](#envelope).", ""]
    for name, model in EVENTS.items():
        lines += [f"### `{name}`", "", model.says, ""]
        for told in (each for each in events() if each.name == name):
            lines += [f"To {_code(map(stream_of, told.audiences))}:", "", *page.table(told.payload), ""]
    return lines


def _messages(page: _Page, spaces: Iterable[Namespace]) -> list[str]:
    lines: list[str] = []
    for name, message in SERVER_MESSAGES.items():
        where = [space.path for space in spaces if name in {said.name for said in space.messages}]
        place = "everywhere" if len(where) == len(tuple(spaces)) else _code(where)
        lines += [
            f"### `{name}`",
            "",
            f"{sentence_of(message.payload)} Said {place}.",
            "",
            *page.table(message.payload),
            "",
        ]
    return lines


def _commands(page: _Page, spaces: Iterable[Namespace]) -> list[str]:
    lines = [
        "Every command has one object as its payload and is answered by an ack, `{ok: true, result?}` or "
        "`{ok: false, error}`; the same [error](#error) is also emitted as `exception`. Unknown fields are refused. "
        f"Any of them may be refused with {_codes(OF_EVERY_MESSAGE)} or `{BUG.code}`.",
        "",
    ]
    asked = {each.name: each for space in spaces for each in space.commands}
    for name, each in asked.items():
        where = _code(space.path for space in spaces if name in {other.name for other in space.commands})
        lines += [f"### `{name}`", "", f"{each.says} In {where}.", "", *page.table(each.payload), ""]
        lines += [_result(each), ""]
    return lines


def _result(asked: Asked) -> str:
    own = [refusal for refusal in asked.refusals if refusal not in OF_EVERY_MESSAGE]
    name = asked.result.__name__ if asked.result else ""
    result = f"Result: [{name}](#{name.lower()})." if name else "No result."
    return f"{result} Its own codes: {_codes(own)}." if own else result


def _errors(page: _Page) -> list[str]:
    kinds: dict[ErrorType, list[str]] = {}
    for kind, name in TYPES.items():
        kinds.setdefault(name, []).append(str(kind.value))
    rows = [f"| `{name}` | {', '.join(statuses)} |" for name, statuses in kinds.items()]
    return [
        "The codes and their sentences are on the page of [error codes](errors.md); HTTP answers the same ones.",
        "",
        *page.table(Error),
        "",
        "| type | the same refusal over HTTP |",
        "|---|---|",
        *rows,
    ]


def _codes(refusals: Iterable[type[Refusal]]) -> str:
    return _code(refusal.code for refusal in refusals)


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _references(shape: object) -> Iterable[str]:
    if isinstance(shape, dict):
        for key, value in shape.items():
            if key == "$ref":
                yield value.rsplit("/", 1)[1]
            else:
                yield from _references(value)
    elif isinstance(shape, list):
        for value in shape:
            yield from _references(value)


def _kind(shape: Schema) -> str:
    if "$ref" in shape:
        name = shape["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "enum" in shape:
        return " \\| ".join(f"`{value}`" for value in shape["enum"])
    if "anyOf" in shape:
        return " \\| ".join(_kind(choice) for choice in shape["anyOf"])
    if shape.get("type") == "array":
        return f"list of {_kind(shape.get('items', {}))}"
    if shape.get("type") == "object":
        return f"map to {_kind(shape.get('additionalProperties') or {})}"
    return str(shape.get("format") or shape.get("type") or "any")
