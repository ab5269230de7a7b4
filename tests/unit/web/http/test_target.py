"""Hosts and paths are judged before anything is routed."""

import pytest

from gateway.directory.names import HostNames
from gateway.web.http.target import HttpRequestError, parse_target, split_path

OURS = HostNames(["dir.test", "club.test"])


def placed(uri: str, *hosts: str, version: str = "HTTP/1.1") -> str | int:
    try:
        return parse_target(uri, hosts, version, OURS.__contains__)
    except HttpRequestError as bad:
        return bad.code


@pytest.mark.parametrize(
    "host", ["dir.test", "DIR.test", "dir.test.", "dir.test:8080", "club.test:", "127.0.0.1:1", "[::1]:8080", "[::1]"]
)
def test_our_own_names(host: str) -> None:
    """W087"""
    assert placed("/users/alice", host) == "/users/alice"


@pytest.mark.parametrize("host", ["evil.test", "dir.test.evil.test", "192.0.2.1", "localhost", "[2001:db8::1]"])
def test_foreign_names(host: str) -> None:
    """W087"""
    assert placed("/", host) == 421


@pytest.mark.parametrize(
    "host", ["", " ", "dir.test/x", "a@dir.test", "dir.test:80:80", "dir.test:x", 'evil/x"<b>', "::1"]
)
def test_hosts_that_are_none(host: str) -> None:
    """W085"""
    assert placed("/", host) == 400


def test_one_host_and_no_more() -> None:
    """W086"""
    assert placed("/") == 400
    assert placed("/", "dir.test", "dir.test") == 400
    assert placed("/", version="HTTP/1.0") == "/"
    assert placed("/", "evil.test", version="HTTP/1.0") == 421


def test_absolute_form() -> None:
    """W088: its authority counts, whatever Host says; but a host it has to be (RFC 9112 section 3.2)."""
    assert placed("http://dir.test/users/alice", "a b") == 400
    assert placed("http://dir.test/users/alice?x=1", "evil.test") == "/users/alice"
    assert placed("HTTPS://club.test:8443", "dir.test") == "/"
    assert placed("http://dir.test?x", "dir.test") == "/"
    assert placed("http://evil.test/users/alice", "dir.test") == 421
    assert placed("http://a@dir.test/", "dir.test") == 400
    assert placed("http:///x", "dir.test") == 400


def test_other_forms() -> None:
    """W088"""
    assert placed("*", "dir.test") == "*"
    assert placed("/a?b?c", "dir.test") == "/a"
    for uri in ("users/alice", "dir.test:80", "ftp://dir.test/", "?x"):
        assert placed(uri, "dir.test") == 400


def test_paths_are_taken_apart_and_decoded() -> None:
    """W089"""
    assert split_path("/") == [b""]
    assert split_path("/users/%C5%BEofie") == [b"users", b"\xc5\xbeofie"]
    assert split_path("/users//a") == [b"users", b"", b"a"]
    assert split_path("/users/a+b@c:~!$&'()*,;=") == [b"users", b"a+b@c:~!$&'()*,;="]


def test_two_slashes_at_the_beginning_are_nowhere() -> None:
    """W085, W089"""
    for path in ("//", "//users/alice", "//evil.test/"):
        with pytest.raises(HttpRequestError) as bad:
            split_path(path)
        assert bad.value.code == 404


@pytest.mark.parametrize(
    "path",
    ["/%00", "/a%0d%0ab", "/a%0A", "/a%2Fb", "/a%2fb", "/a%5Cb", "/a\\b", "/a#b", "/a%zz", "/a%", "/a%4", "/%7f",
     "/%C2%85", "/%ff", "/%c3%28", "/a<b", '/a"b', "/a^b", "/\x85", "/a b"],
)  # fmt: skip
def test_paths_that_are_not_taken(path: str) -> None:
    """W089, W090"""
    with pytest.raises(HttpRequestError) as bad:
        split_path(path)
    assert bad.value.code == 400
