"""The description of the web side for programs: OpenAPI 3.1, made from the table of routes and from the types that the
answers are made of. Nothing in it is written down a second time.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ... import __version__
from ...dependencies import SiteInfo
from ...formats.feed import FeedDocument
from ...formats.history import HistoryDocument
from ...formats.jrd import HostMetaDocument, JrdDocument
from ...formats.person_json import encode_json
from ...formats.profile_json import FrontDocument, PeopleDocument, ProfileDocument
from ...ops.health import HealthReport
from ..http.negotiation import Format, ending
from ..http.reply import JSON, PROBLEM, PUBLIC, Reply
from ..pages import Problem
from ..routes import ROUTES, Route
from .lists import MOST_WORDS
from .policy import PolicyDocument

_REF = "#/components/schemas/{name}"
# What the JSON of each handler is made from; the description itself has a schema elsewhere.
DOCUMENTS: Mapping[str, Any] = {
    "front": FrontDocument,
    "listed": PeopleDocument,
    "person": ProfileDocument,
    "history": HistoryDocument,
    "feed": FeedDocument,
    "common_feed": FeedDocument,
    "what_is_shown": PolicyDocument,
    "webfinger": JrdDocument,
    "host_meta": HostMetaDocument,
    "lives": HealthReport,
    "ready": HealthReport,
    "openapi": dict[str, Any],
}
_QUERY: Mapping[str, dict[str, Any]] = {
    "q": {"schema": {"type": "string", "maxLength": MOST_WORDS}, "description": "Words to search for."},
    "after": {"schema": {"type": "string"}, "description": "Where an earlier answer's `next` goes on."},
    "before": {"schema": {"type": "string"}, "description": "Where an earlier answer's `next` goes on."},
    "resource": {
        "schema": {"type": "string", "format": "uri"},
        "required": True,
        "description": "Who: acct:, mailto: or the address of a page.",
    },
    "rel": {
        "schema": {"type": "array", "items": {"type": "string"}},
        "description": "Only links of these relations.",
    },
}
_NAME = {"type": "string", "pattern": r"^[^\x00-\x1f\x7f-\x9f/\\]+$"}  # what may stand in a path: no controls, no slash
_AGAIN = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds until one may ask again."}}
_VALIDATORS = {"ETag": {"schema": {"type": "string"}}, "Cache-Control": {"schema": {"type": "string"}}}
_OF_SOMEBODY = ("person", "plan", "status", "qr", "face", "history", "feed")
_REDIRECTED = (*_OF_SOMEBODY, "home", "webfinger")


def answer(site: SiteInfo) -> Reply:
    """The description of *site*."""
    return Reply(encode_json(description(site)), JSON, cache=PUBLIC)


def description(site: SiteInfo) -> dict[str, Any]:
    """The same as a tree."""
    types = [Problem, *DOCUMENTS.values()]
    (problem, *schemas), components = msgspec.json.schema_components(types, ref_template=_REF)
    documents = dict(zip(DOCUMENTS, schemas, strict=True))
    return {
        "openapi": "3.1.0",
        "info": {"title": site.name, "version": __version__, "summary": "Who is who here, and what they are up to."},
        "servers": [{"url": site.url}],
        "paths": {_template(path): {"get": get} for path, get in _operations(documents)},
        "components": {
            "schemas": components,
            "responses": {
                "Refused": _told("What went wrong, in words.", PROBLEM, problem) | {"headers": _AGAIN},
                "Several": _told("More than one go by that name.", JSON, documents["listed"]),
                "NotReady": _told("Not now, and why.", JSON, documents["ready"]),
            },
        },
    }


def _operations(documents: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for route in ROUTES:
        for path in route.paths:
            forced = None if path == route.path else ending(path, route.formats)
            yield path, _operation(route, path, documents, (forced,) if forced else route.formats)


def _operation(route: Route, path: str, documents: Mapping[str, Any], formats: tuple[Format, ...]) -> dict[str, Any]:
    names = re.findall("<([a-z]+)>", path)
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _NAME} for name in names
    ]
    parameters += [{"name": key, "in": "query", **_QUERY[key]} for key in route.query]
    responses: dict[str, Any] = {str(code): {"$ref": "#/components/responses/Refused"} for code in _codes(formats)}
    if route.handler in _OF_SOMEBODY:
        responses["300"] = {"$ref": "#/components/responses/Several"}
    if route.handler == "ready":
        responses["503"] = {"$ref": "#/components/responses/NotReady"}
    if formats or route.handler == "static":
        content = {each.kind: {"schema": _schema(each, documents.get(route.handler))} for each in formats}
        told = {"description": route.says, "headers": _VALIDATORS, "content": content or {"*/*": {"schema": {}}}}
        responses |= {"200": told, "304": {"description": "It is still what you have."}}
    if route.handler in _REDIRECTED:
        where = {"Location": {"schema": {"type": "string", "format": "uri-reference"}}}
        responses["307" if route.handler == "webfinger" else "308"] = {"description": "It is there.", "headers": where}
    identifier = (
        route.handler + re.sub("[^a-z]+", "_", path.removeprefix(route.path)) + ("_on" if path == "/online" else "")
    )
    return {
        "operationId": identifier,
        "summary": route.says,
        "parameters": parameters,
        "responses": dict(sorted(responses.items())),
    }


def _codes(formats: tuple[Format, ...]) -> Iterator[int]:
    """How it may be refused."""
    yield from (400, 404, 421, 429, 500, 503)
    if len(formats) > 1:
        yield 406


def _told(what: str, kind: str, document: Any) -> dict[str, Any]:
    """An answer in each format that there is for any question: JSON of type *kind*, and those for people."""
    text = {"schema": {"type": "string"}}
    return {
        "description": what,
        "content": {kind: {"schema": document}, Format.HTML.kind: text, Format.TEXT.kind: text},
    }


def _schema(format: Format, document: Any) -> Any:
    """JSON by its type, all else as text."""
    return document if "json" in format.kind and document is not None else {"type": "string"}


def _template(path: str) -> str:
    return re.sub("<([a-z]+)>", r"{\1}", path)
