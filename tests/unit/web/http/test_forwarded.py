"""W008: the client address behind an HTTP proxy, from Forwarded and X-Forwarded-For."""

import pytest

from gateway.directory.addresses import Address, Networks
from gateway.web.app import WebService
from gateway.web.http.forwarded import client_address
from gateway.web.settings import WebSettings
from tests.unit.web.browser import MEMBER, Browser
from tests.unit.web.conftest import Build

PROXY = "10.0.0.1"
PROXIES = Networks([PROXY, "10.1.0.0/16", "2001:db8:a::/48"])


def forwarded_client(forwarded: str | None, x_forwarded_for: str | None = None) -> str:
    found = client_address(
        PROXIES,
        Address.parse(PROXY),
        [] if forwarded is None else [forwarded],
        [] if x_forwarded_for is None else [x_forwarded_for],
    )
    return str(found)


@pytest.mark.parametrize(
    ("header", "found"),
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
def test_W008_the_right_most_untrusted_address_is_the_client(header: str, found: str) -> None:
    assert forwarded_client(None, header) == found


@pytest.mark.parametrize(
    ("header", "found"),
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
def test_W008_Forwarded_header(header: str, found: str) -> None:
    assert forwarded_client(header) == found


def test_W008_two_headers_that_differ_are_ignored() -> None:
    """A proxy that writes one of them passes on what the client has written into the other."""
    assert forwarded_client("for=203.0.113.9", "203.0.113.9") == "203.0.113.9"
    assert forwarded_client("for=192.0.2.7", "203.0.113.9") == "None"
    assert forwarded_client("for=unknown", "203.0.113.9") == "None"


def test_W008_without_a_header_the_proxy_is_the_client() -> None:
    assert forwarded_client(None) == PROXY


def test_W008_long_headers_are_parsed() -> None:
    assert forwarded_client(None, "10.1.0.1," * 1700 + "10.1.0.1") == "10.1.0.1"
    assert forwarded_client('for="' + "\\" * 16_000) == "None"
    assert forwarded_client('a="' * 5000) == "None"
    assert forwarded_client("for=" + " " * 16_000 + 'a"x"') == "None"
    assert forwarded_client(" " * 8000 + "for" + " " * 8000 + "= 192.0.2.7 ") == "192.0.2.7"


@pytest.fixture
def behind(build: Build) -> Browser:
    """Return a site behind PROXY that allows each client six requests a minute."""
    web = build(queries_per_minute=6, members=("192.0.2.0/24", "10.0.0.0/8"), per_address=5)
    web.service = WebService(WebSettings(trusted_proxies=[PROXY]), web.built.deps)
    return web


def test_W008_headers_of_untrusted_clients_are_ignored(behind: Browser) -> None:
    answer = behind.request("/users/alice.json", X_Forwarded_For=MEMBER, Forwarded=f"for={MEMBER}")
    assert b"+420 555 0100" not in answer.body
    assert [entry["peer"] for entry in behind.built.access_log_entries] == ["198.51.100.7"]


def test_W008_a_trusted_proxy_sets_the_rights_and_the_logged_address(behind: Browser) -> None:
    member = behind.request("/users/alice.json", peer=PROXY, X_Forwarded_For=f"203.0.113.9, {MEMBER}")
    stranger = behind.request("/users/alice.json", peer=PROXY, Forwarded=f"for={MEMBER}, for=203.0.113.9")
    assert (member["cache-control"], stranger["cache-control"][:6]) == ("private, no-store", "public")
    assert b"+420 555 0100" in member.body
    assert b"+420 555 0100" not in stranger.body
    assert [entry["peer"] for entry in behind.built.access_log_entries] == [MEMBER, "203.0.113.9"]


@pytest.mark.parametrize("headers", [{}, {"X_Forwarded_For": "unknown"}, {"X_Forwarded_For": "10.0.0.1"}])
def test_W008_the_proxys_own_address_makes_nobody_a_member(behind: Browser, headers: dict[str, str]) -> None:
    """Although it is in a member network."""
    assert behind.request("/users/alice", peer=PROXY, **headers)["cache-control"][:6] == "public"
    assert behind.request("/users/alice", peer="10.0.0.2", **headers)["cache-control"] == "private, no-store"


def test_W008_rate_limits_count_each_client_behind_the_proxy(behind: Browser) -> None:
    def code(address: str) -> int:
        return behind.request("/users/alice", peer=PROXY, X_Forwarded_For=address).code

    assert [code("203.0.113.9") for _ in range(7)] == [200] * 6 + [429]
    assert code("203.0.113.10") == 200
    assert [code("unknown") for _ in range(7)] == [200] * 6 + [429]


def test_W008_the_proxy_may_open_all_connections(behind: Browser) -> None:
    held = [behind.connect(PROXY) for _ in range(50)]
    assert behind.request("/users/alice", peer=PROXY).code == 200
    for each in held:
        each.close()
    assert behind.built.deps.admission.open == 0


def test_W008_reload_changes_the_trusted_proxies(behind: Browser) -> None:
    connection = behind.connect(PROXY)
    behind.service.prepare_reload(WebSettings(trusted_proxies=["10.0.0.9"]), behind.built.deps)()
    connection.send(b"GET / HTTP/1.1\r\nHost: dir.test\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n")
    connection.close()
    assert [entry["peer"] for entry in behind.built.access_log_entries] == [PROXY]
