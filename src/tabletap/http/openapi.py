"""The OpenAPI document: what the framework knows of routes and shapes, and what our doors add to it."""

from typing import Any

import msgspec
from litestar import Litestar
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.routes import HTTPRoute

from tabletap import __version__
from tabletap.http.door import Door, door_of
from tabletap.http.problems import MEDIA_TYPE, Problem

_BEARER = "bearer"
_PROBLEM = "Problem"
_COMPONENT = "#/components/schemas/{name}"
_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "The same key and body give the same answer, however often they are sent.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
CONFIG = OpenAPIConfig(
    title="TableTap",
    version=__version__,
    description="Payments and live order flow for cafes. Every amount is a whole number of minor units.",
    path="/docs/openapi",
    render_plugins=[JsonRenderPlugin()],
    use_handler_docstrings=True,
)

Document = dict[str, Any]


def document(app: Litestar) -> Document:
    """The document of all routes that are in the schema. Made once for each application."""
    known: Document | None = app.state.get("openapi")
    if known is None:
        known = _made(app)
        app.state["openapi"] = known
    return known


def _made(app: Litestar) -> Document:
    made = app.openapi_schema.to_schema()
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    made["components"]["securitySchemes"] = {_BEARER: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    (_, problem), components = _schemas_of(Problem)
    schemas.update(components)
    schemas[_PROBLEM] = problem
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                for method in handler.http_methods:
                    operation = made["paths"].get(route.path_format, {}).get(method.lower())
                    if operation is not None:
                        _complete(operation, door_of(handler))
    return made


def _complete(operation: Document, door: Door) -> None:
    """Add to one operation what the framework does not know of it."""
    parameters = operation.setdefault("parameters", [])
    parameters.extend(_query_parameters(door))
    if door.needs_key:
        parameters.append(_KEY_PARAMETER)
    operation["security"] = [] if door.public else [{_BEARER: []}]
    responses = operation["responses"]
    responses.pop("400", None)
    schema = {"$ref": _COMPONENT.format(name=_PROBLEM)}
    responses["default"] = {"description": "What went wrong", "content": {MEDIA_TYPE: {"schema": schema}}}


def _query_parameters(door: Door) -> list[Document]:
    if door.query is None:
        return []
    (_, schema), _components = _schemas_of(door.query)
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": shape}
        for name, shape in schema["properties"].items()
    ]


def _schemas_of(struct: type[msgspec.Struct]) -> tuple[tuple[str, Document], Document]:
    """The struct's name and schema, and those of the shapes inside it."""
    _, components = msgspec.json.schema_components([struct], ref_template=_COMPONENT)
    schema = components.pop(struct.__name__)
    return (struct.__name__, schema), components
