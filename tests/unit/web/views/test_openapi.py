"""The OpenAPI description: valid, complete, and with the right types."""

import re
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway.web.app import WebApp
from gateway.web.routes import ROUTES
from tests.unit.web.conftest import Build


@pytest.fixture
def description(build: Build) -> Any:
    answer = build().request("/openapi.json")
    assert (answer.code, answer["content-type"]) == (200, "application/json")
    return msgspec.json.decode(answer.body)


def test_W134_valid_OpenAPI_3_1(description: Any) -> None:
    assert description["openapi"].startswith("3.1.")
    assert list(OpenAPIV31SpecValidator(description).iter_errors()) == []


def test_W134_every_route_is_described(description: Any) -> None:
    rules = {re.sub("<([a-z]+)>", r"{\1}", rule.rule) for rule in WebApp.klein.url_map.iter_rules()}
    assert rules == set(description["paths"])


def test_W134_every_operation_has_its_error_responses_and_304(description: Any) -> None:
    for path, operations in description["paths"].items():
        answers = set(operations["get"]["responses"])
        assert {"400", "404", "429"} <= answers, path
        assert ("304" in answers) == ("200" in answers), path
        assert "200" in answers or "308" in answers, path


def test_W134_operation_ids_are_unique(description: Any) -> None:
    names = [operations["get"]["operationId"] for operations in description["paths"].values()]
    assert len(set(names)) == len(names)


def test_W134_every_JSON_response_has_a_schema(description: Any) -> None:
    without_schema = []
    for path, operations in description["paths"].items():
        for content_type, media in operations["get"]["responses"].get("200", {}).get("content", {}).items():
            if "json" in content_type and media["schema"] == {"type": "string"}:
                without_schema.append(path)
    assert without_schema == []


def test_W134_query_parameters_are_those_of_the_route_table(description: Any) -> None:
    for route in ROUTES:
        path = re.sub("<([a-z]+)>", r"{\1}", route.path)
        parameters = description["paths"][path]["get"]["parameters"]
        assert tuple(each["name"] for each in parameters if each["in"] == "query") == route.query


def test_reload_updates_the_description(build: Build) -> None:
    web = build()
    path = "/openapi.json"
    before = web.request(path)
    assert web.request(path)["etag"] == before["etag"]
    app, deps = web.service.app, web.built.deps
    app.prepare_reload(replace(deps, site=replace(deps.site, name="The Coffee Club")))()
    assert msgspec.json.decode(web.request(path).body)["info"]["title"] == "The Coffee Club"
    app.prepare_reload(deps)()
    assert web.request(path)["etag"] == before["etag"]


def test_W134_rarer_responses_are_described(description: Any) -> None:
    """Ambiguous names, and the reasons of /readyz."""
    paths = description["paths"]
    several = {"$ref": "#/components/responses/Several"}
    named = [path for path in paths if path.startswith("/users/{name}")]
    assert len(named) > 8
    assert all(paths[path]["get"]["responses"]["300"] == several for path in named)
    assert paths["/readyz"]["get"]["responses"]["503"] == {"$ref": "#/components/responses/NotReady"}
    responses = description["components"]["responses"]
    assert set(responses["Several"]["content"]) == {
        "application/json",
        "text/html; charset=utf-8",
        "text/plain; charset=utf-8",
    }
    assert "application/json" in responses["NotReady"]["content"]
