"""Writes events.d.ts: everything that the live API sends and takes, as TypeScript reads it, from the same schemas."""

import json
from collections.abc import Iterable
from typing import Any

from tabletap.audiences.registry import EVENTS
from tabletap.audiences.snapshots import state_model
from tabletap.audiences.streams import Audience
from tabletap.realtime.catalogue import Asked, Namespace, models, namespaces, stream_of
from tabletap.realtime.gateway import OF_EVERY_MESSAGE
from tabletap.realtime.problems import BUG
from tabletap.realtime.schemas import Model, Schema, schemas_of

_RENAMED = {"Error": "LiveError"}
"""What JavaScript has a meaning for already."""
_PRIMITIVES = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
_HEAD = """\
// What the live API of TableTap sends and takes. Made by `make docs` from the server's own models; do not edit.
//
//   import type { ClientEvents, ServerEvents } from 'tabletap-live/events';
//   /** @type {import('socket.io-client').Socket<ServerEvents<'/kitchen'>, ClientEvents<'/kitchen'>>} */
//   const socket = io('/kitchen', { auth: { token } });
"""
_TAIL = """\
export type Namespace = keyof CommandsIn;
export type CommandName = keyof Commands;
export type Audience = keyof EventsOf;
export type EventName<A extends Audience = Audience> = A extends Audience ? keyof EventsOf[A] & string : never;

/** An event as an audience is told it: its own fields and the envelope. */
export type StreamEvent<A extends Audience = Audience, N extends string = string> = A extends Audience
  ? { [K in EventName<A>]: Omit<Envelope, 'name' | 'stream'> & { name: K; stream: StreamKey[A] } & EventsOf[A][K] }[
      EventName<A> & N]
  : never;

/** What `GET /api/v1/streams/{stream}/snapshot` answers: the state, and where in the stream it was true. */
export interface Snapshot<A extends Audience = Audience> {
  state: StateOf[A];
  epoch: number;
  seq: number;
}

export type Done<Result> = Result extends undefined ? { ok: true } : { ok: true; result: Result };
export type Failed<Code extends string = string> = { ok: false; error: LiveError & { code: Code } };
export type Ack<C extends CommandName> = Done<Commands[C]['result']> | Failed<Commands[C]['codes']>;

/** For `Socket<ServerEvents<S>, ClientEvents<S>>` of socket.io-client: what is heard in a namespace. */
export type ServerEvents<S extends Namespace> = {
  [N in EventName<StreamsIn[S]>]: (event: StreamEvent<StreamsIn[S], N>) => void;
} & {
  [N in MessagesIn[S]]: (message: ServerMessages[N]) => void;
};

/** The same for what is sent: each command with its payload and its ack. */
export type ClientEvents<S extends Namespace> = {
  [C in CommandsIn[S]]: (payload: Commands[C]['payload'], answer: (ack: Ack<C>) => void) => void;
};
"""


def declarations() -> str:
    """The whole file."""
    spaces = namespaces()
    schemas = schemas_of(models())
    parts = [_HEAD, *(_interface(name, schema) for name, schema in schemas.items())]
    parts += [_streams(), _events(), _states(), _streams_in(spaces), _messages(spaces), _commands(spaces), _TAIL]
    return "\n".join(parts)


def _interface(name: str, schema: Schema) -> str:
    required = schema.get("required", [])
    lines: list[str] = []
    for field, shape in schema.get("properties", {}).items():
        if "description" in shape and "$ref" not in shape:
            lines.append(f"  {_comment(shape['description'])}")
        lines.append(f"  {field}{'' if field in required else '?'}: {_type(shape)};")
    body = "\n".join(["{", *lines, "}"]) if lines else "{}"
    return f"{_comment(schema['description'])}\nexport interface {_RENAMED.get(name, name)} {body}\n"


def _comment(text: str) -> str:
    return f"/** {text.replace('*/', '* /')} */"


def _type(shape: Schema) -> str:
    if "$ref" in shape:
        name: str = shape["$ref"].rsplit("/", 1)[1]
        return _RENAMED.get(name, name)
    if "enum" in shape:
        return " | ".join(_literal(value) for value in shape["enum"])
    if "const" in shape:
        return _literal(shape["const"])
    if "anyOf" in shape:
        return " | ".join(dict.fromkeys(_type(choice) for choice in shape["anyOf"]))
    match shape.get("type"):
        case "array":
            item = _type(shape.get("items", {}))
            return f"({item})[]" if " " in item else f"{item}[]"
        case "object":
            return f"Record<string, {_type(shape.get('additionalProperties') or {})}>"
        case str(kind):
            return _PRIMITIVES[kind]
    return "unknown"


def _literal(value: Any) -> str:
    return "'" + value.replace("'", "\\'") + "'" if isinstance(value, str) else json.dumps(value)


def _map(name: str, says: str, entries: Iterable[tuple[str, str]]) -> str:
    lines = [f"  {key}: {value};" for key, value in entries]
    return "\n".join([_comment(says), f"export interface {name} {{", *lines, "}", ""])


def _streams() -> str:
    def template(audience: Audience) -> str:
        key = stream_of(audience)
        for placeholder in ("{cafeId}", "{orderId}", "{paymentId}", "{personId}", "{role}"):
            key = key.replace(placeholder, "${string}")
        return f"`{key}`"

    return _map(
        "StreamKey", "How the streams of an audience are called.", ((each, template(each)) for each in Audience)
    )


def _events() -> str:
    def told(audience: Audience) -> str:
        heard = {name: model.payloads[audience] for name, model in EVENTS.items() if audience in model.payloads}
        return _inline((name, _name(payload)) for name, payload in heard.items())

    return _map("EventsOf", "What each audience is told.", ((each, told(each)) for each in Audience))


def _states() -> str:
    states = ((each, _name(state_model(each))) for each in Audience)
    return _map("StateOf", "What the snapshots of an audience's streams are made of.", states)


def _streams_in(spaces: tuple[Namespace, ...]) -> str:
    heard = ((f"'{space.path}'", _choice(space.audiences)) for space in spaces)
    return _map("StreamsIn", "Which audiences' streams may be followed in a namespace.", heard)


def _messages(spaces: tuple[Namespace, ...]) -> str:
    said = {each.name: _name(each.payload) for space in spaces for each in space.messages}
    where = ((f"'{space.path}'", _choice(each.name for each in space.messages)) for space in spaces)
    return "\n".join(
        (
            _map("ServerMessages", "What the server says that belongs to no stream.", said.items()),
            _map("MessagesIn", "Which of it is said in a namespace.", where),
        )
    )


def _commands(spaces: tuple[Namespace, ...]) -> str:
    asked = {each.name: each for space in spaces for each in space.commands}
    lines = [
        line for each in asked.values() for line in (f"  {_comment(each.says)}", f"  {each.name}: {_command(each)};")
    ]
    where = ((f"'{space.path}'", _choice(each.name for each in space.commands)) for space in spaces)
    return "\n".join(
        (
            _comment("Why anything that is sent may be refused."),
            f"export type AnyCode = {_choice((*(refusal.code for refusal in OF_EVERY_MESSAGE), BUG.code))};\n",
            _comment("What may be sent, what is answered, and why it may be refused."),
            "\n".join(["export interface Commands {", *lines, "}", ""]),
            _map("CommandsIn", "Which commands a namespace understands.", where),
        )
    )


def _command(asked: Asked) -> str:
    own = [refusal.code for refusal in asked.refusals if refusal not in OF_EVERY_MESSAGE]
    result = _name(asked.result) if asked.result else "undefined"
    codes = " | ".join(["AnyCode", _choice(own)] if own else ["AnyCode"])
    return f"{{ payload: {_name(asked.payload)}; result: {result}; codes: {codes} }}"


def _choice(names: Iterable[str]) -> str:
    return " | ".join(f"'{name}'" for name in names)


def _inline(entries: Iterable[tuple[str, str]]) -> str:
    lines = [f"    {key}: {value};" for key, value in entries]
    return "\n".join(["{", *lines, "  }"]) if lines else "Record<never, never>"


def _name(model: Model) -> str:
    return _RENAMED.get(model.__name__, model.__name__)
