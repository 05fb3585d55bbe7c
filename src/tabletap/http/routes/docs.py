"""What the API offers, for machines and for people; nothing of it is loaded from another site."""

from html import escape

import msgspec
from litestar import get
from litestar.enums import MediaType
from litestar.response import Response

from tabletap.http.call import Call
from tabletap.http.openapi import document
from tabletap.http.problems import OWN_CODES, first_sentence
from tabletap.kernel.errors import REFUSALS

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<h1>{title}</h1>
{body}
</html>
"""


@get(["/openapi.json", "/api/v1/openapi.json"], include_in_schema=False)
async def openapi(request: Call) -> Response[bytes]:
    """The OpenAPI document."""
    return Response(msgspec.json.encode(document(request.app)), media_type="application/vnd.oai.openapi+json")


@get(["/asyncapi.json", "/api/v1/asyncapi.json"], include_in_schema=False)
async def asyncapi(request: Call) -> Response[bytes]:
    """The AsyncAPI document of the live API."""
    return Response(msgspec.json.encode(request.app.state.asyncapi()), media_type="application/vnd.aai.asyncapi+json")


@get(["/docs", "/api/v1/docs"], include_in_schema=False, media_type=MediaType.HTML)
async def docs() -> str:
    """Where to find what."""
    links = {
        "/openapi.json": "the HTTP API (OpenAPI 3.1)",
        "/asyncapi.json": "the live API over Socket.IO (AsyncAPI 3.0)",
        "/docs/errors": "every error code",
        "/docs/routes": "every route in a table",
    }
    items = "".join(f'<li><a href="{address}">{address}</a>: {escape(what)}</li>' for address, what in links.items())
    return _PAGE.format(title="TableTap for developers", body=f"<ul>{items}</ul>")


@get("/docs/errors", include_in_schema=False, media_type=MediaType.HTML)
async def errors() -> str:
    """Every code there is, with its status and sentence; the `type` of a problem points here."""
    known = {code: (refusal.kind.value, first_sentence(refusal)) for code, refusal in REFUSALS.items()} | OWN_CODES
    rows = "".join(
        f'<tr id="{code}"><td><code>{code}</code></td><td>{status}</td><td>{escape(sentence)}</td></tr>'
        for code, (status, sentence) in sorted(known.items())
    )
    head = "<tr><th>Code</th><th>Status</th><th>Meaning</th></tr>"
    return _PAGE.format(title="TableTap error codes", body=f"<table>{head}{rows}</table>")


@get("/docs/routes", include_in_schema=False, media_type=MediaType.HTML)
async def routes(request: Call) -> str:
    """Every route in a table, for people who want no viewer."""
    rows = "".join(
        f"<tr><td>{method.upper()}</td><td><code>{escape(path)}</code></td>"
        f"<td>{escape(str(operation.get('description', '')))}</td></tr>"
        for path, item in document(request.app)["paths"].items()
        for method, operation in item.items()
    )
    head = "<tr><th>Method</th><th>Path</th><th></th></tr>"
    return _PAGE.format(title="TableTap routes", body=f"<table>{head}{rows}</table>")


ROUTES = (openapi, asyncapi, docs, errors, routes)
