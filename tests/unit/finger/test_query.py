"""The query grammar: parse_query on single lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.directory.names import HostNames
from gateway.finger.query import FingerQuery, ForwardQuery, HttpRequest, ListQuery, UserQuery, decode_line, parse_query

OURS = HostNames(["dir.test", "club.test"])


def parse_line(line: bytes) -> FingerQuery:
    return parse_query(decode_line(line), OURS.__contains__)


@pytest.mark.parametrize(
    ("line", "query"),
    [
        pytest.param(b"", ListQuery(False), id="F039"),
        pytest.param(b"/W", ListQuery(True), id="F041"),
        pytest.param(b"/W ", ListQuery(True), id="F042"),
        pytest.param(b"   ", ListQuery(False), id="F043"),
        pytest.param(b"\t", ListQuery(False), id="F043-tab"),
        pytest.param(b"alice", UserQuery("alice", False), id="F044"),
        pytest.param(b"/W alice", UserQuery("alice", True), id="F045"),
        pytest.param(b"/w alice", UserQuery("alice", True), id="F046"),
        pytest.param(b"/W     alice", UserQuery("alice", True), id="F047"),
        pytest.param(b"/W\talice", UserQuery("alice", True), id="F048"),
        pytest.param(b" alice", UserQuery("alice", False), id="F049"),
        pytest.param(b"alice  ", UserQuery("alice", False), id="F050"),
        pytest.param(b"alice /W", UserQuery("alice", True), id="F051"),
        pytest.param(b"/Walice", UserQuery("/Walice", False), id="F052"),
        pytest.param(b"Alice Adams", UserQuery("Alice Adams", False), id="F057"),
        pytest.param(b"\xff\xfb\x18\xff\xfd\x03alice", UserQuery("alice", False), id="F068"),
        pytest.param(b"\xff\xfa\x18\x01\xff\xf0al\xff\xf1ice\xff\xff", UserQuery("alice", False), id="F068-more"),
        pytest.param(b"\xff\xfe", UserQuery("\ufffd\ufffd", False), id="F067"),
        pytest.param(b"bob@other.test", ForwardQuery("bob", ("other.test",), False), id="F076"),
        pytest.param(b"@other.test", ForwardQuery("", ("other.test",), False), id="F077-nobody"),
        pytest.param(b"/W bob@other.test", ForwardQuery("bob", ("other.test",), True), id="F077-verbose"),
        pytest.param(b"bob@h1@h2", ForwardQuery("bob", ("h1", "h2"), False), id="F077-two"),
        pytest.param(b"alice@dir.test", UserQuery("alice", False), id="F078"),
        pytest.param(b"@dir.test", ListQuery(False), id="F079"),
        pytest.param(b"/W @dir.test", ListQuery(True), id="F079-verbose"),
        pytest.param(b"alice@DIR.TEST.", UserQuery("alice", False), id="F080-case-and-dot"),
        pytest.param(b"alice@127.0.0.1", UserQuery("alice", False), id="F080-v4"),
        pytest.param(b"alice@[::1]", UserQuery("alice", False), id="F080-v6"),
        pytest.param(b"alice@club.test", UserQuery("alice", False), id="F081"),
        pytest.param(b"bob@other.test@dir.test", ForwardQuery("bob", ("other.test",), False), id="F082"),
        pytest.param(b"alice@", UserQuery("alice", False), id="F083"),
        pytest.param(b"@", ListQuery(False), id="F083-nobody"),
        pytest.param(b"/PULL alice", UserQuery("alice", False), id="F053"),
        pytest.param(b"/PULL /W alice@dir.test", UserQuery("alice", True), id="F053-and-W"),
        pytest.param(b"/W /PULL alice", UserQuery("alice", True), id="F053-behind-W"),
        pytest.param(b"/PULL", UserQuery("/PULL", False), id="F053-alone"),
        pytest.param(b"/etc/passwd alice", UserQuery("/etc/passwd alice", False), id="F053-a-path-is-none"),
        pytest.param(b"-l", UserQuery("-l", False), id="F054"),
        pytest.param(b"-l alice", UserQuery("-l alice", False), id="F054-and-a-name"),
        pytest.param(b"~alice", UserQuery("alice", False), id="F063"),
        pytest.param(b"~alice@dir.test", UserQuery("alice", False), id="F063-at-home"),
        pytest.param(b"~", UserQuery("~", False), id="F063-alone"),
        pytest.param(b"acct:alice@dir.test", UserQuery("alice", False), id="F064-acct"),
        pytest.param(b"ACCT:alice", UserQuery("alice", False), id="F064-acct-without-host"),
        pytest.param(b"mailto:alice@dir.test?subject=tea", UserQuery("alice", False), id="F064-mailto"),
        pytest.param(b"finger://dir.test/alice", UserQuery("alice", False), id="F064-finger"),
        pytest.param(b"finger://dir.test:79/alice", UserQuery("alice", False), id="F064-port"),
        pytest.param(b"finger://[::1]/alice", UserQuery("alice", False), id="F064-v6"),
        pytest.param(b"finger://alice@dir.test", UserQuery("alice", False), id="F064-name-first"),
        pytest.param(b"finger://dir.test/", ListQuery(False), id="F064-nobody"),
        pytest.param(b"/W finger://dir.test/alice", UserQuery("alice", True), id="F064-verbose"),
        pytest.param(b"finger://other.test/bob", ForwardQuery("bob", ("other.test",), False), id="F064-elsewhere"),
        pytest.param(b"mailto:bob@other.test", ForwardQuery("bob", ("other.test",), False), id="F064-mail-elsewhere"),
        pytest.param(b"alice@dir.test,bob@club.test", UserQuery("alice,bob", False), id="F055-each-with-its-host"),
        pytest.param(b"alice,bob@dir.test", UserQuery("alice,bob", False), id="F055-with-a-host"),
        pytest.param(b"alice@dir.test,bob@h", ForwardQuery("alice,bob", ("h",), False), id="F055-and-elsewhere"),
        pytest.param(b"GET /users/alice HTTP/1.1", HttpRequest("/users/alice"), id="F073"),
        pytest.param(b"@alice@dir.test", UserQuery("alice", False), id="F085"),
        pytest.param(b"@alice@other.test", ForwardQuery("", ("alice", "other.test"), False), id="F085-elsewhere"),
        pytest.param(b"@other.test@dir.test", ForwardQuery("", ("other.test",), False), id="F085-no-handle"),
        pytest.param(b"dir.test!alice", UserQuery("dir.test!alice", False), id="F086-bangs"),
        pytest.param(b"alice%other.test", UserQuery("alice%other.test", False), id="F086-percent"),
        pytest.param(b"alice@dir.test /W", UserQuery("alice", True), id="switch-behind-a-host"),
        pytest.param(b"alice @ dir.test ", UserQuery("alice", False), id="blanks-at-the-host"),
    ],
)
def test_lines_and_their_queries(line: bytes, query: FingerQuery) -> None:
    assert parse_line(line) == query


def test_F084_two_hundred_hosts_are_parsed_without_recursion() -> None:
    query = parse_line(b"bob" + b"@h" * 200)
    assert isinstance(query, ForwardQuery)
    assert len(query.hosts) == 200


PIECES = st.sampled_from(
    b"@| |\t|/W|/w|\xff|\xfa|\xf0|\xfb|\0|\x1b[|alice|dir.test|DIR.TEST.|127.0.0.1|[::1]|other.test|\xc5\xbe|,|%|\r".split(
        b"|"
    )
)


@given(st.one_of(st.binary(max_size=512), st.lists(PIECES, max_size=40).map(b"".join)))
def test_any_line_is_a_query_and_none_is_forwarded_to_this_server(line: bytes) -> None:
    query = parse_line(line)
    if isinstance(query, UserQuery | ForwardQuery):
        assert "@" not in query.name
        assert query.name == query.name.strip(" \t")
    if isinstance(query, UserQuery):
        assert query.name
    if isinstance(query, ForwardQuery):
        assert query.hosts
        assert query.hosts[-1]
        assert query.hosts[-1] not in OURS
