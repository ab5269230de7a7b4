"""HTTP at the level of bytes: request heads, hosts, methods, limits, and how connections end."""

from time import process_time
from typing import Any

import pytest
from twisted.internet.interfaces import ISSLTransport
from twisted.protocols import basic
from twisted.web import http as twisted_http
from twisted.web import server as twisted_server
from zope.interface import directlyProvides

from gateway.directory.addresses import MAX_ADDRESS_CHARACTERS, Address, _parse
from gateway.web.app import WebApp
from gateway.web.http.channel import FLUSH_TIMEOUT, MAX_DROPPED_BYTES, REFUSAL_LINGER, STOP_GRACE
from gateway.web.http.reply import _list_accepts_gzip
from tests.unit.web.browser import MEMBER, STRANGER, Browser, SlowSource, parse_responses
from tests.unit.web.conftest import Build

GET = b"GET /users/alice HTTP/1.1\r\nHost: dir.test\r\n\r\n"
SAMPLES = {"name": "alice"}


def codes(data: bytes) -> list[int]:
    return [answer.code for answer in parse_responses(data)]


def rule_paths() -> list[str]:
    """Return a path for every rule of the app."""
    rules = list(WebApp.klein.url_map.iter_rules())
    assert len(rules) >= 4
    paths = []
    for rule in rules:
        assert rule.methods, f"{rule.rule} takes any method"
        adapter = WebApp.klein.url_map.bind("dir.test")
        paths.append(adapter.build(rule.endpoint, {name: SAMPLES[name] for name in rule.arguments}))
    return paths


# methods


@pytest.mark.parametrize("path", rule_paths())
@pytest.mark.parametrize("method", ["TRACE", "FOO", "get", "Get", "POST", "PUT", "DELETE", "PATCH", "CONNECT", "GETX"])
def test_other_methods_get_405(web: Browser, path: str, method: str) -> None:
    """W002, W091"""
    answer = web.request(path, method)
    assert answer.code == 405
    assert answer["allow"] == "GET, HEAD, OPTIONS"
    assert b"This address does not support that method." in answer.body


@pytest.mark.parametrize("path", [*rule_paths(), "*"])
def test_options(web: Browser, path: str) -> None:
    """W002"""
    answer = web.request(path, "OPTIONS")
    assert (answer.code, answer["allow"], answer.body) == (204, "GET, HEAD, OPTIONS", b"")


def test_asterisk_form_is_for_options_only(web: Browser) -> None:
    assert web.request("*").code == 400
    assert web.request("/nowhere", "OPTIONS").code == 404
    assert web.request("/nowhere", "FOO").code == 404


def test_405_in_the_requested_format(web: Browser) -> None:
    """W003"""
    assert web.request("/users/alice.json", "POST")["content-type"] == "application/problem+json"
    assert web.request("/users/alice.html", "FOO")["content-type"] == "text/html; charset=utf-8"


# hosts


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: dir.test\r\nHost: dir.test\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: dir.test\r\nHost: evil.test\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n", 421),
        (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: dir.test, evil.test\r\n\r\n", 400),
        (b"GET http://evil.test/ HTTP/1.1\r\nHost: dir.test\r\n\r\n", 421),
        (b"GET http://dir.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n", 200),
        (b"GET / HTTP/1.0\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\nHost: DIR.TEST:8080\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\nHost: 10.0.0.1:8080\r\n\r\n", 200),  # the local address of the connection
        (b"GET / HTTP/1.1\r\nHost: 10.0.0.2\r\n\r\n", 421),
    ],
)
def test_hosts(web: Browser, head: bytes, code: int) -> None:
    """W086, W087, W088"""
    assert codes(web.send_raw(head)) == [code]


def test_host_of_the_site_URL_is_accepted(build: Build) -> None:
    """W087"""
    assert build(hosts=["people.test"]).request("/users/alice", host="dir.test").code == 200


# paths


@pytest.mark.parametrize(
    ("path", "code"),
    [("/users/%00", 400), ("/users/a%0d%0aX: y", 400), ("/users/a%0d%0aX:%20y", 400), ("/users%2Falice", 400),
     ("/users/alice#x", 400), ("/users/a\\b", 400), ("//users/alice", 404), ("/users/alice/", 308), ("/users/%ff", 400),
     ("/%ff", 400), ("/users/..", 404), ("/users/%2e%2e/x", 404), ("/users/%zz", 400), ("/users/\xff", 400),
     ("/users/" + "a" * 65, 404), ("/users/%E2%80%AE", 404), ("/users/alice?" + "a=1&" * 1500, 200)],
)  # fmt: skip
def test_paths(build: Build, path: str, code: int) -> None:
    """W089, W090: one response, one access-log entry, no traceback (every test checks the log)."""
    web = build()
    request = f"GET {path} HTTP/1.1\r\nHost: dir.test\r\n\r\n".encode("latin-1")
    assert codes(web.send_raw(request)) == [code]
    assert len(web.built.access_log_entries) == 1


# malformed heads


@pytest.mark.parametrize(
    "head",
    [
        b"GET /\r\n\r\n",
        b"rubbish\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: dir.test\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n",
        b"GET / HTTP/1.1\r\nHost: dir.test\r\nno colon\r\nX: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: dir.test\r\nX : y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: dir.test\r\nX: a\r\n b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: dir.test\r\nX: a\x00b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: dir.test\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: dir.test\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: dir.test\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: dir.test\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: dir.test\r\nTransfer-Encoding: identity\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: dir.test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    ],
)
def test_bad_requests(build: Build, head: bytes) -> None:
    """W086, W093, W094: one ordinary response, then the connection closes; further input is ignored."""
    web = build()
    connection = web.connect()
    connection.send(head + GET)
    (answer,) = parse_responses(connection.received)
    assert answer.code == 400
    assert answer["connection"] == "close"
    assert answer["server"] == "finger-gateway"
    assert answer["content-security-policy"]
    assert answer.body == b"This request cannot be understood.\n"
    assert connection.is_closing()
    connection.send(GET)
    assert parse_responses(connection.received) == [answer]
    connection.close()
    assert [(entry["outcome"], entry["bytes"]) for entry in web.built.access_log_entries] == [
        ("invalid", len(answer.body))
    ]


def test_bad_requests_in_the_requested_format(web: Browser) -> None:
    """W003"""
    head = b"GET / HTTP/1.1\r\nAccept: application/json\r\nHost: dir.test\r\nno colon\r\nX: y\r\n\r\n"
    (answer,) = parse_responses(web.send_raw(head))
    assert answer["content-type"] == "application/problem+json"


# limits


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"GET /" + b"a" * 17_000 + b" HTTP/1.1\r\nHost: dir.test\r\n\r\n", 414),
        (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: dir.test\r\n\r\n", 414),
        (b"GET /" + b"a" * 20_000, 414),
        (b"GET / HTTP/1.1\r\nHost: dir.test\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: dir.test\r\nX: " + b"a" * 20_000, 431),
        (b"GET / HTTP/1.1\r\nHost: dir.test\r\n" + b"X: aaaaaaaaaa\r\n" * 500 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: dir.test\r\n" + (b"X: " + b"a" * 4000 + b"\r\n") * 5 + b"\r\n", 431),
    ],
)
def test_heads_too_large(web: Browser, head: bytes, code: int) -> None:
    """W095"""
    connection = web.connect()
    for start in range(0, len(head), 1000):
        connection.send(head[start : start + 1000])
    (answer,) = parse_responses(connection.received)
    assert answer.code == code
    assert answer.body
    assert connection.is_closing()
    connection.close()


def test_an_oversized_body_is_refused_in_advance(web: Browser) -> None:
    """W096: without a 100 Continue."""
    head = b"POST /users/alice HTTP/1.1\r\nHost: dir.test\r\nContent-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n"
    connection = web.connect()
    connection.send(head)
    (answer,) = parse_responses(connection.received)
    assert answer.code == 413
    assert connection.is_closing()
    connection.close()


def test_the_limit_counts_chunked_bodies(web: Browser) -> None:
    """W097"""
    connection = web.connect()
    connection.send(b"POST /users/alice HTTP/1.1\r\nHost: dir.test\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(80):
        connection.send(b"400\r\n" + b"x" * 1024 + b"\r\n")
    connection.send(b"0\r\n\r\n")
    assert codes(connection.received) == [413]
    connection.close()


def test_a_body_within_the_limit_is_read(web: Browser) -> None:
    body = b"POST /users/alice HTTP/1.1\r\nHost: dir.test\r\nContent-Length: 65536\r\n\r\n" + b"x" * 65536
    chunks = b"POST /users/alice HTTP/1.1\r\nHost: dir.test\r\nTransfer-Encoding: CHUNKED\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    form = b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 3\r\n\r\nabc"
    many = b"POST /users/alice HTTP/1.1\r\nHost: dir.test\r\n" + form
    assert codes(web.send_raw(body + chunks + many + GET)) == [405, 405, 405, 200]


def test_a_head_has_one_deadline(build: Build) -> None:
    """W100: slow input does not extend it."""
    web = build(timeout=10.0)
    connection = web.connect()
    for byte in GET[:9]:
        connection.send(bytes([byte]))
        web.built.clock.advance(1)
    assert connection.received == b""
    web.built.clock.advance(1)
    (answer,) = parse_responses(connection.received)
    assert answer.code == 408
    assert answer.body == b"The request was not received in time.\n"
    assert connection.is_closing()
    connection.close()
    assert [entry["outcome"] for entry in web.built.access_log_entries] == ["timeout"]


@pytest.mark.parametrize("part", [GET[:-2], b"GET /users/alice HTTP/1.1\nHost: dir.test\n\n", b"GET"])
def test_incomplete_head_times_out(build: Build, part: bytes) -> None:
    """W100: also with line ends without CR."""
    web = build()
    connection = web.connect()
    connection.send(part)
    web.built.clock.advance(10)
    assert codes(connection.received) == [408]
    connection.close()


def test_incomplete_body_times_out(build: Build) -> None:
    """W006"""
    web = build()
    connection = web.connect()
    connection.send(b"POST / HTTP/1.1\r\nHost: dir.test\r\nContent-Length: 9\r\n\r\nabc")
    web.built.clock.advance(9)
    connection.send(b"d")
    web.built.clock.advance(1)
    assert codes(connection.received) == [408]
    connection.close()


def test_silent_connection_times_out(build: Build) -> None:
    """W006: closed without a response, with one access-log entry."""
    web = build()
    connection = web.connect()
    web.built.clock.advance(10)
    assert connection.is_closing()
    assert connection.received == b""
    web.built.clock.advance(10)
    assert connection.transport.disconnected
    connection.close()
    (entry,) = web.built.access_log_entries
    assert (entry["verb"], entry["query"], entry["outcome"], entry["peer"]) == ("lookup", "", "timeout", STRANGER)


def test_keep_alive_connection_serves_again_and_times_out(build: Build) -> None:
    """W006"""
    web = build()
    connection = web.connect()
    for _ in range(3):
        connection.send(GET)
        web.built.clock.advance(9)
    assert codes(connection.received) == [200, 200, 200]
    assert not connection.is_closing()
    connection.send(GET[:20])
    web.built.clock.advance(9)
    connection.send(GET[20:])
    assert codes(connection.received) == [200] * 4
    web.built.clock.advance(10)
    assert connection.is_closing()
    connection.close()
    assert [entry["outcome"] for entry in web.built.access_log_entries] == ["found"] * 4


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: dir.test\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: dir.test\r\nConnection: close, TE\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: dir.test\r\nConnection: te,Close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: dir.test\r\nConnection: x\r\nConnection: close\r\n\r\n",
    ],
)
def test_connection_close_and_HTTP_1_0(web: Browser, head: bytes) -> None:
    connection = web.connect()
    connection.send(head)
    connection.send(GET)
    assert codes(connection.received) == [200]
    assert connection.is_closing()
    connection.close()


def test_no_reset_cuts_the_last_response(build: Build) -> None:
    """Input after the last request is read and dropped until the client closes."""
    web = build()
    connection = web.connect()
    connection.send(GET[:-2] + b"Connection: close\r\n\r\n" + b"x" * 5000)
    assert codes(connection.received) == [200]
    assert connection.transport.shut
    assert not connection.transport.disconnecting
    connection.send(b"x" * 50_000)
    assert codes(connection.received) == [200]
    web.built.clock.advance(10)
    assert connection.is_aborted()
    connection.close()


@pytest.mark.parametrize("length", [9000, 17_000])
def test_W001_refused_HEAD_request_gets_no_body(web: Browser, length: int) -> None:
    (answer,) = parse_responses(
        web.send_raw(b"HEAD /" + b"a" * length + b" HTTP/1.1\r\nHost: dir.test\r\n\r\n"), "HEAD"
    )
    assert (answer.code, answer.body, int(answer["content-length"]) > 0) == (414, b"", True)


@pytest.mark.parametrize(
    ("trailers", "expected"),
    [
        (b"", [405, 200]),
        (b"X: y\r\n", [405, 200]),
        (b'X:y\r\nDigest: a="b"\r\n', [405, 200]),
        (b"X: y\n", [400]),
        (b"\nGET /smuggled HTTP/1.1\r\nHost: dir.test\r\n", [400]),
        (b"X: y\rZ: w\r\n", [400]),
        (b"X: \x00\r\n", [400]),
        (b"X: y\r\n folded\r\n", [400]),
        (b"no colon\r\n", [400]),
        (b"Transfer-Encoding : chunked\r\n", [400]),
    ],
)
def test_W092_trailers_after_a_chunked_body(web: Browser, trailers: bytes, expected: list[int]) -> None:
    """RFC 9112 sections 2.2 and 7.1.2: a proxy with another line parser would see another request in it."""
    head = b"POST /users/alice HTTP/1.1\r\nHost: dir.test\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert codes(web.send_raw(head + b"3\r\nabc\r\n0\r\n" + trailers + b"\r\n" + GET)) == expected


def test_W006_parser_caches_skip_long_values(web: Browser) -> None:
    """Caching keys of 15 kB each would take 60 MB, and parsing each takes time."""
    long = "x" * 15_000
    before = _list_accepts_gzip.cache_info().currsize, _parse.cache_info().currsize
    for number in range(5):
        assert (
            "content-encoding" not in web.request("/users/alice.html", Accept_Encoding=f"gzip, {long}{number}").headers
        )
        assert web.request("/", host=f"{long}{number}").code == 421
    assert (_list_accepts_gzip.cache_info().currsize, _parse.cache_info().currsize) == before
    assert Address.parse("x" * MAX_ADDRESS_CHARACTERS) is None


@pytest.mark.usefixtures("untraced")
def test_a_refused_head_is_parsed_quickly(web: Browser) -> None:
    """Parsing blanks in Accept once took quadratic time, in refused requests too."""
    head = "GET / HTTP/1.1\r\nHost: dir.test\r\nAccept: text/html{}x\r\nContent-Length: x\r\n\r\n"
    began = process_time()
    (answer,) = parse_responses(web.send_raw(head.format(15_000 * " ").encode()))
    assert answer.code == 400
    assert process_time() - began < 0.5  # it was 1.7


def test_lingering_close_has_limits(build: Build) -> None:
    """RFC 9112 section 9.6"""
    web = build()
    for flood in (False, True):
        connection = web.connect()
        connection.send(b"rubbish\r\n\r\n")
        assert connection.transport.shut
        assert not connection.transport.disconnecting
        if flood:
            connection.send(b"x" * MAX_DROPPED_BYTES)
            assert not connection.transport.disconnected
            connection.send(b"x")
        else:
            web.built.clock.advance(REFUSAL_LINGER)
        assert connection.transport.disconnected
        connection.close()


def test_half_closed_connection_gets_its_response(build: Build) -> None:
    """As nc -N closes it; lookups still in progress are cancelled (W103)."""
    web = build()
    connection = web.connect()
    connection.send(GET)
    connection.channel.readConnectionLost()
    assert codes(connection.received) == [200]
    assert connection.transport.disconnecting
    assert not connection.transport.disconnected
    connection.close()
    lingering = web.connect()
    lingering.send(b"rubbish\r\n\r\n")
    lingering.channel.writeConnectionLost()
    lingering.channel.readConnectionLost()
    assert lingering.transport.disconnecting
    lingering.close()


def test_a_TLS_connection_is_not_half_closed(build: Build) -> None:
    web = build()
    connection = web.connect()
    directlyProvides(connection.transport, ISSLTransport)
    connection.send(b"rubbish\r\n\r\n")
    assert not connection.is_closing()
    connection.send(GET)
    assert codes(connection.received) == [400]
    web.built.clock.advance(REFUSAL_LINGER)
    assert connection.transport.disconnecting
    assert not connection.transport.shut
    connection.close()


def test_ALPN_offers_only_HTTP_1_1(web: Browser) -> None:
    """W101"""
    assert web.service.factory.acceptableProtocols() == [b"http/1.1"]


# too many connections


def test_too_many_connections_from_one_address(build: Build) -> None:
    web = build(per_address=5)
    held = [web.connect() for _ in range(5)]
    full, over = web.connect(), web.connect()
    assert over.is_closing()
    assert over.received == b""
    assert not full.is_closing()
    full.send(GET[:5])
    assert full.received == b""
    full.send(GET[5:])
    (answer,) = parse_responses(full.received)
    assert (answer.code, answer["retry-after"]) == (503, "5")
    assert answer.body == b"Too many connections. Try again in a moment.\n"
    assert full.is_closing()
    assert web.request("/users/alice", peer=MEMBER).code == 200
    silent = web.connect()
    for connection in (*held, full, over, silent):
        connection.close()
    assert web.request("/users/alice").code == 200
    assert web.built.deps.admission.open == 0
    assert [entry["outcome"] for entry in web.built.access_log_entries] == [
        "limited",
        "limited",
        "found",
        "limited",
        "found",
    ]


def test_silent_connection_over_the_limit_is_closed(build: Build) -> None:
    web = build(per_address=5)
    held = [web.connect() for _ in range(5)]
    full = web.connect()
    web.built.clock.advance(10)
    assert full.is_closing()
    assert full.received == b""
    for connection in (*held, full):
        connection.close()
    assert sorted(entry["outcome"] for entry in web.built.access_log_entries) == ["limited"] + ["timeout"] * 5


# stopping the service


def test_stop_closes_idle_connections_and_finishes_responses(build: Build) -> None:
    slow = SlowSource()
    web = build(sources=[slow])
    idle, busy = web.connect(), web.connect()
    busy.send(GET)
    ended: list[Any] = []
    web.service.startService()
    web.service.stopService().addCallback(ended.append)
    assert not busy.is_closing()
    web.built.clock.advance(STOP_GRACE)
    assert idle.is_closing()
    idle.close()
    slow.waiting[0].callback(None)
    web.built.clock.advance(0)
    assert codes(busy.received) == [200]
    assert busy.is_closing()
    assert not ended
    busy.close()
    assert ended == [None]


@pytest.mark.parametrize("before", [b"", GET, GET[:10], GET[:-5]], ids=["new", "kept", "line", "head"])
def test_R038_a_request_in_transit_is_answered_before_the_stop(build: Build, before: bytes) -> None:
    """Neither a new connection nor a kept one is closed without a response."""
    web = build()
    busy = web.connect()
    busy.send(before)
    answered = len(parse_responses(busy.received))
    ended: list[Any] = []
    web.service.startService()
    web.service.stopService().addCallback(ended.append)
    busy.send(GET if answered else GET.removeprefix(before))
    answer = parse_responses(busy.received)[answered]
    assert (answer.code, answer["connection"]) == (200, "close")
    assert busy.is_closing()
    busy.send(GET)
    assert len(parse_responses(busy.received)) == answered + 1
    busy.close()
    assert ended == [None]


def test_stop_does_not_wait_for_ever(build: Build) -> None:
    slow = SlowSource()
    web = build(sources=[slow])
    busy = web.connect()
    busy.send(GET)
    ended: list[Any] = []
    web.service.stopService().addCallback(ended.append)
    web.built.clock.advance(1)
    assert busy.transport.disconnected
    busy.close()
    assert ended == [None]


def test_stop_without_connections(build: Build) -> None:
    ended: list[Any] = []
    build().service.stopService().addCallback(ended.append)
    assert ended == [None]


# private names of Twisted


def test_private_names_of_Twisted(web: Browser) -> None:
    """Report each private name of Twisted that channel.py relies on and that a new Twisted lacks or uses elsewhere."""
    channel, receiver = twisted_http.HTTPChannel, basic.LineReceiver
    called = {
        "_respondToBadRequestAndDisconnect": channel.headerReceived,
        "allHeadersReceived": channel.lineReceived,
        "allContentReceived": channel.lineReceived,
        "lineLengthExceeded": receiver.dataReceived,
        "_busyReceiving": receiver.dataReceived,
        "MAX_LENGTH": receiver.dataReceived,
        "maxHeaders": channel.headerReceived,
        "totalHeadersSize": channel.lineReceived,
        "_networkProducer": channel.connectionMade,
        "checkPersistence": channel.allHeadersReceived,
        "requestFactory": channel.lineReceived,
        "gotLength": channel.allHeadersReceived,
        "_transferDecoder": channel.rawDataReceived,
        "_dataBuffer": channel.requestDone,
        "_trailerHeaders": twisted_http._ChunkedTransferDecoder._dataReceived_TRAILER,
    }
    moved = [f"{where.__qualname__} no longer uses {name}" for name, where in called.items()
             if name not in where.__code__.co_names]  # fmt: skip
    connection = web.connect()
    moved += [f"HTTPChannel has no {name}" for name in ("_networkProducer", "_busyReceiving", "requests", "persistent")
              if not hasattr(connection.channel, name)]  # fmt: skip
    moved += [f"the producer of HTTPChannel has no {name}" for name in ("unregisterProducer", "resumeProducing")
              if not hasattr(connection.channel._networkProducer, name)]  # fmt: skip
    connection.close()
    if (channel.maxHeaders, channel.totalHeadersSize) != (500, 16384):
        moved.append("HTTPChannel has other limits for heads")
    if "parsePOSTFormSubmission" not in twisted_server.Site.__init__.__code__.co_varnames:
        moved.append("Site has no parsePOSTFormSubmission")
    if twisted_server.Request.defaultContentType != b"text/html":
        moved.append("Request has another default content type")
    assert not moved, "Twisted has changed: " + "; ".join(moved)


def test_no_access_log_of_twisted_web(web: Browser) -> None:
    """W010: the gateway's access log is the only one."""
    factory = web.service.factory
    factory.startFactory()
    factory.stopFactory()
    factory.doStart()
    factory.doStop()
    assert not any("_updateLogDateTime" in str(call) for call in web.built.clock.getDelayedCalls())


# unsent data, connections over the limit, odd lengths


def test_an_idle_connection_with_unsent_data_is_aborted(build: Build) -> None:
    """R030: with a response too small to make the transport pause."""
    web = build(timeout=10.0)
    connection = web.connect()
    connection.send(GET)
    web.built.clock.advance(10)
    assert connection.transport.disconnecting
    assert not connection.is_aborted()
    web.built.clock.advance(FLUSH_TIMEOUT)
    assert connection.is_aborted()
    connection.close()


def test_connection_over_the_limit_has_one_second(build: Build) -> None:
    web = build(per_address=5)
    held = [web.connect() for _ in range(5)]
    full = web.connect()
    web.built.clock.advance(1)
    assert full.is_closing()
    for connection in (*held, full):
        connection.close()


def test_W092_content_length_with_thousands_of_digits(build: Build) -> None:
    """int() raises for more than 4300 digits: the client still gets a response, and the log no traceback."""
    web = build()
    head = (
        b"POST / HTTP/1.1\r\nHost: dir.test\r\nAccept: application/json\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n"
    )
    (answer,) = parse_responses(web.send_raw(head + GET))
    assert (answer.code, answer["content-type"], answer["connection"]) == (400, "application/problem+json", "close")
    assert [entry["outcome"] for entry in web.built.access_log_entries] == ["invalid"]
