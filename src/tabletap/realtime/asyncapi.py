"""The AsyncAPI 3.0 document of the live API: a channel for each namespace, an operation for each thing that is said.

https://www.asyncapi.com/docs/reference/specification/v3.0.0. What the server does is the application's view there:
`send` is what clients receive, `receive` is what they may send, and an ack is the `reply`.
"""

from typing import Any
from urllib.parse import urlsplit

from tabletap import __version__
from tabletap.realtime.catalogue import Asked, Namespace, Said, Told, events, models, namespaces, stream_of
from tabletap.realtime.messages import Error, Handshake, Refused
from tabletap.realtime.schemas import REFERENCE, Model, Schema, schemas_of

Document = dict[str, Any]
_CONNECT, _REFUSED = "connect", "connect_error"
_ABOUT = (
    "Socket.IO v5 (the official clients), path /socket.io, transports websocket and polling. An event is one JSON "
    "object: its own fields and, beside them, the envelope. Every command is answered by an ack: "
    "{ok: true, result?} or {ok: false, error}. Within a stream and epoch `seq` is 1, 2, 3 … without gap or repeat; "
    "whoever comes back with cursors gets exactly what was missed, or `snapshot_required`."
)


def document(address: str) -> Document:
    """The whole document, for the server at this address."""
    at = urlsplit(address)
    spaces = namespaces()
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "TableTap live", "version": __version__, "description": _ABOUT},
        "defaultContentType": "application/json",
        "servers": {
            "tabletap": {
                "host": at.netloc,
                "protocol": "wss" if at.scheme == "https" else "ws",
                "pathname": "/socket.io",
                "description": "Engine.IO 4 and Socket.IO 5 over WebSocket, or over HTTP polling.",
                "security": [_at("components", "securitySchemes", "token")],
            }
        },
        "channels": {space.name: _channel(space) for space in spaces},
        "operations": {name: each for space in spaces for name, each in _operations(space).items()},
        "components": {
            "messages": _messages(spaces),
            "schemas": schemas_of(models()),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "In the handshake's `auth: {token}` or the Authorization header; never in the URL.",
                }
            },
        },
    }


def _channel(space: Namespace) -> Document:
    return {
        "address": space.path,
        "title": space.path,
        "description": space.says,
        "messages": {name: _at("components", "messages", name) for name in _spoken(space)},
        "x-roles": [str(role) for role in space.roles],
        "x-streams": list(space.streams),
        "x-messages-per-minute": space.messages_per_minute,
    }


def _spoken(space: Namespace) -> list[str]:
    """The messages of a channel, by their names among the components."""
    names = [_CONNECT, _REFUSED, *(said.name for said in space.messages), *(told.key for told in space.events)]
    return names + [name for asked in space.commands for name in (asked.name, _ack(asked))]


def _operations(space: Namespace) -> Document:
    channel = _at("channels", space.name)

    def of_channel(*names: str) -> list[Document]:
        return [_at("channels", space.name, "messages", name) for name in names]

    found = {
        f"{space.name}.connect": {
            "action": "receive",
            "summary": "Connect to the namespace; cursors name the streams to go on with.",
            "channel": channel,
            "messages": of_channel(_CONNECT),
            "reply": {"channel": channel, "messages": of_channel("session_ready", _REFUSED)},
        },
        f"{space.name}.events": {
            "action": "send",
            "summary": "What is heard of the streams that are followed.",
            "channel": channel,
            "messages": of_channel(*(told.key for told in space.events)),
        },
        f"{space.name}.session": {
            "action": "send",
            "summary": "What belongs to no stream.",
            "channel": channel,
            "messages": of_channel(*(said.name for said in space.messages)),
        },
    }
    for asked in space.commands:
        found[f"{space.name}.{asked.name}"] = {
            "action": "receive",
            "summary": asked.says,
            "channel": channel,
            "messages": of_channel(asked.name),
            "reply": {"channel": channel, "messages": of_channel(_ack(asked))},
        }
    return found


def _messages(spaces: tuple[Namespace, ...]) -> Document:
    made = {
        _CONNECT: {"name": _CONNECT, "summary": "The handshake's `auth`.", "payload": _reference(Handshake)},
        _REFUSED: {
            "name": _REFUSED,
            "summary": "The handshake was refused; `data` says why.",
            "payload": _object(message={"type": "string"}, data=_reference(Refused)),
        },
    }
    made |= {told.key: _event(told) for told in events()}
    for space in spaces:
        made |= {said.name: _said(said) for said in space.messages}
        for asked in space.commands:
            made[asked.name] = {"name": asked.name, "summary": asked.says, "payload": _reference(asked.payload)}
            made[_ack(asked)] = _answer(asked)
    return made


def _event(told: Told) -> Document:
    own: Schema = {"properties": {"name": {"const": told.name}}}
    return {
        "name": told.name,
        "title": told.key,
        "summary": told.says,
        "payload": {"allOf": [_at("components", "schemas", "Envelope"), _reference(told.payload), own]},
        "x-streams": [stream_of(audience) for audience in told.audiences],
    }


def _said(said: Said) -> Document:
    return {"name": said.name, "summary": said.says, "payload": _reference(said.payload)}


def _ack(asked: Asked) -> str:
    return f"{asked.name}.ack"


def _answer(asked: Asked) -> Document:
    done = {"ok": {"const": True}} | ({"result": _reference(asked.result)} if asked.result else {})
    codes = [refusal.code for refusal in asked.refusals]
    return {
        "name": _ack(asked),
        "summary": f"The answer to `{asked.name}`.",
        "payload": {"oneOf": [_object(**done), _object(ok={"const": False}, error=_reference(Error))]},
        "x-error-codes": codes,
    }


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _reference(model: Model) -> Document:
    return {"$ref": REFERENCE.format(name=model.__name__)}


def _at(*path: str) -> Document:
    return {"$ref": "#/" + "/".join(path)}
