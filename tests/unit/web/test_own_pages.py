"""The operator's own pages: a broken one is found before anybody asks, and ours serve meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import LogLevel, globalLogPublisher

from gateway.rendering.templates import TemplateSet
from gateway.web import template_check
from tests.unit.finger.test_views import SITE
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


def own(folder: Path, name: str, content: str) -> Path:
    (folder / "own" / "web").mkdir(parents=True)
    (folder / "own" / "web" / name).write_text(content)
    return folder / "own"


@contextmanager
def told() -> Iterator[list[str]]:
    """What is logged as an error."""
    seen: list[str] = []

    def keep(event: dict[str, Any]) -> None:
        if event.get("log_level") is LogLevel.error:
            seen.append(event["log_format"].format(**event))

    observer: Any = keep
    globalLogPublisher.addObserver(observer)
    try:
        yield seen
    finally:
        globalLogPublisher.removeObserver(observer)


def test_ours_have_no_mistake() -> None:
    texts = TemplateSet()
    texts.add_globals(site=SITE)
    assert template_check.find_template_problems(texts) == []


def test_every_page_of_ours_is_tried() -> None:
    tried = {name for name, _ in template_check._views()}
    parts = {"base.html", "parts.html", "people.txt", "policy_words.txt"}
    assert {name.removeprefix("web/") for name in TemplateSet().names() if name.startswith("web/")} == tried | parts


@pytest.mark.parametrize("name", FAILING)
def test_what_fails_when_it_is_filled_is_found_before(tmp_path: Path, name: str) -> None:
    content, why = FAILING[name]
    texts = TemplateSet(own(tmp_path, name, content))
    texts.add_globals(site=SITE)
    found = template_check.find_template_problems(texts)
    assert any(why in each for each in found), found


@pytest.mark.parametrize(
    ("name", "path"),
    [("person.html", "/users/alice"), ("base.html", "/"), ("index.html", "/"), ("policy.html", "/policy"),
     ("error.html", "/nowhere")],
)  # fmt: skip
def test_ours_serve_meanwhile_and_the_log_says_so_once(build: Build, tmp_path: Path, name: str, path: str) -> None:
    web = build(own_templates=own(tmp_path, name, FAILING[name][0]))
    with told() as seen:
        answers = [web.ask(path, Accept=BROWSER) for _ in range(2)]
    ours = build().ask(path, Accept=BROWSER)
    assert [(each.code, each.body) for each in answers] == 2 * [(ours.code, ours.body)]
    assert len(seen) == 1
    assert FAILING[name][1] in seen[0]
    assert seen[0].endswith("; the built-in template is used instead")


def test_their_own_pages_are_what_is_seen(build: Build, tmp_path: Path) -> None:
    web = build(own_templates=own(tmp_path, "person.html", "<h1>{{ person.name }}</h1>"))
    assert web.ask("/users/alice.html").body == b"<h1>Alice Adams</h1>"
