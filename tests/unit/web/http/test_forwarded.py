"""W008: who asks through a proxy that speaks HTTP, and what is made of it."""

import pytest

from gateway.directory.addresses import Address, Networks
from gateway.web.app import WebService
from gateway.web.http.forwarded import client_address
from gateway.web.settings import WebSettings
from tests.unit.web.browser import MEMBER, Browser
from tests.unit.web.conftest import Build

PROXY = "10.0.0.1"
PROXIES = Networks([PROXY, "10.1.0.0/16", "2001:db8:a::/48"])


def who(forwarded: str | None, x_forwarded_for: str | None = None) -> str:
    found = client_address(
        PROXIES,
        Address.parse(PROXY),
        [] if forwarded is None else [forwarded],
        [] if x_forwarded_for is None else [x_forwarded_for],
    )
    return str(found)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("192.0.2.7, 203.0.113.9", "203.0.113.9"),
        ("192.0.2.7,203.0.113.9 , 10.1.2.3", "203.0.113.9"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("2001:db8::9", "2001:db8::9"),
        ("[2001:db8::9]:4711, 2001:db8:a::1", "2001:db8::9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("10.1.0.2, 10.1.0.1", "10.1.0.2"),
        ("203.0.113.9, unknown", "None"),
        ("203.0.113.9, unknown, 10.1.0.1", "None"),
        ("203.0.113.9,", "None"),
        ("", "None"),
        ("203.0.113.999", "None"),
        ("203.0.113.9 192.0.2.7", "None"),
        ("<script>", "None"),
    ],
)
def test_W008_the_right_most_that_is_no_proxy_asks(said: str, found: str) -> None:
    assert who(None, said) == found


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("for=203.0.113.9", "203.0.113.9"),
        ("For=192.0.2.7, for=203.0.113.9;proto=https;by=10.0.0.1", "203.0.113.9"),
        ('proto=http; FOR="203.0.113.9:4711"', "203.0.113.9"),
        ('for="[2001:db8::9]:4711", for="[2001:db8:a::1]"', "2001:db8::9"),
        ('for="[2001:db8::9]:_port"', "2001:db8::9"),
        ('for=203.0.113.9;host="a, for=192.0.2.7;"', "203.0.113.9"),
        ('host="\\", for=192.0.2.7, \\"";for=203.0.113.9', "203.0.113.9"),
        ("for=203.0.113.9, for=unknown", "None"),
        ('for=203.0.113.9, for="_hidden"', "None"),
        ("for=203.0.113.9, by=192.0.2.7", "None"),
        ('for="192.0.2.7, for=203.0.113.9', "None"),
        ("192.0.2.7", "None"),
        ("", "None"),
    ],
)
def test_W008_as_rfc_7239_writes_it(said: str, found: str) -> None:
    assert who(said) == found


def test_W008_two_headers_that_differ_are_believed_in_nothing() -> None:
    """A proxy that writes one of them passes on what the asker has written into the other."""
    assert who("for=203.0.113.9", "203.0.113.9") == "203.0.113.9"
    assert who("for=192.0.2.7", "203.0.113.9") == "None"
    assert who("for=unknown", "203.0.113.9") == "None"


def test_W008_without_a_header_the_proxy_itself_asks() -> None:
    assert who(None) == PROXY


def test_W008_a_long_chain_takes_no_time_to_speak_of() -> None:
    assert who(None, "10.1.0.1," * 1700 + "10.1.0.1") == "10.1.0.1"
    assert who('for="' + "\\" * 16_000) == "None"
    assert who('a="' * 5000) == "None"
    assert who("for=" + " " * 16_000 + 'a"x"') == "None"
    assert who(" " * 8000 + "for" + " " * 8000 + "= 192.0.2.7 ") == "192.0.2.7"


@pytest.fixture
def behind(build: Build) -> Browser:
    """A site behind PROXY; six questions a minute each."""
    web = build(queries_per_minute=6, members=("192.0.2.0/24", "10.0.0.0/8"), per_address=5)
    web.service = WebService(WebSettings(trusted_proxies=[PROXY]), web.built.deps)
    return web


def test_W008_what_an_asker_says_of_itself_is_not_believed(behind: Browser) -> None:
    answer = behind.request("/users/alice.json", X_Forwarded_For=MEMBER, Forwarded=f"for={MEMBER}")
    assert b"+420 555 0100" not in answer.body
    assert [record["peer"] for record in behind.built.access_log_entries] == ["198.51.100.7"]


def test_W008_a_proxy_is_believed_in_what_may_be_seen_and_what_is_recorded(behind: Browser) -> None:
    member = behind.request("/users/alice.json", peer=PROXY, X_Forwarded_For=f"203.0.113.9, {MEMBER}")
    stranger = behind.request("/users/alice.json", peer=PROXY, Forwarded=f"for={MEMBER}, for=203.0.113.9")
    assert (member["cache-control"], stranger["cache-control"][:6]) == ("private, no-store", "public")
    assert b"+420 555 0100" in member.body
    assert b"+420 555 0100" not in stranger.body
    assert [record["peer"] for record in behind.built.access_log_entries] == [MEMBER, "203.0.113.9"]


@pytest.mark.parametrize("said", [{}, {"X_Forwarded_For": "unknown"}, {"X_Forwarded_For": "10.0.0.1"}])
def test_W008_nobody_is_a_member_by_the_proxys_own_address(behind: Browser, said: dict[str, str]) -> None:
    """Though it is in a network of members."""
    assert behind.request("/users/alice", peer=PROXY, **said)["cache-control"][:6] == "public"
    assert behind.request("/users/alice", peer="10.0.0.2", **said)["cache-control"] == "private, no-store"


def test_W008_each_behind_a_proxy_has_questions_of_its_own(behind: Browser) -> None:
    def code(address: str) -> int:
        return behind.request("/users/alice", peer=PROXY, X_Forwarded_For=address).code

    assert [code("203.0.113.9") for _ in range(7)] == [200] * 6 + [429]
    assert code("203.0.113.10") == 200
    assert [code("unknown") for _ in range(7)] == [200] * 6 + [429]


def test_W008_a_proxy_may_have_as_many_connections_as_there_are(behind: Browser) -> None:
    held = [behind.connect(PROXY) for _ in range(50)]
    assert behind.request("/users/alice", peer=PROXY).code == 200
    for each in held:
        each.close()
    assert behind.built.deps.admission.open == 0


def test_W008_a_reload_changes_who_is_believed(behind: Browser) -> None:
    connection = behind.connect(PROXY)
    behind.service.prepare_reload(WebSettings(trusted_proxies=["10.0.0.9"]), behind.built.deps)()
    connection.send(b"GET / HTTP/1.1\r\nHost: dir.test\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n")
    connection.close()
    assert [record["peer"] for record in behind.built.access_log_entries] == [PROXY]
