"""Templates: own templates override the built-in ones; output is sanitized, and HTML escaped once."""

from pathlib import Path

import jinja2
import pytest
from markupsafe import Markup

from gateway.directory.person import PartialPerson, Person
from gateway.directory.privacy import Audience, Policy, Profile, make_profile
from gateway.rendering import render
from gateway.rendering.render import Renderer
from gateway.rendering.templates import BrokenTemplate, TemplateSet
from tests.unit.directory.test_privacy import NOW


def template_set(folder: Path, **files: str) -> TemplateSet:
    """Return a template set with *files* in its own folder; "__" stands for a slash, the last "_" for the dot."""
    for name, content in files.items():
        path = folder / ".".join(name.replace("__", "/").rsplit("_", 1))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return TemplateSet(folder)


def test_own_templates_override_built_in_ones(tmp_path: Path) -> None:
    own = template_set(tmp_path, finger__plan_txt="my plan")
    assert own.render("finger/plan.txt") == "my plan"
    assert own.render("finger/names.txt", profiles=[]).startswith("Login")


def test_missing_template(tmp_path: Path) -> None:
    with pytest.raises(jinja2.TemplateNotFound):
        TemplateSet(tmp_path).render("finger/nothing.txt")


def test_plain_text_is_sanitized_and_not_escaped(tmp_path: Path) -> None:
    own = template_set(tmp_path, x_txt="{{ a }} <b> {{ b }}\n")
    assert own.render("x.txt", a="\x1b[31m<i>\x1b]0;T\x07", b=5) == "<i> <b> 5\n"


def test_HTML_is_sanitized_and_escaped_once(tmp_path: Path) -> None:
    own = template_set(tmp_path, x_html="{{ a }}|{{ b }}|{{ c|e }}|{{ a|one_line }}|{{ b|one_line }}")
    html = own.render("x.html", a='<b>\n"&\x1b[31m', b=Markup("<i>&amp;</i>"), c="<u>")
    assert html == "&lt;b&gt;\n&#34;&amp;|<i>&amp;</i>|&lt;u&gt;|&lt;b&gt; &#34;&amp;|<i>&amp;</i>"
    for suffix in ("svg", "xml"):
        assert template_set(tmp_path, **{f"x_{suffix}": "{{ a }}"}).render(f"x.{suffix}", a="<") == "&lt;"


def test_filters(tmp_path: Path) -> None:
    own = template_set(tmp_path, x_txt="[{{ a|pad(6) }}][{{ b|cut(4) }}]{{ a|width }}{{ c|one_line }}")
    assert own.render("x.txt", a="李四", b="abcdef", c="a\nb") == "[李四  ][abc…]4a b"


def test_an_undefined_name_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(jinja2.UndefinedError, match="nobody"):
        template_set(tmp_path, x_txt="{{ nobody }}").render("x.txt")


def test_lines_with_only_tags_leave_no_line(tmp_path: Path) -> None:
    assert template_set(tmp_path, x_txt="a\n  {% if true %}\nb\n  {% endif %}\nc\n").render("x.txt") == "a\nb\nc\n"


def test_globals_are_available_in_every_template(tmp_path: Path) -> None:
    own = template_set(tmp_path, x_txt="{{ site }}", x_html="{{ site }}")
    own.add_globals(site="a&b")
    assert (own.render("x.txt"), own.render("x.html")) == ("a&b", "a&amp;b")


def test_all_built_in_templates_compile() -> None:
    TemplateSet().check()


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        ("fine\n{% if %}\n", "line 2", "Expected an expression"),
        ("{{ a|nofilter }}", "line 1", "nofilter"),
        ("a\nb\n{{ a", "line 3", "unexpected end"),
        ("{% for x in y %}", "line 1", "Unexpected end"),
    ],
)
@pytest.mark.parametrize("name", ["finger__person_txt", "web__own_html"])
def test_a_syntax_error_names_file_and_line(tmp_path: Path, name: str, content: str, line: str, what: str) -> None:
    own = template_set(tmp_path, **{name: content})
    with pytest.raises(BrokenTemplate) as broken:
        own.check()
    file = tmp_path / ".".join(name.replace("__", "/").rsplit("_", 1))
    assert str(broken.value).startswith(f"{file}: {line}: ")
    assert what in str(broken.value)


def test_a_template_that_is_not_UTF_8(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(b"caf\xe9")
    with pytest.raises(BrokenTemplate, match=r"x\.txt: byte 3 is not UTF-8"):
        TemplateSet(tmp_path).check()


def test_static_files_are_no_templates(tmp_path: Path) -> None:
    template_set(tmp_path, web__static__x_css="{% if %}").check()


def profile(name: str) -> Profile:
    made = make_profile(Person(login="alice", name=name), Audience.EVERYONE, Policy.preset(), NOW)
    assert made is not None
    return made


def test_a_rendered_profile_is_cached_until_it_changes(tmp_path: Path) -> None:
    rendered: list[str] = []
    own = template_set(tmp_path, x_txt="{{ count(person.name) }} {{ site }}", y_txt="y {{ count(person.name) }}")
    own.add_globals(count=lambda name: (rendered.append(name), name)[1])  # type: ignore[func-returns-value]
    renderer = Renderer(own, "the site")
    alice = profile(name="Alice")
    assert renderer.render_profile(alice, "x.txt") == renderer.render_profile(alice, "x.txt") == "Alice the site"
    assert renderer.render_profile(alice, "y.txt") == "y Alice"
    assert rendered == ["Alice", "Alice"]
    again = profile(name="Alice")
    assert again == alice
    renderer.render_profile(again, "x.txt")
    assert len(rendered) == 3
    assert renderer.render("x.txt", person=alice, site="other") == "Alice other"


def test_only_public_profiles_are_cached(tmp_path: Path) -> None:
    renderer = Renderer(template_set(tmp_path, x_txt="{{ person.name }}"), None)
    for who in (Audience.MEMBER, Audience.SELF, Audience.ADMINISTRATOR):
        made = make_profile(Person(login="alice", name="Alice"), who, Policy.preset(), NOW)
        assert made is not None
        assert renderer.render_profile(made, "x.txt") == "Alice"
    assert renderer._cache == {}


def test_the_cache_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "MAX_CACHED_TEXTS", 10)
    renderer = Renderer(template_set(tmp_path, x_txt="{{ person.name }}"), None)
    for number in range(100):
        assert renderer.render_profile(profile(name=f"P{number}"), "x.txt") == f"P{number}"
        assert len(renderer._cache) <= 10


def test_a_partial_is_not_a_profile() -> None:
    assert not issubclass(Profile, PartialPerson)
