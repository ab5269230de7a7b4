"""The WebFinger client, against slow, broken and hostile hosts."""

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

from .network import Network, StartedCoroutine
from .social import AUTHORITY, FediverseHost, document, redirect, response

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


class Check(StartedCoroutine):
    """A running check of an account."""

    def __init__(self, user: str = "alice", host: str = "social.example") -> None:
        self.network = Network(PUBLIC)
        outbound = OutboundConnections(self.network, lambda: ["192.5.6.30"], lambda: ["dir.test"])
        super().__init__(confirm_account(self.network, outbound, user, host))

    def host(self, name: str = "social.example", authority: trustme.CA = AUTHORITY) -> FediverseHost:
        return FediverseHost(self.network, name, authority)

    def result_of_answer(self, answer: bytes) -> Any:
        """Let the host send *answer* and return the result of the check."""
        self.host().send(answer)
        return self.result


def test_W109_request_over_https_and_result() -> None:
    check = Check()
    assert check.network.tried == [("9.9.9.9", 443)]
    host = check.host()
    request = host.received.decode().split("\r\n")
    assert request[0] == "GET /.well-known/webfinger?resource=acct%3Aalice%40social.example HTTP/1.1"
    assert "Host: social.example" in request
    assert "Accept: application/jrd+json, application/json" in request
    host.send(document(GOOD))
    assert check.result == Actor(ACTOR, "https://social.example/@alice")
    assert host.aborted, "otherwise a host that never closes would keep the connection"


@pytest.mark.parametrize(
    "jrd",
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
def test_descriptors_of_other_software(jrd: Any) -> None:
    """Without a profile page the actor's URL is used."""
    assert Check().result_of_answer(document(jrd)) == Actor(ACTOR, ACTOR)


@pytest.mark.parametrize(
    ("answer", "reason"),
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
def test_answers_that_do_not_confirm_an_account(answer: bytes, reason: str) -> None:
    check = Check()
    host = check.host()
    host.send(answer)
    assert isinstance(check.error, NotConfirmed)
    assert str(check.error) == reason
    assert host.aborted


def test_an_endless_head_is_disconnected() -> None:
    check = Check()
    host = check.host()
    host.send(b"HTTP/1.1 200 OK\r\n")
    for number in range(1000):
        if check.results:
            break
        host.send(b"X-%d: " % number + b"x" * 1000 + b"\r\n")
    assert number < 200
    assert check.error is not None
    assert host.aborted


def test_redirects_are_followed() -> None:
    check = Check()
    first = check.host()
    first.send(redirect("https://other.example/webfinger"))
    assert check.network.tried == [("9.9.9.9", 443), ("9.9.9.8", 443)]
    second = check.host("other.example")
    assert second.received.startswith(b"GET /webfinger HTTP/1.1\r\n")
    second.send(document(GOOD))
    assert check.result == Actor(ACTOR, "https://social.example/@alice")
    assert (first.aborted, second.aborted) == (True, True)


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("https://inside.example/", NotPublic), ("https://10.1.1.1/", NotPublic), ("https://127.0.0.1:8443/", NotPublic),
        ("https://[::1]/", NotPublic), ("https://dir.test/", IsThisServer),
    ],
)  # fmt: skip
def test_redirects_to_private_addresses_are_refused(location: str, error: type[Exception]) -> None:
    check = Check()
    check.result_of_answer(redirect(location))
    assert isinstance(check.error, error)
    assert check.network.tried == [("9.9.9.9", 443)]


def test_the_body_of_a_redirect_is_ignored(logged: list[LogEvent]) -> None:
    """However long the body is: nothing waits for it, so a failure would remain unhandled."""
    check = Check()
    check.host().send(response(b"a" * 100_000, "302 Found", "Location: https://other.example/"))
    check.host("other.example").send(document(GOOD))
    assert check.result == Actor(ACTOR, "https://social.example/@alice")
    del check
    gc.collect()
    assert [event for event in logged if "log_failure" in event] == []


def test_at_most_three_redirects() -> None:
    check = Check()
    for _ in range(4):
        assert check.results == []
        check.host().send(redirect("/again"))
    assert str(check.error) == "too many redirects"
    assert len(check.network.tried) == 4


@pytest.mark.parametrize(
    ("name", "authority"), [("other.example", AUTHORITY), ("social.example", STRANGER), ("*.example", STRANGER)]
)
def test_the_certificate_must_match_the_host_and_be_trusted(name: str, authority: trustme.CA) -> None:
    check = Check()
    host = check.host(name, authority)
    assert host.received == b"", "no request is sent"
    assert "SSL" in repr(check.error) or "verif" in repr(check.error).lower()


def test_international_host_names() -> None:
    check = Check(host="xn--mnchen-3ya.example")
    assert check.network.tried == [("9.9.9.7", 443)]
    assert b"Host: xn--mnchen-3ya.example\r\n" in check.host("xn--mnchen-3ya.example").received


@pytest.mark.parametrize("data", [b"", b"HTTP/1.1 200 OK\r\n", response(b"x" * 9)[:-1]])
def test_deadline_for_the_whole_answer(data: bytes) -> None:
    """One deadline for head and body."""
    check = Check()
    check.network.advance(TIMEOUT / 2)
    host = check.host()
    if data:
        host.send(data)
    check.network.advance(TIMEOUT / 2 - 0.01)
    assert check.results == []
    check.network.advance(0.01)
    assert str(check.error) == "no answer in time"
    assert host.aborted


def test_cancelling_closes_the_connection() -> None:
    check = Check()
    host = check.host()
    check.deferred.cancel()
    assert (str(check.error) != "", host.aborted) == (True, True)
