"""The OpenAPI 3.1 document of what every Turnout serves, whatever its file says: /openapi.json.

Litestar's own generator knows nothing of the data plane, which is one ASGI mount (app.py), so the document is made
here: paths from the dialects' endpoints, request bodies from the Structs that check them, answers from `answers.py`.
`pass` routes and bases are the file's own and not in it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from engine import __version__
from engine.dialects import ENDPOINTS
from engine.serve.openapi.answers import ANSWERS, ERRORS, EXAMPLES, SCHEMAS, STREAMS, TEXT, Json, ref, up_to

if TYPE_CHECKING:
    from engine.dialects.base import Dialect, Endpoint

ASKED_REF = "#/components/schemas/{name}Request"
ABOUT = (
    "One endpoint in front of many model servers. A body may hold any field beside those named here: it passes, or is "
    "translated. Errors have the form of the API called; answers carry `x-turnout-*` headers."
)
STATUSES = {
    400: "The request cannot be read, or the upstream refuses it",
    401: "No key, or none that is known",
    403: "The key, or the page that calls, may not do this",
    404: "There is no such model, object or path",
    413: "The body is larger than server.body_limit",
    415: "The body is no JSON, or coded in a way that is not understood",
    421: "The Host is not in server.hosts",
    429: "A limit of Turnout or of the upstream is used up",
    500: "The upstream failed (Messages), or Turnout did",
    502: "The upstream failed, or could not be reached",
    503: "Overloaded, or no target is on",
    504: "The upstream took too long",
    529: "Overloaded",
}
REFUSALS = (400, 401, 403, 404, 413, 415, 421, 429, 500, 502, 503, 504, 529)
"""What a model endpoint may answer instead."""
LOOKED_UP = (400, 401, 403, 404, 421, 429, 500, 503)
SECURITY: list[Json] = [{}, {"bearer": []}, {"x-api-key": []}, {"api-key": []}, {"x-turnout-key": []}]
"""Rule K1; `{}`: without a key, where the file lets anonymous callers in."""

LINKS = {
    name: {"operationId": name, "parameters": {"response_id": "$response.body#/id"}}
    for name in ("response", "input_items", "cancel_response", "delete_response")
}
"""What can be done with a response that has been made."""


@cache
def document() -> bytes:
    """Return the document as JSON, made when it is first asked for."""
    bodies = [endpoint.body for _, endpoint in ENDPOINTS.values()]
    _, asked = msgspec.json.schema_components(bodies, ref_template=ASKED_REF)
    models = {path: _endpoint(dialect, endpoint) for path, (dialect, endpoint) in ENDPOINTS.items()}
    schemas = {**SCHEMAS, **{f"{name}Request": schema for name, schema in asked.items()}}
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "Turnout", "version": __version__, "description": ABOUT},
            "paths": {**models, **_models(), **_objects(), **_control()},
            "components": {"schemas": schemas, "securitySchemes": _schemes()},
        }
    )


def _endpoint(dialect: Dialect, endpoint: Endpoint) -> Json:
    error = ERRORS[dialect.name]
    good: Json = {"application/json": {"schema": ref(ANSWERS[endpoint.api])}}
    if endpoint.api in STREAMS:
        good["text/event-stream"] = {}
    answer = {"description": "The answer", "content": good, **({"links": LINKS} if endpoint.api == "responses" else {})}
    asked = {"schema": ref(f"{endpoint.body.__name__}Request"), "example": EXAMPLES[endpoint.api]}
    return {
        "post": {
            "operationId": endpoint.api,
            "tags": [dialect.name],
            "security": SECURITY,
            "requestBody": {"required": True, "content": {"application/json": asked}},
            "responses": {"200": answer, **_errors(error, REFUSALS)},
        }
    }


def _models() -> Json:
    """/v1/models answers in the form of the API whose client asks: Anthropic's send `anthropic-version`."""
    version = {"name": "anthropic-version", "in": "header", "schema": TEXT}
    pages = [_query("limit", up_to(1000)), _query("after_id", TEXT), _query("before_id", TEXT)]
    return {
        "/v1/models": {"get": _read("models", _either("ModelList"), "AnyError", [version, *pages])},
        "/v1/models/{model}": {"get": _read("model", _either("Model"), "AnyError", [version, _step("model")])},
    }


def _objects() -> Json:
    """What is kept of responses, to those who made them."""
    ident = _step("response_id")
    streamed = [ident, _query("stream", {"enum": ["true", "false"]}), _query("starting_after", up_to(2**31, 0))]
    pages = [ident, _query("order", {"enum": ["asc", "desc"]}), _query("limit", up_to(100)), _query("after", TEXT)]
    error = ERRORS["openai"]
    kept = _read("response", ref("Response"), error, streamed)
    kept["responses"]["200"]["content"]["text/event-stream"] = {}
    return {
        "/v1/responses/{response_id}": {
            "get": kept,
            "delete": _read("delete_response", ref("DeletedResponse"), error, [ident]),
        },
        "/v1/responses/{response_id}/input_items": {"get": _read("input_items", ref("ItemList"), error, pages)},
        "/v1/responses/{response_id}/cancel": {"post": _read("cancel_response", ref("Response"), error, [ident])},
    }


def _control() -> Json:
    """What tells of the process. It takes no key."""
    return {
        "/": {"get": _open("greeting", "Greeting")},
        "/health": {"get": _open("health", "Health")},
        "/ready": {"get": _open("ready", "Ready", 503)},
        "/status": {"get": _shown("status", {"application/json": {"schema": {"type": "object"}}, "text/html": {}})},
        "/metrics": {"get": _shown("metrics", {"text/plain": {}, "application/openmetrics-text": {}}, 404)},
    }


def _read(name: str, schema: Json, error: str, parameters: list[Json]) -> Json:
    good = {"description": "The answer", "content": {"application/json": {"schema": schema}}}
    return {
        "operationId": name,
        "security": SECURITY,
        "parameters": parameters,
        "responses": {"200": good, **_errors(error, LOOKED_UP)},
    }


def _open(name: str, schema: str, *also: int) -> Json:
    """Return an operation that answers in one form, whatever its status."""
    content = {"application/json": {"schema": ref(schema)}}
    answers = {str(status): {"description": "The answer", "content": content} for status in (200, *also)}
    return {"operationId": name, "responses": {**answers, "default": _error("AnyError", "Not answered")}}


def _shown(name: str, content: Json, *also: int) -> Json:
    """Return an operation for whoever calls from an address in `observe.allow`."""
    refused = {str(status): _error("AnyError", STATUSES[status]) for status in (403, 421, *also)}
    good = {"description": "The answer", "content": content}
    return {"operationId": name, "responses": {"200": good, **refused, "default": _error("AnyError", "Not answered")}}


def _errors(schema: str, statuses: tuple[int, ...]) -> Json:
    told = {str(status): _error(schema, STATUSES[status]) for status in statuses}
    return {**told, "default": _error(schema, "An error, as the upstream told it")}


def _error(schema: str, description: str) -> Json:
    return {"description": description, "content": {"application/json": {"schema": ref(schema)}}}


def _either(word: str) -> Json:
    return {"anyOf": [ref(f"OpenAI{word}"), ref(f"Anthropic{word}")]}


def _query(name: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "schema": schema}


def _step(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _schemes() -> dict[str, Any]:
    named = {
        name: {"type": "apiKey", "in": "header", "name": name} for name in ("x-api-key", "api-key", "x-turnout-key")
    }
    return {"bearer": {"type": "http", "scheme": "bearer"}, **named}
