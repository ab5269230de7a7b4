"""Text settings of [finger] (colours, charset, length of a plan) and custom templates, against typed text."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogPublisher
from zope.interface import implementer

from gateway.dependencies import SiteInfo
from gateway.directory.names import HostNames
from gateway.directory.person import PartialPerson
from gateway.directory.privacy import Profile
from gateway.directory.results import Found
from gateway.finger import template_check
from gateway.finger.protocol import FingerService
from gateway.finger.settings import FingerSettings
from gateway.rendering import render
from gateway.rendering.template_lint import undefined_names, unused_templates
from gateway.rendering.templates import TemplateSet
from tests.unit.finger.conftest import Build
from tests.unit.finger.wire import Client, SlowSource, ask
from tests.unit.fixtures import ALICE, ZOFIE, GatewayHarness, result_of
from tests.unit.web.browser import Browser

HEAD = (
    "Login:      frank\n"
    "Name:       Frank Finn\n"
    "Web:        https://dir.test/users/frank\n"
    "Changed:    2026-11-20 09:30 UTC\n"
    "\n"
    "Plan:\n"
)  # fmt: skip
SITE = SiteInfo("The Tea Club", HostNames(["dir.test"]), "https://dir.test")
TRUNCATED = "[truncated, full text: https://dir.test/users/frank]\n"


def frank(plan: str) -> dict[str, Any]:
    return {"login": "frank", "name": "Frank Finn", "plan": plan}


def ask_text(built: GatewayHarness, line: str, **finger: Any) -> str:
    reply = ask(built, line.encode() + b"\r\n", settings=FingerSettings(**finger))
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", reply)
    return reply.decode().replace("\r\n", "\n")


class LongPlanSource(SlowSource):
    """A source with a plan longer than the store accepts."""

    def __init__(self, plan: str) -> None:
        super().__init__()
        self._frank = PartialPerson(login="frank", name="Frank Finn", plan=plan)

    async def get(self, login: str) -> PartialPerson | None:
        return self._frank if login == "frank" else None


@contextmanager
def logged_errors() -> Iterator[list[str]]:
    """Collect the messages that are logged as errors."""
    messages: list[str] = []

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        if event["log_level"] is LogLevel.error:
            messages.append(str(formatEvent(event)))

    globalLogPublisher.addObserver(observe)
    try:
        yield messages
    finally:
        globalLogPublisher.removeObserver(observe)


def custom_templates(folder: Path, **files: str) -> Path:
    """Create a folder of custom templates with *files* for finger."""
    (folder / "own" / "finger").mkdir(parents=True)
    for name, content in files.items():
        (folder / "own" / "finger" / f"{name}.txt").write_text(content)
    return folder / "own"


# the length of a plan


def test_F036_a_long_plan_is_cut_after_a_line_with_a_link_to_the_rest(build: Build) -> None:
    built = build(people=[frank("".join(f"line {n:04} žluťoučký\n" for n in range(9000)))])
    plan = ask_text(built, "frank", max_plan_bytes=1000)
    assert plan == HEAD + "".join(f"line {n:04} žluťoučký\n" for n in range(41)) + TRUNCATED
    assert ask_text(built, "/W frank", max_plan_bytes=1000) == plan


def test_F036_a_plan_within_the_limit_is_complete(build: Build) -> None:
    plan = "x" * 299 + "\n"
    built = build(people=[frank(plan)])
    assert ask_text(built, "frank", max_plan_bytes=300) == HEAD + plan
    assert ask_text(built, "frank", max_plan_bytes=299) == HEAD + "x" * 299 + "\n" + TRUNCATED


def test_F036_a_long_line_is_cut_between_characters(build: Build) -> None:
    built = build(people=[frank("茶" * 80_000)])
    assert ask_text(built, "frank", max_plan_bytes=1000) == HEAD + "茶" * 333 + "\n" + TRUNCATED


def test_F036_a_plan_of_two_megabytes(build: Build) -> None:
    plan = "\x1b[31m" + "lorem ipsum dolor\n" * 120_000
    built = build(sources=[LongPlanSource(plan)], people=[])
    reply = ask_text(built, "frank").replace("Changed:    2026-11-20 09:30 UTC\n", "")
    head = HEAD.replace("Changed:    2026-11-20 09:30 UTC\n", "")
    assert reply.startswith(head + "lorem ipsum dolor\n")
    assert reply.endswith("lorem ipsum dolor\n" + TRUNCATED)
    assert 65_500 < len(reply.encode()) <= 65_536 + len(head) + len(TRUNCATED)


def test_F036_colours_are_reset_where_a_plan_is_cut(build: Build) -> None:
    built = build(people=[frank("\x1b[31mred\n" * 900)])
    reply = ask_text(built, "frank", max_plan_bytes=256, ansi="sgr")
    assert reply.endswith("\x1b[0m\n" + TRUNCATED)


def test_F036_the_web_shows_the_complete_plan(build: Build) -> None:
    built = build(people=[frank("line\n" * 20_000)])
    FingerService(FingerSettings(max_plan_bytes=256), built.deps)
    assert Browser(built).request("/users/frank.txt").body.count(b"line\n") == 20_000


# the cache of rendered texts


def profile(built: GatewayHarness, login: str) -> Profile:
    answer = result_of(built.deps.directory.lookup(login, built.deps.viewers.from_address("finger", None)))
    assert isinstance(answer, Found)
    return answer.profile


def test_header_and_footer_frame_an_answer_in_ascii(build: Build, tmp_path: Path) -> None:
    built = build(own_templates=custom_templates(tmp_path, header="Welcome", footer="Bye"))
    assert ask(built, b"zofie\r\n", settings=FingerSettings(charset="ascii")) == (
        b"Welcome\r\nLogin:      zofie\r\nName:       Zofie Cerna\r\nWeb:        https://dir.test/users/zofie\r\n"
        b"Changed:    2026-11-20 09:30 UTC\r\n\r\nNo Plan.\r\nBye\r\n"
    )


def test_the_cache_of_rendered_texts_is_bounded_in_bytes(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "MAX_CACHE_BYTES", 100_000)
    monkeypatch.setattr(render, "MAX_CACHED_TEXT_BYTES", 20_000)
    people = [{"login": f"p{n}", "name": f"P{n}", "plan": "x" * 1000 * n} for n in range(30)]
    built = build(people=people)
    renderer = FingerService(FingerSettings(), built.deps).factory.handler.deps.renderer
    for _ in range(2):
        for each in people:
            one = profile(built, str(each["login"]))
            renderer.render_profile(one, "finger/person.txt")
            cached = sum(len(cached_profile.plan) + len(text) for cached_profile, text in renderer._cache.values())
            assert cached < 100_000
            assert all(len(text) < 20_000 for _, text in renderer._cache.values())
    assert renderer._cache


# charset and colours


def test_F028_output_is_ascii_and_columns_use_its_width(build: Build) -> None:
    built = build(
        people=[ZOFIE | {"title": "Ladička klavírů", "aliases": ["žofka"]}, ALICE, {"login": "mei", "name": "林美"}]
    )
    reply = {
        line: ask(
            built,
            line.encode() + b"\r\n",
            settings=FingerSettings(charset="ascii", empty_query="people", list_columns=["title"]),
        )
        for line in ("zofie", "/W zofie", "", "/W", "nobody-žluť", "zofie,alice,mei,x,y", "help", "ž" * 100)
    }
    assert all(reply.isascii() for reply in reply.values())
    assert reply["zofie"].startswith(
        b"Login:      zofie\r\nName:       Zofie Cerna\r\nTitle:      Ladicka klaviru\r\nWeb: "
    )
    assert reply[""] == (
        b"Login  Name         Title\r\n"
        b"alice  Alice Adams  Keeper of the kettle\r\n"
        b"mei    LinMei\r\n"
        b"zofie  Zofie Cerna  Ladicka klaviru\r\n"
    )
    assert reply["nobody-žluť"] == b"nobody-zlut: no such user.\r\n"
    assert reply["zofie,alice,mei,x,y"].endswith(b"\r\n\r\n...\r\n")


def test_F028_an_ascii_ellipsis_takes_three_columns(build: Build) -> None:
    built = build(people=[ALICE | {"title": "Keeper of the kettle and of all that belongs to it, " * 2}])
    for charset, end in (("ascii", "it, Keepe..."), ("utf-8", "it, Keeper …")):
        line = ask_text(built, "", empty_query="people", list_columns=["title"], charset=charset).splitlines()[1]
        assert line.endswith(end)
        assert len(line) == 80


def test_F034_colours_are_kept_in_plans_only_and_reset(build: Build) -> None:
    built = build(people=[{"login": "dave", "name": "\x1b[31mDave", "plan": "\x1b[31mRED\x1b]0;T\x07\x1b[2J plain"}])
    assert ask_text(built, "dave", ansi="sgr").endswith("\n\nPlan:\n\x1b[31mRED plain\x1b[0m\n")
    assert "\nName:       Dave\n" in ask_text(built, "dave", ansi="sgr")
    assert ask_text(built, "", ansi="sgr", empty_query="people") == "Login  Name\ndave   Dave\n"
    assert ask_text(built, "dave").endswith("\n\nPlan:\nRED plain\n")
    assert b"\x1b" not in Browser(built).request("/users/dave.txt").body


def test_F034_F028_a_reload_changes_colours_and_charset(build: Build) -> None:
    built = build(people=[{"login": "dave", "name": "Dávid", "plan": "\x1b[31mRED"}])
    service = FingerService(FingerSettings(), built.deps)
    replies = [Client(built, factory=service.factory).send(b"dave\r\n").read_reply()]
    for settings in (FingerSettings(ansi="sgr", charset="ascii"), FingerSettings()):
        service.prepare_reload(settings, built.deps)()
        replies.append(Client(built, factory=service.factory).send(b"dave\r\n").read_reply())
    assert [(b"\x1b[31m" in each, each.isascii()) for each in replies] == [(False, False), (True, True), (False, False)]


# header and footer


def test_header_and_footer_frame_each_answer(build: Build, tmp_path: Path) -> None:
    """RFC 1288 section 2.1: nothing is sent before the query (F001)."""
    folder = custom_templates(tmp_path, header="Welcome to {{ site.name }}\n\n", footer="-- \n{{ site.url }}")
    built = build(own_templates=folder)
    frame = ("Welcome to The Tea Club\n\n", "-- \nhttps://dir.test\n")
    for line in ("alice", "/W alice", "", "/W", "nobody", "alice,bob", "adams", "help"):
        reply = ask_text(built, line)
        assert reply.startswith(frame[0]), line
        assert reply.endswith(frame[1]), line
        assert reply.count(frame[0]) == reply.count(frame[1]) == 1
    assert ask_text(built, "nobody") == "nobody: no such user.\n".join(frame)
    client = Client(built)
    assert client.received == b""
    client.send(b"alice\r\n").read_reply()
    assert b"Welcome" not in Browser(built).request("/users/alice.txt").body


# custom templates

FAILING = {
    "undefined": ("Hi\n{{ person.nam }}\n", "own/finger/person.txt: line 2: a Profile has no attribute 'nam'"),
    "divides": ("{{ 1 / 0 }}", "own/finger/person.txt: line 1: division by zero"),
    "endless": (
        "{% for a in range(9999) %}{% for a in range(9999) %}ab{% endfor %}{% endfor %}",
        "longer than 1024 KiB",
    ),
    "includes": ("{% include 'finger/x.txt' %}", "own/finger/person.txt: line 1: there is no template finger/x.txt"),
    "itself": ("{% include 'finger/person.txt' %}", "is nested too deep"),
}


@pytest.mark.parametrize("case", FAILING)
def test_a_failing_template_is_replaced_by_the_built_in_one_and_logged_once(
    build: Build, tmp_path: Path, case: str
) -> None:
    content, why = FAILING[case]
    folder = custom_templates(tmp_path, person=content, ambiguous="own: {{ count }}\n")
    built = build(own_templates=folder)
    with logged_errors() as messages:
        replies = [ask_text(built, line, ambiguous="short") for line in ("alice", "bob", "alice", "adams")]
    built_in = build()
    assert replies == [ask_text(built_in, "alice"), ask_text(built_in, "bob"), ask_text(built_in, "alice"), "own: 2\n"]
    assert len(messages) == 1
    assert why in messages[0]
    assert messages[0].endswith("; the built-in template is used instead")


def test_a_template_that_fails_for_one_person_is_used_for_others(build: Build, tmp_path: Path) -> None:
    built = build(own_templates=custom_templates(tmp_path, person="{{ person.links[0].url }}\n"))
    with logged_errors() as messages:
        assert ask_text(built, "alice") == "https://alice.example/\n"
        assert ask_text(built, "bob").startswith("Login:      bob\n")
        assert ask_text(built, "alice") == "https://alice.example/\n"
    assert len(messages) == 1


def test_checked_templates_are_used_until_a_reload(build: Build, tmp_path: Path) -> None:
    folder = custom_templates(tmp_path, person="one\n")
    templates = TemplateSet(folder)
    templates.check()
    (folder / "finger" / "person.txt").write_text("two\n")
    assert templates.render("finger/person.txt") == "one\n"
    assert templates.with_output_filters(str.upper, str).render("finger/person.txt") == "one\n"


# template checks


def test_built_in_templates_have_no_problems() -> None:
    assert template_check.find_template_problems(with_site(TemplateSet())) == []


def with_site(templates: TemplateSet) -> TemplateSet:
    templates.add_globals(site=SITE)
    return templates


@pytest.mark.parametrize(
    ("name", "content", "ask_text"),
    [
        ("person", "Hi\n{{ person.nam }}", "person.txt: line 2: a Profile has no attribute 'nam'"),
        ("head", "{{ persn.name }}", "head.txt: line 1: 'persn' is undefined"),
        ("now", "{{ person.status.text }}", "now.txt: line 1: 'None' has no attribute 'text'"),
        ("entry", "\n\n{{ person.updated.year }}", "entry.txt: line 3: 'None' has no attribute 'year'"),
        ("list", "{{ columns[9].width }}", "list.txt: line 1: list object has no element 9"),
        ("header", "{{ sight.name }}", "header.txt: line 1: 'sight' is undefined"),
        ("truncated", "{{ url + 1 }}", 'truncated.txt: line 1: can only concatenate str (not "int") to str'),
        (
            "footer",
            "{% for a in range(99999) %}{{ site.url * 9 }}{% endfor %}",
            "footer.txt: its text is longer than 1024 KiB",
        ),
    ],
)
def test_rendering_errors_are_found_by_the_check(tmp_path: Path, name: str, content: str, ask_text: str) -> None:
    found = template_check.find_template_problems(with_site(TemplateSet(custom_templates(tmp_path, **{name: content}))))
    assert [each for each in found if each.endswith(f"own/finger/{ask_text}")] == found != []


def test_unused_templates_are_found(tmp_path: Path) -> None:
    folder = custom_templates(tmp_path, fotter="x", person="{% include 'finger/mine.txt' %}", mine="{{ x }}", head="")
    (folder / "finger" / ".head.txt.swp").write_bytes(b"\xff")
    assert [*unused_templates(TemplateSet(folder))] == [("finger/fotter.txt", "finger/footer.txt")]


def test_undefined_names_are_found(tmp_path: Path) -> None:
    folder = custom_templates(tmp_path)
    (folder / "web").mkdir()
    (folder / "web" / "users.html").write_text(
        "{% set mine = 1 %}{{ site.name }}{{ mine }}{{ peple }}{% for p in profiles %}{{ p }}{% endfor %}"
    )
    assert [*undefined_names(with_site(TemplateSet(folder)))] == [("web/users.html", "peple")]
