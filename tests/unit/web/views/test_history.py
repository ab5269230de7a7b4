"""The history of a plan: earlier versions and the differences between them."""

import re
from time import process_time
from typing import Any

import pytest

from gateway.directory.interfaces import Remove
from gateway.directory.results import UNAVAILABLE
from tests.unit.fixtures import ALICE, BOB, CAROL, write_edits
from tests.unit.web.browser import MEMBER, Browser
from tests.unit.web.conftest import Build
from tests.unit.web.plans import BROWSER, E, M, N, decode_json, set_visibility, without_date, write_plan

PATH = "/users/alice/history"
FORMATS = (".txt", ".html", ".json")


@pytest.fixture
def tea(build: Build) -> Browser:
    web = build(people=[ALICE, BOB, CAROL])
    write_plan(web.built, "alice", "Kettle <on>\nThe old cups\n\nAsk me\n", 1)
    write_plan(web.built, "alice", "For members\n", 2, M)
    write_plan(web.built, "alice", "Kettle <on>\nThe new cups\n\nAsk me\nTwice\n", 3)
    return web


def plans(web: Browser, path: str = PATH, peer: str = "198.51.100.7") -> list[str]:
    return [each["plan"] for each in decode_json(web.request(path, Accept="application/json", peer=peer))["plans"]]


def without_marks(page: bytes) -> str:
    """Return *page* without the tags that mark changed words."""
    return re.sub("</?b>", "", page.decode())


def test_W029_as_text(tea: Browser) -> None:
    answer = tea.request(PATH)
    assert answer["content-type"] == "text/plain; charset=utf-8"
    assert answer.body.decode() == (
        "Plans of Alice Adams, the newest first\n"
        "\n"
        "20 November 2026, 12:30 UTC\n"
        "\n"
        "  Kettle <on>\n"
        "- The old cups\n"
        "+ The new cups\n"
        "  \n"
        "  Ask me\n"
        "+ Twice\n"
        "\n"
        "20 November 2026, 10:30 UTC\n"
        "\n"
        "  Kettle <on>\n"
        "  The old cups\n"
        "  \n"
        "  Ask me\n"
    )


def test_W029_as_a_page(tea: Browser) -> None:
    """Changes are marked by elements and characters, not by colour alone."""
    answer = tea.request(PATH, Accept=BROWSER)
    assert answer["content-type"] == "text/html; charset=utf-8"
    page = answer.body.decode()
    assert (
        '<pre class="diff">  Kettle &lt;on&gt;\n'
        "<del>- The <b>old</b> cups\n</del>"
        "<ins>+ The <b>new</b> cups\n</ins>"
        "  \n"
        "  Ask me\n"
        "<ins>+ Twice\n</ins>"
        "</pre>"
    ) in page
    assert '<pre class="diff">  Kettle &lt;on&gt;\n  The old cups\n  \n  Ask me\n</pre>' in page
    assert '<time datetime="2026-11-20T12:30:00Z">20 November 2026, 12:30 UTC</time>' in page
    assert '<article class="plan" id="20261120T123000.000000Z"' in page  # the target of the feed entry's link
    assert "For members" not in page


def test_W029_as_json(tea: Browser) -> None:
    answer = tea.request(PATH, Accept="application/json")
    assert decode_json(answer) == {
        "plans": [
            {"at": "2026-11-20T12:30:00Z", "plan": "Kettle <on>\nThe new cups\n\nAsk me\nTwice\n"},
            {"at": "2026-11-20T10:30:00Z", "plan": "Kettle <on>\nThe old cups\n\nAsk me\n"},
        ]
    }
    assert tea.request(f"{PATH}.json").body == answer.body


def test_members_see_more_in_private_responses(tea: Browser) -> None:
    answer = tea.request(PATH, peer=MEMBER)
    assert answer["cache-control"] == "private, no-store"
    assert b"For members" in answer.body
    assert tea.request(PATH)["cache-control"] == "public, max-age=0, must-revalidate"
    assert b"For members" not in tea.request(PATH).body
    assert len(plans(tea, peer=MEMBER)) == 3


@pytest.mark.parametrize("ending", FORMATS)
def test_hiding_a_plan_hides_its_history_at_once(tea: Browser, ending: str) -> None:
    before = tea.request(PATH + ending)
    set_visibility(tea.built, "alice", 4, plan=M)
    after = tea.request(PATH + ending, If_None_Match=before["etag"])
    assert (after.code, b"Kettle" in before.body, b"Kettle" in after.body) == (200, True, False)
    assert tea.request(PATH + ending, If_Modified_Since=before["last-modified"]).code == 200
    assert len(plans(tea, peer=MEMBER)) == 3
    set_visibility(tea.built, "alice", 5, plan=E)
    assert len(plans(tea)) == 2  # a plan for members stays for members


@pytest.mark.parametrize("ending", ["", "?before=20261120T103000.000000Z", *FORMATS])
def test_hidden_and_unknown_people_get_the_same_response(tea: Browser, ending: str) -> None:
    write_plan(tea.built, "carol", "Nobody sees this either", 4)
    assert without_date(tea.request(f"/users/carol/history{ending}")) == without_date(
        tea.request(f"/users/nobody/history{ending}")
    )
    set_visibility(tea.built, "alice", 5, name=N)
    assert without_date(tea.request(f"/users/alice/history{ending}")) == without_date(
        tea.request(f"/users/nobody/history{ending}")
    )
    assert tea.request(f"/users/nobody/history{ending}").code == 404


def test_removed_people_have_no_history(tea: Browser) -> None:
    assert tea.request(PATH).code == 200
    write_edits(tea.built.database_path, [Remove("alice")])
    tea.built.poll_store()
    assert tea.request(PATH).code == 404


def test_W144_unlisted_people_are_not_indexed(tea: Browser) -> None:
    set_visibility(tea.built, "alice", 4, listed=False)
    for path in (PATH, "/users/alice", "/users/alice.json", "/users/alice.html", "/users/alice.vcf",
                 "/users/alice/plan", "/users/alice/status", "/users/alice/qr.svg", "/users/alice/face.svg",
                 "/users/alice/feed.json"):  # fmt: skip
        for peer in ("198.51.100.7", MEMBER):
            assert tea.request(path, peer=peer)["x-robots-tag"] == "noindex", path
        assert "x-robots-tag" not in tea.request(path.replace("alice", "bob"))
        assert b"indexed" not in tea.request(path).body


def test_history_without_plans(tea: Browser) -> None:
    answer = tea.request("/users/bob/history")
    assert answer.body == b"Plans of Bob Adams, the newest first\n\nNo plans to show.\n"
    assert "last-modified" not in answer
    assert decode_json(tea.request("/users/bob/history.json")) == {"plans": []}


def test_removed_plan(tea: Browser) -> None:
    write_plan(tea.built, "alice", "", 4)
    page = tea.request(f"{PATH}.html").body.decode()
    assert "The plan was removed." in page
    assert "<del>- Twice\n</del>" in page
    assert plans(tea)[0] == ""


def test_W029_pagination(tea: Browser) -> None:
    """Ten plans a page; each plan once even if others are written meanwhile; hidden plans move no page boundary."""
    for number in range(25):
        write_plan(tea.built, "bob", f"Plan {number}\n", 10 + number, M if number % 2 else E)
    found: list[str] = []
    path = "/users/bob/history.json"
    while path:
        answer = tea.request(path)
        page = decode_json(answer)
        found += [each["plan"] for each in page["plans"]]
        path = page.get("next", "")
        assert answer.headers.get("link") == (f'<{path}>; rel="next"' if path else None)
        write_plan(tea.built, "bob", "Written meanwhile\n", 100 + len(found))
    assert found == [f"Plan {number}\n" for number in range(24, -1, -2)]
    for ending in FORMATS[:2]:
        answer = tea.request(f"/users/bob/history{ending}?before=20261121T030000.000000Z")
        assert answer.body.count(b" UTC") == 4
        assert "+ Plan 6" in without_marks(answer.body)
        assert "link" not in answer
    answer = tea.request("/users/bob/history?before=20261120T103000.000000Z")
    assert answer.body == b"Plans of Bob Adams, the newest first\n\nThat is all.\n"


@pytest.mark.parametrize("before", ["x", "2026-11-20", "20261120T103000.000000Z&before=20261120T103000.000000Z", "%ff"])
def test_invalid_cursor(tea: Browser, before: str) -> None:
    assert tea.request(f"{PATH}?before={before}").code == 400


@pytest.mark.parametrize("ending", FORMATS)
def test_W004_W119_validators(tea: Browser, ending: str) -> None:
    answer = tea.request(PATH + ending)
    assert answer["etag"].startswith('W/"' if ending == ".html" else '"')
    assert answer["last-modified"] == "Fri, 20 Nov 2026 12:30:00 GMT"
    tea.built.clock.advance(3600)
    assert tea.request(PATH + ending, If_None_Match=answer["etag"]).code == 304
    head = tea.request(PATH + ending, "HEAD")
    assert (head.body, head["content-length"]) == (b"", answer["content-length"])


def test_long_plans_stay_within_the_page_size(tea: Browser) -> None:
    """Under 30 KiB, with links to the rest, and made in less than a second."""
    for number in range(10):
        write_plan(tea.built, "bob", "".join(f"&\"<' {number} {line}\n" for line in range(5000)), 10 + number)
    begun = process_time()
    page = without_marks(tea.request("/users/bob/history.html").body)
    assert process_time() - begun < 1.0
    assert len(page.encode()) < 30 * 1024
    assert "<del>- <small>⋮ 4980 more lines</small>\n</del><ins>+ &amp;&#34;&lt;&#39; 9 0\n</ins>" in page
    wholes = re.findall(r'<a href="([^"]*)">The whole plan</a>', page)
    assert wholes[0] == "/users/bob/plan"
    assert len(wholes) == 2
    assert decode_json(tea.request(wholes[1]))["plans"][0]["plan"].startswith("&\"<' 8 0\n")
    (further,) = re.findall(r'<a class="btn" rel="next" href="([^"]*)"', page)
    assert f"<ins>+ &amp;&#34;&lt;&#39; {9 - len(wholes)} 0\n<" in without_marks(
        tea.request(further, Accept=BROWSER).body
    )


def test_W006_JSON_pages_have_fewer_long_plans(tea: Browser) -> None:
    """Otherwise ten plans of 256 KiB would make megabytes for each client that does not read."""
    plans = [str(number) * 100_000 for number in range(6)]
    for number, plan in enumerate(plans):
        write_plan(tea.built, "bob", plan, 10 + number)
    found: list[str] = []
    path = "/users/bob/history.json"
    while path:
        page = decode_json(tea.request(path))
        assert len(page["plans"]) == 2
        found += [each["plan"] for each in page["plans"]]
        path = page.get("next", "")
    assert found == plans[::-1]
    write_plan(tea.built, "bob", "x" * 262_144, 20)
    assert [len(each["plan"]) for each in decode_json(tea.request("/users/bob/history.json"))["plans"]] == [262_144]


def test_unchanged_lines_are_collapsed(tea: Browser) -> None:
    lines = [f"line {number}" for number in range(40)]
    write_plan(tea.built, "bob", "\n".join(lines), 4)
    write_plan(tea.built, "bob", "\n".join(["top", *lines]), 5)
    newest = tea.request("/users/bob/history").body.decode().split("UTC")[1]
    assert "+ top\n  line 0\n" in newest
    assert "  line 4\n  (30 unchanged lines)\n  line 35\n" in newest


def test_a_very_long_line_is_cut(tea: Browser) -> None:
    write_plan(tea.built, "bob", "x" * 200_000, 4)
    for ending in FORMATS[:2]:
        assert len(tea.request(f"/users/bob/history{ending}").body) < 8 * 1024


def test_plans_are_sanitized(tea: Browser) -> None:
    write_plan(tea.built, "bob", "\x1b[31mred\x07\u202e \x9b1mx<script>", 4)
    for ending in FORMATS:
        body = tea.request(f"/users/bob/history{ending}").body.decode()
        assert not [c for c in body if c != "\n" and (ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c == "\u202e")]
    assert "red x&lt;script&gt;" in tea.request("/users/bob/history.html").body.decode()


# the latest changes on a person's page


def recent_changes(web: Browser, login: str = "alice", **more: Any) -> str:
    """Return the section about the latest changes on the page of *login*, or an empty string."""
    page = web.request(f"/users/{login}.html", **more).body.decode()
    return page.partition('<h2 id="earlier">What changed</h2>')[2].partition("</section>")[0]


def test_W029_a_persons_page_shows_the_latest_changes(tea: Browser) -> None:
    section = recent_changes(tea)
    assert section.count("<details") == 1
    assert (
        '<summary><time datetime="2026-11-20T12:30:00Z">20 November 2026, 12:30 UTC</time> <small>2 lines added, 1 removed'
        in section
    )
    assert "<del>- The <b>old</b> cups\n</del><ins>+ The <b>new</b> cups\n</ins>" in section
    assert "For members" not in section
    assert "For members" in recent_changes(tea, peer=MEMBER)
    for number in range(5):
        write_plan(tea.built, "alice", "".join(f"line {n}\n" for n in range(20)) + f"end {number}\n", 10 + number)
    section = recent_changes(tea)
    assert section.count("<details") == 3
    assert section.count("<details open>") == 1
    assert (
        "  line 0\n<small>⋮ 18 unchanged lines</small>\n  line 19\n<del>- end 3\n</del><ins>+ end 4\n</ins>"
        in without_marks(section.encode())
    )


def test_a_first_plan_is_no_change(tea: Browser) -> None:
    assert recent_changes(tea, "bob") == ""
    write_plan(tea.built, "bob", "A plan\n", 1)
    assert recent_changes(tea, "bob") == ""
    write_plan(tea.built, "bob", "", 2)
    assert "<small>1 line removed</small>" in recent_changes(tea, "bob")


@pytest.mark.parametrize("plan", ["a line\n" * 101, "x" * 9000, "&" * 400], ids=["lines", "letters", "escaped"])
def test_large_changes_are_linked(tea: Browser, plan: str) -> None:
    """The link leads to a page that begins with that plan."""
    write_plan(tea.built, "bob", "Before\n", 1)
    write_plan(tea.built, "bob", plan, 2)
    write_plan(tea.built, "bob", "After\n", 3)
    section = recent_changes(tea, "bob")
    links = re.findall(r'<p><a href="([^"#]+)#([^"]+)">', section)
    assert [mark for _, mark in links] == ["20261120T123000.000000Z", "20261120T113000.000000Z"]
    for path, mark in links:
        page = tea.request(path, Accept=BROWSER).body.decode()
        assert re.findall(r'<article class="plan" id="([^"]+)"', page)[0] == mark


def test_hiding_a_plan_hides_the_latest_changes(tea: Browser) -> None:
    assert recent_changes(tea)
    set_visibility(tea.built, "alice", 4, plan=M)
    assert recent_changes(tea) == ""
    assert "For members" in recent_changes(tea, peer=MEMBER)
    set_visibility(tea.built, "alice", 5, plan=E)
    assert "For members" not in recent_changes(tea)


def test_a_page_without_available_history_is_not_cached(tea: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    async def down(*_: object) -> Any:
        return UNAVAILABLE

    with monkeypatch.context() as broken:
        broken.setattr(tea.built.deps.directory, "history", down)
        assert tea.request("/users/alice.html").code == 200
        assert recent_changes(tea) == ""
    assert recent_changes(tea)
