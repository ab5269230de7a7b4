"""The OpenAPI 3.1 description, made from the table of routes and from the types of the JSON documents."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from ... import __version__
from ...dependencies import SiteInfo
from ...formats.person_json import encode_json
from ...formats.profile_json import PeopleDocument
from ...ops.health import HealthReport
from ..http.negotiation import Format, format_of_suffix
from ..http.reply import JSON, PROBLEM, PUBLIC, Reply
from ..replies import ProblemDocument
from ..routing import Route, ViewRequest
from .lists import MAX_SEARCH_LENGTH

_REF = "#/components/schemas/{name}"
_QUERY: Mapping[str, dict[str, Any]] = {
    "q": {"schema": {"type": "string", "maxLength": MAX_SEARCH_LENGTH}, "description": "Words to search for."},
    "after": {"schema": {"type": "string"}, "description": "Continue a list: from `next` of an earlier answer."},
    "before": {"schema": {"type": "string"}, "description": "Continue a history: from `next` of an earlier answer."},
    "resource": {
        "schema": {"type": "string", "format": "uri"},
        "required": True,
        "description": "Who: an acct: or mailto: URI, or the address of a page.",
    },
    "rel": {
        "schema": {"type": "array", "items": {"type": "string"}},
        "description": "Only links of these relations.",
    },
}
_NAME = {"type": "string", "pattern": r"^[^\x00-\x1f\x7f-\x9f/\\]+$"}  # no control characters, no slash
_RETRY_AFTER = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait before trying again."}}
_VALIDATORS = {"ETag": {"schema": {"type": "string"}}, "Cache-Control": {"schema": {"type": "string"}}}


async def describe_api(request: ViewRequest) -> Reply:
    """Return the description of this site."""
    return _describe(request.deps.site, request.state.routes)


@lru_cache(maxsize=1)
def _describe(site: SiteInfo, routes: tuple[Route, ...]) -> Reply:
    return Reply(encode_json(_description(site, routes)), JSON, cache_control=PUBLIC)


def _description(site: SiteInfo, routes: tuple[Route, ...]) -> dict[str, Any]:
    described = [route for route in routes if route.document is not None]
    types = [ProblemDocument, PeopleDocument, HealthReport, *(route.document for route in described)]
    (problem, people, health, *schemas), components = msgspec.json.schema_components(types, ref_template=_REF)
    documents = dict(zip((route.path for route in described), schemas, strict=True))
    return {
        "openapi": "3.1.0",
        "info": {"title": site.name, "version": __version__, "summary": "Who is who here, and what they are up to."},
        "servers": [{"url": site.url}],
        "paths": {
            _template(path): {"get": operation}
            for route in routes
            for path, operation in _operations(route, documents.get(route.path))
        },
        "components": {
            "schemas": components,
            "responses": {
                "Refused": _response("What went wrong, in words.", PROBLEM, problem) | {"headers": _RETRY_AFTER},
                "Several": _response("Several people have that name.", JSON, people),
                "NotReady": _response("Not ready, and why.", JSON, health),
            },
        },
    }


def _operations(route: Route, document: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in route.paths:
        forced = None if path == route.path else format_of_suffix(path, route.formats)
        yield path, _operation(route, path, document, (forced,) if forced else route.formats)


def _operation(route: Route, path: str, document: Any, formats: tuple[Format, ...]) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _NAME} for name in re.findall("<([a-z]+)>", path)
    ]
    parameters += [{"name": key, "in": "query", **_QUERY[key]} for key in route.query]
    responses: dict[str, Any] = {
        str(code): {"$ref": "#/components/responses/Refused"} for code in _error_codes(formats)
    }
    if route.is_of_person:
        responses["300"] = {"$ref": "#/components/responses/Several"}
    if 503 in route.statuses:
        responses["503"] = {"$ref": "#/components/responses/NotReady"}
    redirects = [code for code in (*route.statuses, *([308] if route.is_of_person else [])) if code < 400]
    if formats or not redirects:
        content = {each.content_type: {"schema": _schema(each, document)} for each in formats}
        found = {"description": route.summary, "headers": _VALIDATORS, "content": content or {"*/*": {"schema": {}}}}
        responses |= {"200": found, "304": {"description": "Not modified."}}
    for code in redirects:
        location = {"Location": {"schema": {"type": "string", "format": "uri-reference"}}}
        responses[str(code)] = {"description": "Follow Location.", "headers": location}
    return {
        "operationId": route.handler.__name__ + re.sub("[^a-z]+", "_", path.removeprefix(route.path)),
        "summary": route.summary,
        "parameters": parameters,
        "responses": dict(sorted(responses.items())),
    }


def _error_codes(formats: tuple[Format, ...]) -> Iterator[int]:
    yield from (400, 404, 421, 429, 500, 503)
    if len(formats) > 1:
        yield 406


def _response(description: str, content_type: str, document: Any) -> dict[str, Any]:
    """Return a response in JSON of type *content_type*, HTML and text."""
    text = {"schema": {"type": "string"}}
    return {
        "description": description,
        "content": {content_type: {"schema": document}, Format.HTML.content_type: text, Format.TEXT.content_type: text},
    }


def _schema(format: Format, document: Any) -> Any:
    """Return the schema of *document* for JSON, of a string for anything else."""
    return document if "json" in format.content_type and document is not None else {"type": "string"}


def _template(path: str) -> str:
    return re.sub("<([a-z]+)>", r"{\1}", path)
