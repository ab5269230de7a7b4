"""The WebFinger client, against hosts of the fediverse that do what they like."""

import gc
import json
from collections.abc import Iterator
from typing import Any

import pytest
import trustme
from twisted.logger import LogEvent, globalLogPublisher

from gateway.outbound.fediverse_address import Actor
from gateway.outbound.public_hosts import OutboundConnections
from gateway.outbound.safe_dialer import IsThisServer, NotPublic
from gateway.outbound.webfinger_client import MAX_BODY_BYTES, TIMEOUT, NotConfirmed, confirm_account

from .network import Begun, Network
from .social import AUTHORITY, Host, document, redirect, response

pytestmark = pytest.mark.usefixtures("trusted")

STRANGER = trustme.CA()
PUBLIC = {
    "social.example": [["9.9.9.9"]], "other.example": [["9.9.9.8"]], "dir.test": [["192.5.6.30"]],
    "inside.example": [["10.1.1.1"]], "xn--mnchen-3ya.example": [["9.9.9.7"]],
}  # fmt: skip
ACTOR = "https://social.example/users/alice"
SELF = {"rel": "self", "type": "application/activity+json", "href": ACTOR}
PAGE = {"rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": "https://social.example/@alice"}
GOOD: dict[str, Any] = {"subject": "acct:alice@social.example", "links": [SELF, PAGE]}


@pytest.fixture
def logged() -> Iterator[list[LogEvent]]:
    events: list[LogEvent] = []
    observer: Any = events.append
    globalLogPublisher.addObserver(observer)
    yield events
    globalLogPublisher.removeObserver(observer)


class Asked(Begun):
    """A check that is under way."""

    def __init__(self, user: str = "alice", host: str = "social.example") -> None:
        self.network = Network(PUBLIC)
        outgoing = OutboundConnections(self.network, lambda: ["192.5.6.30"], lambda: ["dir.test"])
        super().__init__(confirm_account(self.network, outgoing, user, host))

    def host(self, name: str = "social.example", authority: trustme.CA = AUTHORITY) -> Host:
        return Host(self.network, name, authority)

    def told(self, answer: bytes) -> Any:
        """What it comes to when *answer* is all that is said."""
        self.host().says(answer)
        return self.result


def test_W109_it_asks_by_https_and_gives_the_actor_and_the_page() -> None:
    asked = Asked()
    assert asked.network.tried == [("9.9.9.9", 443)]
    host = asked.host()
    request = host.heard.decode().split("\r\n")
    assert request[0] == "GET /.well-known/webfinger?resource=acct%3Aalice%40social.example HTTP/1.1"
    assert "Host: social.example" in request
    assert "Accept: application/jrd+json, application/json" in request
    host.says(document(GOOD))
    assert asked.result == Actor(ACTOR, "https://social.example/@alice")
    assert host.dropped, "a host that never says goodbye keeps the connection"


@pytest.mark.parametrize(
    "told",
    [
        GOOD | {"links": [SELF]},
        GOOD | {"subject": "acct:Alice@Social.Example", "links": [SELF]},
        GOOD | {"subject": ACTOR, "aliases": ["acct:alice@social.example"], "links": [SELF]},
        GOOD | {"links": [SELF | {"type": 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'}]},
        GOOD | {"links": [SELF, SELF | {"href": "https://social.example/second"}]},
        GOOD | {"links": [SELF | {"type": "text/html"}, SELF]},
        GOOD | {"links": [SELF, PAGE | {"href": "javascript:alert(1)"}]},
        GOOD | {"links": [SELF], "properties": {"x": None}, "more": 1},
    ],
)
def test_what_other_software_says_is_taken(told: Any) -> None:
    """Without a page for people the actor is it."""
    assert Asked().told(document(told)) == Actor(ACTOR, ACTOR)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (document(GOOD | {"subject": "acct:bob@social.example"}), "a descriptor of somebody else"),
        (document({"links": [SELF]}), "a descriptor of somebody else"),
        (document(GOOD | {"links": [PAGE]}), "no actor"),
        (document(GOOD | {"links": [SELF | {"type": "text/html"}]}), "no actor"),
        (document(GOOD | {"links": [SELF | {"href": "http://social.example/users/alice"}]}), "no actor"),
        (document(GOOD | {"links": [SELF | {"href": "javascript:alert(1)"}]}), "no actor"),
        (document(GOOD | {"links": [SELF | {"href": 'https://social.example/"onclick='}]}), "no actor"),
        (document(GOOD | {"links": [SELF | {"href": "https://[/"}]}), "no actor"),
        (document(GOOD | {"links": [SELF | {"href": "https://social.example/\0\x7f"}]}), "no actor"),
        (document(GOOD | {"links": [SELF | {"href": f"https://social.example/{60_000 * 'a'}"}]}), "no actor"),
        (response(b"<!doctype html>"), "no descriptor"),
        (response(b"\xff\xfe"), "no descriptor"),
        (response(b"[" * 60_000), "no descriptor"),
        (response(json.dumps(GOOD).encode()[:-1]), "no descriptor"),
        (document([GOOD]), "no descriptor"),
        (document(GOOD | {"links": [None]}), "no descriptor"),
        (response(b"{}", "404 Not Found"), "status 404"),
        (response(b"{}", "304 Not Modified"), "status 304"),
        (response(b"", "302 Found"), "status 302"),
        (redirect("http://social.example/"), "a redirect without https"),
        (redirect("//[/"), "a redirect without https"),
        (redirect("gopher://social.example/"), "a redirect without https"),
        (response(b" " * (MAX_BODY_BYTES + 1)), "an endless answer"),
    ],
)
def test_what_does_not_confirm_an_account(answer: bytes, why: str) -> None:
    asked = Asked()
    host = asked.host()
    host.says(answer)
    assert isinstance(asked.error, NotConfirmed)
    assert str(asked.error) == why
    assert host.dropped


def test_a_head_that_never_ends_is_cut() -> None:
    asked = Asked()
    host = asked.host()
    host.says(b"HTTP/1.1 200 OK\r\n")
    for number in range(1000):
        if asked.results:
            break
        host.says(b"X-%d: " % number + b"x" * 1000 + b"\r\n")
    assert number < 200
    assert asked.error is not None
    assert host.dropped


def test_redirects_are_followed_to_public_hosts_only() -> None:
    asked = Asked()
    first = asked.host()
    first.says(redirect("https://other.example/webfinger"))
    assert asked.network.tried == [("9.9.9.9", 443), ("9.9.9.8", 443)]
    second = asked.host("other.example")
    assert second.heard.startswith(b"GET /webfinger HTTP/1.1\r\n")
    second.says(document(GOOD))
    assert asked.result == Actor(ACTOR, "https://social.example/@alice")
    assert (first.dropped, second.dropped) == (True, True)


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("https://inside.example/", NotPublic), ("https://10.1.1.1/", NotPublic), ("https://127.0.0.1:8443/", NotPublic),
        ("https://[::1]/", NotPublic), ("https://dir.test/", IsThisServer),
    ],
)  # fmt: skip
def test_no_redirect_leads_inside(location: str, error: type[Exception]) -> None:
    asked = Asked()
    asked.told(redirect(location))
    assert isinstance(asked.error, error)
    assert asked.network.tried == [("9.9.9.9", 443)]


def test_the_body_of_a_redirect_is_nobodys(logged: list[LogEvent]) -> None:
    """However long it is: nobody waits for it, so nobody can be told that it is endless."""
    asked = Asked()
    asked.host().says(response(b"a" * 100_000, "302 Found", "Location: https://other.example/"))
    asked.host("other.example").says(document(GOOD))
    assert asked.result == Actor(ACTOR, "https://social.example/@alice")
    del asked
    gc.collect()
    assert [event for event in logged if "log_failure" in event] == []


def test_three_redirects_and_no_more() -> None:
    asked = Asked()
    for _ in range(4):
        assert asked.results == []
        asked.host().says(redirect("/again"))
    assert str(asked.error) == "too many redirects"
    assert len(asked.network.tried) == 4


@pytest.mark.parametrize(
    ("name", "authority"), [("other.example", AUTHORITY), ("social.example", STRANGER), ("*.example", STRANGER)]
)
def test_the_certificate_has_to_be_the_hosts_and_trusted(name: str, authority: trustme.CA) -> None:
    asked = Asked()
    host = asked.host(name, authority)
    assert host.heard == b"", "nothing is asked"
    assert "SSL" in repr(asked.error) or "verif" in repr(asked.error).lower()


def test_a_host_in_unicode_is_asked_for_by_its_wire_name() -> None:
    asked = Asked(host="xn--mnchen-3ya.example")
    assert asked.network.tried == [("9.9.9.7", 443)]
    assert b"Host: xn--mnchen-3ya.example\r\n" in asked.host("xn--mnchen-3ya.example").heard


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n", response(b"x" * 9)[:-1]])
def test_all_has_to_be_there_in_time(said: bytes) -> None:
    """One deadline, whether head or body is waited for."""
    asked = Asked()
    asked.network.advance(TIMEOUT / 2)
    host = asked.host()
    if said:
        host.says(said)
    asked.network.advance(TIMEOUT / 2 - 0.01)
    assert asked.results == []
    asked.network.advance(0.01)
    assert str(asked.error) == "no answer in time"
    assert host.dropped


def test_whoever_leaves_drops_the_connection() -> None:
    asked = Asked()
    host = asked.host()
    asked.deferred.cancel()
    assert (str(asked.error) != "", host.dropped) == (True, True)
