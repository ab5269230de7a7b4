"""The privacy canary over the wire: no protocol leaks private words, and all public words are shown."""

import json
import re
import socket
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from urllib.parse import quote

import pytest

from gateway.directory.interfaces import Modify
from gateway.directory.person import Visibility
from gateway.irc import commands  # noqa: F401  # registers the commands
from gateway.irc.command_registry import COMMAND_BY_NAME
from gateway.web.app import WebApp
from gateway.web.routes import ROUTES
from tests.unit.fixtures import write_edits

from .canary import CANARIES, EVERYONE, MEMBERS, NOBODY, AudienceAnswers, all_names
from .gateway_process import (
    ENV_WITHOUT_COVERAGE,
    LIFT_BOT_LIMITS,
    WATCHDOG_CODE,
    GatewayProcess,
    Installation,
    free_port,
    join_irc,
    make_installation,
    query_finger,
    run_gateway,
    start_process,
    wait_until,
)

STRANGER, MEMBER = "127.0.0.1", "127.0.0.2"
# Possible query parameters: for each key, the requested name and the value.
QUERIES: dict[str, Sequence[tuple[str, str]]] = {
    "q": [(name, name) for name in all_names()],
    "resource": [
        (name, form.format(name)) for name in all_names() for form in ("acct:{}@dir.test", "http://dir.test/users/{}")
    ],
    "after": [("", "nobody")],
    "before": [("", "20990101T000000.0Z")],
    "rel": [("", "me")],
}

# ngircd throttles clients that send much; the demo's network does not.
NETWORK = """
import sys
from twisted.internet import reactor
from gateway.demo.network import make_network
reactor.listenTCP(int(sys.argv[1]), make_network(), interface="127.0.0.1")
reactor.run()
"""


@contextmanager
def run_demo_network(folder: Path) -> Iterator[int]:
    """Run the demo's IRC network in a process of its own. Yield its port."""
    port = free_port()
    with start_process(folder, [port], str(port), start=(sys.executable, "-P", "-c", NETWORK)):
        yield port


LOGINS = {each.login: each.logins() for each in CANARIES}
# All of them are logged in.
LOGGED_IN = f"""
import datetime
from gateway.directory.person import Login
from gateway.sources import logins
people = { ({each.login: each.logins() for each in CANARIES})!r}
logins.logged_in_users = lambda: people
"""


# A custom source that holds all canaries.
SOURCE_CODE = """
from pathlib import Path
from gateway.directory.person import PartialPerson
from gateway.formats import person_json

class Canaries:
    restricts, cache_ttl = False, None

    def __init__(self, file):
        created = [person_json.make_create(each) for each in person_json.read_documents(Path(file).read_bytes())]
        self.people = {
            each.login: PartialPerson(login=each.login, **each.values, visibility=each.visibility, listed=each.listed)
            for each in created
        }

    async def get(self, login):
        return self.people.get(login)

    async def everyone(self):
        for each in self.people.values():
            yield each
"""


@contextmanager
def run_gateway_with_source(folder: Path) -> Iterator[Installation]:
    """Run a gateway that gets the canaries from a custom source, once they are indexed."""
    installation = make_installation(folder, people=(), site=f'members = ["{MEMBER}/32"]')
    (folder / "canary_source.py").write_text(SOURCE_CODE)
    (folder / "canaries.json").write_text(json.dumps([each.document() for each in CANARIES]))
    settings = (
        installation.settings.read_text()
        .replace("[finger]", '[finger]\nempty_query = "people"')
        .replace("60000", "10000000")
    )
    own = f'[sources.canaries]\nclass = "canary_source:Canaries"\noptions = {{ file = "{folder / "canaries.json"}" }}\n'
    installation.settings.write_text(f"{settings}\n[sources.logins]\n{own}")
    with run_gateway(
        installation,
        start=(sys.executable, "-P", "-c", f"{LIFT_BOT_LIMITS}\n{LOGGED_IN}\n{WATCHDOG_CODE}"),
        env=ENV_WITHOUT_COVERAGE,
    ):
        wait_until(lambda: CANARIES[0].login in query_finger(installation.finger_port, ""), "the first sweep")
        yield installation


@contextmanager
def run_gateway_with_canaries(
    folder: Path, irc: int | None = None, broken: str = "", empty: str = "people"
) -> Iterator[tuple[Installation, GatewayProcess]]:
    """Run a gateway whose database holds the canaries. *broken* is code that runs before the command."""
    people = [each.document() for each in CANARIES]
    installation = make_installation(folder, irc, people, site=f'members = ["{MEMBER}/32"]')
    # an earlier plan that was visible to everyone is shown only as far as the current plan
    for each in CANARIES:
        plan = {"plan": f"{each.word('plan')}\nlater\n"}
        write_edits(installation.database, [Modify(each.login, plan, plan_level=Visibility.EVERYONE)])
    settings = installation.settings.read_text().replace("[finger]", f'[finger]\nempty_query = "{empty}"')
    installation.settings.write_text(settings.replace("60000", "10000000") + "\n[sources.logins]\n")
    run = "from gateway.cli import main\nmain()" if broken else WATCHDOG_CODE
    start = (sys.executable, "-P", "-c", f"{LIFT_BOT_LIMITS}\n{LOGGED_IN}\n{broken}\n{run}")
    with run_gateway(installation, start=start, env=ENV_WITHOUT_COVERAGE) as running:
        yield installation, running


def collect_finger(
    installation: Installation, source: str, answers: AudienceAnswers, names: Sequence[str] = ("", *all_names())
) -> None:
    for name in names:
        for switch in ("", "/W "):
            with socket.create_connection(("127.0.0.1", installation.finger_port), 5, (source, 0)) as client:
                client.sendall(f"{switch}{name}\r\n".encode())
                answers.add("finger", name, b"".join(iter(lambda: client.recv(65536), b"")).decode())


def request_paths() -> Iterator[tuple[str, str, str]]:
    """Yield a requested name, a path and an Accept header for every route, format, login, alias and query."""
    logins = [name for each in CANARIES for name in (each.login, each.word("aliases"), each.word("former"))]
    known = {path for route in ROUTES for path in route.paths}
    for rule in WebApp.klein.url_map.iter_rules():
        assert rule.rule in known, f"a route that is not in the table: {rule}"
        assert rule.arguments <= {"name"}, f"a route that the canary does not know how to fill: {rule}"
    for route in ROUTES:
        accepts = {"text/html", "application/json", *(format.types[0] for format in route.formats)}
        for key in route.query:
            assert key in QUERIES, f"a query that the canary does not know how to fill: {key} of {route.path}"
            filled = [(login, login) for login in logins] if "<name>" in route.path else [("", "")]
            for (login, part), (name, value) in product(filled, QUERIES[key]):
                path = f"{route.path.replace('<name>', part)}?{key}={quote(value)}"
                yield from ((login or name, path, accept) for accept in accepts)
        for name in ("style.css",) if route.path == "/static/<name>" else logins if "<name>" in route.path else ("",):
            path = route.path.replace("<name>", name)
            yield from ((name, path, accept) for accept in accepts)
            if route.suffixes:
                yield from ((name, path + format.suffix, "*/*") for format in route.formats if format.suffix)


def collect_web(installation: Installation, source: str, answers: AudienceAnswers) -> None:
    pending: deque[tuple[str, str, str]] = deque(sorted(set(request_paths())))
    while pending:
        with (
            socket.create_connection(("127.0.0.1", installation.web_port), 5, (source, 0)) as client,
            client.makefile("rb") as reader,
        ):
            for name, path, accept in [pending.popleft() for _ in range(min(len(pending), 500))]:
                client.sendall(f"GET {path} HTTP/1.1\r\nHost: dir.test\r\nAccept: {accept}\r\n\r\n".encode())
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    line = reader.readline()
                    assert line, f"the server hung up after {path}"
                    head += line
                length = re.search(rb"(?i)content-length: (\d+)", head)
                body = reader.read(int(length[1])) if length else b""
                assert not head.startswith(b"HTTP/1.1 5"), path
                answers.add("web", name, (head + body).decode())


def collect_irc(port: int, answers: AudienceAnswers) -> None:
    with join_irc(port, "canary", "#tea") as lines:

        def bot_has_joined() -> bool:
            lines.send("NAMES #tea")
            return "fingerbot" in lines.wait_for(lambda line: " 353 " in line, "the names")

        wait_until(bot_has_joined, "the bot")
        before = ""
        for number, name in enumerate(all_names()):
            output: list[str] = []
            for text in (name, *(f"{each} {name}" for each in COMMAND_BY_NAME)):
                for target, message in (("fingerbot", text), ("#tea", f"!{text}"), ("#tea", f"fingerbot: {text}")):
                    lines.send(f"PRIVMSG {target} :{message}")
                end = f"nobody{number}end"
                lines.send(f"PRIVMSG fingerbot :{end}")
                output.append(lines.wait_for(lambda _: True, "the answers"))
                while end not in output[-1]:
                    output.append(lines.wait_for(lambda _: True, "the answers"))
            # Channel answers have a queue of their own, and may still repeat the request before.
            answers.add("irc", name, "\n".join(output).replace(before or name, "\N{BULLET}"))
            before = name


def collect_people_show(installation: Installation, who: str) -> AudienceAnswers:
    """Collect the output of `people show` for each canary, as *who* sees it."""
    answers = AudienceAnswers({"everyone": "stranger", "members": "member"}.get(who, who))
    for each in CANARIES:
        there = {"everyone": 0, "members": 1}.get(who, 2) >= each.level("name")
        ran = installation.run("people", "show", each.login, "--as", who, code=0 if there else 1)
        answers.add("show", each.login, ran.out + ran.err)
    return answers


@pytest.mark.usefixtures("untraced")
def test_nothing_private_leaks_and_everything_public_is_shown(tmp_path: Path) -> None:
    """F105: on every protocol an audience gets all that it may see and nothing else."""
    stranger, member = AudienceAnswers("stranger"), AudienceAnswers("member")
    with run_demo_network(tmp_path) as irc, run_gateway_with_canaries(tmp_path, irc) as (installation, running):
        for source, answers in ((STRANGER, stranger), (MEMBER, member)):
            collect_finger(installation, source, answers)
            collect_web(installation, source, answers)
        collect_irc(irc, stranger)
        for source in ("finger", "web", "irc"):
            assert "zqname0x" in "".join(text for each, _, text in stranger.texts if each == source), source
        rest = [collect_people_show(installation, who) for who in ("self", "administrator", "everyone", "members")]
    leaks = [leak for answers in (stranger, member, *rest) for leak in answers.leaks()]
    assert not leaks, "\n".join(leaks)
    missing = [
        *stranger.missing(EVERYONE),
        *member.missing(MEMBERS),
        *rest[0].missing(NOBODY),
        *rest[1].missing(NOBODY),
    ]
    assert not missing, "\n".join(missing)
    entries = installation.read_access_log()
    assert not [entry for entry in entries if entry["outcome"] == "limited"]
    kept = AudienceAnswers("stranger")
    for entry in entries:
        query = entry.pop("query")
        kept.add("access log", query, json.dumps(entry))
    assert entries
    assert not list(kept.leaks())
    assert not [each for each in CANARIES if each.word("plan") in running.log + running.stdout]


def test_nothing_leaks_from_a_custom_source(tmp_path: Path) -> None:
    stranger, member = AudienceAnswers("stranger"), AudienceAnswers("member")
    with run_gateway_with_source(tmp_path) as installation:
        for source, answers in ((STRANGER, stranger), (MEMBER, member)):
            collect_finger(installation, source, answers)
            collect_web(installation, source, answers)
    leaks = [*stranger.leaks(), *member.leaks()]
    assert not leaks, "\n".join(leaks)
    missing = [*stranger.missing(EVERYONE), *member.missing(MEMBERS)]
    assert not missing, "\n".join(missing)


def test_F092_presence_is_shown_to_those_who_may_see_it(tmp_path: Path) -> None:
    with run_gateway_with_canaries(tmp_path, empty="online") as (installation, _):
        for audience, source, rank in (("stranger", STRANGER, EVERYONE), ("member", MEMBER, MEMBERS)):
            answers = AudienceAnswers(audience)
            collect_finger(installation, source, answers, ("",))
            output = [text for _, _, text in answers.texts]
            assert len(output) == 2
            assert not list(answers.leaks())
            for each in CANARIES:
                seen = each.listed and each.level("presence") <= rank
                assert all((each.login in text) == seen for text in output), (audience, each.login)


PRIVACY = "import gateway.directory.privacy as p; "
BROKEN = {
    "every field is shown": PRIVACY + "p._may_see = lambda rank, person, field, policy: True",
    "everybody exists": PRIVACY + "p.exists = lambda person, audience, policy: True",
    "members rank as oneself": PRIVACY + "p._RANKS[p.Audience.MEMBER] = 2",
    "a person's own choice is forgotten": PRIVACY + "p.Policy.level = lambda self, person, field: self.default[field]",
    "where somebody is on is no field of its own": PRIVACY + "p._logins = lambda person, shown: person.logins",
    "who is not listed is listed": "import gateway.directory.source_chain as c; import msgspec; old = c.merge_partials; "
    "c.merge_partials = lambda partials: old([msgspec.structs.replace(each, listed=True) for each in partials]); "
    "import dataclasses; import gateway.directory.lists as l; import gateway.directory.queries as s; reach = l.index_filter; "
    "l.index_filter = s.index_filter = lambda *a: (levels := reach(*a)) and dataclasses.replace(levels, unlisted=True)",
}


@pytest.mark.parametrize("broken", BROKEN)
def test_the_canary_detects_a_broken_rule(broken: str, tmp_path: Path) -> None:
    stranger, member = AudienceAnswers("stranger"), AudienceAnswers("member")
    with run_gateway_with_canaries(tmp_path, broken=BROKEN[broken]) as (installation, _):
        collect_finger(installation, STRANGER, stranger)
        collect_finger(installation, MEMBER, member)
    assert [*stranger.leaks(), *member.leaks()], broken
