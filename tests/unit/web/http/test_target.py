"""Parsing of the request target: hosts and paths are checked before routing."""

import pytest

from gateway.directory.names import HostNames
from gateway.web.http.target import HttpRequestError, parse_target, split_path

OWN_HOSTS = HostNames(["dir.test", "club.test"])


def path_or_code(uri: str, *hosts: str, version: str = "HTTP/1.1") -> str | int:
    try:
        return parse_target(uri, hosts, version, OWN_HOSTS.__contains__)
    except HttpRequestError as bad:
        return bad.code


@pytest.mark.parametrize(
    "host", ["dir.test", "DIR.test", "dir.test.", "dir.test:8080", "club.test:", "127.0.0.1:1", "[::1]:8080", "[::1]"]
)
def test_own_host_names(host: str) -> None:
    """W087"""
    assert path_or_code("/users/alice", host) == "/users/alice"


@pytest.mark.parametrize("host", ["evil.test", "dir.test.evil.test", "192.0.2.1", "localhost", "[2001:db8::1]"])
def test_foreign_host_names(host: str) -> None:
    """W087"""
    assert path_or_code("/", host) == 421


@pytest.mark.parametrize(
    "host", ["", " ", "dir.test/x", "a@dir.test", "dir.test:80:80", "dir.test:x", 'evil/x"<b>', "::1"]
)
def test_invalid_hosts(host: str) -> None:
    """W085"""
    assert path_or_code("/", host) == 400


def test_exactly_one_host() -> None:
    """W086"""
    assert path_or_code("/") == 400
    assert path_or_code("/", "dir.test", "dir.test") == 400
    assert path_or_code("/", version="HTTP/1.0") == "/"
    assert path_or_code("/", "evil.test", version="HTTP/1.0") == 421


def test_absolute_form() -> None:
    """W088: its authority overrides Host, but Host must still be valid (RFC 9112 section 3.2)."""
    assert path_or_code("http://dir.test/users/alice", "a b") == 400
    assert path_or_code("http://dir.test/users/alice?x=1", "evil.test") == "/users/alice"
    assert path_or_code("HTTPS://club.test:8443", "dir.test") == "/"
    assert path_or_code("http://dir.test?x", "dir.test") == "/"
    assert path_or_code("http://evil.test/users/alice", "dir.test") == 421
    assert path_or_code("http://a@dir.test/", "dir.test") == 400
    assert path_or_code("http:///x", "dir.test") == 400


def test_other_forms_of_the_target() -> None:
    """W088"""
    assert path_or_code("*", "dir.test") == "*"
    assert path_or_code("/a?b?c", "dir.test") == "/a"
    for uri in ("users/alice", "dir.test:80", "ftp://dir.test/", "?x"):
        assert path_or_code(uri, "dir.test") == 400


def test_paths_are_split_and_decoded() -> None:
    """W089"""
    assert split_path("/") == [b""]
    assert split_path("/users/%C5%BEofie") == [b"users", b"\xc5\xbeofie"]
    assert split_path("/users//a") == [b"users", b"", b"a"]
    assert split_path("/users/a+b@c:~!$&'()*,;=") == [b"users", b"a+b@c:~!$&'()*,;="]


def test_two_leading_slashes_are_not_found() -> None:
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
def test_invalid_paths(path: str) -> None:
    """W089, W090"""
    with pytest.raises(HttpRequestError) as bad:
        split_path(path)
    assert bad.value.code == 400
