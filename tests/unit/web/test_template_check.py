"""The operator's own page templates: mistakes are found at the start, and the built-in templates serve instead."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import LogLevel, globalLogPublisher

from gateway.rendering.templates import TemplateSet
from gateway.web import template_check
from tests.unit.finger.test_settings_and_templates import SITE
from tests.unit.web.conftest import Build

BROWSER = "text/html"
FAILING = {
    "person.html": ("Hi\n{{ person.nam }}", "line 2: a Profile has no attribute 'nam'"),
    "base.html": ("{{ sight.name }}", "line 1: 'sight' is undefined"),
    "parts.html": ("{% macro face(a) %}{% endmacro %}", "a TemplateModule has no attribute 'people'"),
    "index.html": ("{{ newest[99].plan }}", "line 1: tuple object has no element 99"),
    "users.txt": ("{{ profiles[7].name }}", "line 1: tuple object has no element 7"),
    "history.html": ("{{ plans[0].row }}", "line 1: a PlanDiff has no attribute 'row'"),
    "policy.html": ("{{ policy.of('x') }}", "line 1: "),
    "error.html": ("{{ code / 0 }}", "line 1: division by zero"),
    "ambiguous.html": ("{% extends 'web/basis.html' %}", "there is no template web/basis.html"),
}


def write_template(folder: Path, name: str, content: str) -> Path:
    (folder / "own" / "web").mkdir(parents=True)
    (folder / "own" / "web" / name).write_text(content)
    return folder / "own"


@contextmanager
def logged_errors() -> Iterator[list[str]]:
    """Collect the messages that are logged as errors."""
    messages: list[str] = []

    def keep(event: dict[str, Any]) -> None:
        if event.get("log_level") is LogLevel.error:
            messages.append(event["log_format"].format(**event))

    observer: Any = keep
    globalLogPublisher.addObserver(observer)
    try:
        yield messages
    finally:
        globalLogPublisher.removeObserver(observer)


def test_built_in_templates_have_no_problems() -> None:
    templates = TemplateSet()
    templates.add_globals(site=SITE)
    assert template_check.find_template_problems(templates) == []


def test_the_check_renders_every_built_in_page() -> None:
    tried = {name for name, _ in template_check._views()}
    parts = {"base.html", "parts.html", "people.txt", "policy_words.txt"}
    assert {name.removeprefix("web/") for name in TemplateSet().names() if name.startswith("web/")} == tried | parts


@pytest.mark.parametrize("name", FAILING)
def test_rendering_errors_are_found_at_the_start(tmp_path: Path, name: str) -> None:
    content, why = FAILING[name]
    templates = TemplateSet(write_template(tmp_path, name, content))
    templates.add_globals(site=SITE)
    found = template_check.find_template_problems(templates)
    assert any(why in each for each in found), found


@pytest.mark.parametrize(
    ("name", "path"),
    [("person.html", "/users/alice"), ("base.html", "/"), ("index.html", "/"), ("policy.html", "/policy"),
     ("error.html", "/nowhere")],
)  # fmt: skip
def test_built_in_template_serves_instead_and_the_log_says_so_once(
    build: Build, tmp_path: Path, name: str, path: str
) -> None:
    web = build(own_templates=write_template(tmp_path, name, FAILING[name][0]))
    with logged_errors() as messages:
        answers = [web.request(path, Accept=BROWSER) for _ in range(2)]
    built_in = build().request(path, Accept=BROWSER)
    assert [(each.code, each.body) for each in answers] == 2 * [(built_in.code, built_in.body)]
    assert len(messages) == 1
    assert FAILING[name][1] in messages[0]
    assert messages[0].endswith("; the built-in template is used instead")


def test_own_template_is_used(build: Build, tmp_path: Path) -> None:
    web = build(own_templates=write_template(tmp_path, "person.html", "<h1>{{ person.name }}</h1>"))
    assert web.request("/users/alice.html").body == b"<h1>Alice Adams</h1>"
