"""Raw bytes at the site: heads, hosts, methods, limits, and how a connection ends."""

from time import process_time
from typing import Any

import pytest
from twisted.internet.interfaces import ISSLTransport
from twisted.protocols import basic
from twisted.web import http as twisted_http
from twisted.web import server as twisted_server
from zope.interface import directlyProvides

from gateway.directory.addresses import MAX_ADDRESS_CHARACTERS, Address, _parse
from gateway.net.cooperative_queue import CooperativeQueue
from gateway.web.app import WebApp
from gateway.web.http.channel import FLUSH_TIMEOUT, MAX_DROPPED_BYTES, REFUSAL_LINGER, STOP_GRACE
from gateway.web.http.pipeline import PIPELINED_AT_ONCE
from gateway.web.http.reply import _list_accepts_gzip
from tests.unit.web.conftest import Build
from tests.unit.web.wire import MEMBER, STRANGER, Browser, Slow, parsed

GET = b"GET /users/alice HTTP/1.1\r\nHost: dir.test\r\n\r\n"
SAMPLES = {"name": "alice"}


def codes(data: bytes) -> list[int]:
    return [answer.code for answer in parsed(data)]


def routes() -> list[str]:
    """An address for every rule of the app."""
    rules = list(WebApp.klein.url_map.iter_rules())
    assert len(rules) >= 4
    paths = []
    for rule in rules:
        assert rule.methods, f"{rule.rule} takes any method"
        adapter = WebApp.klein.url_map.bind("dir.test")
        paths.append(adapter.build(rule.endpoint, {name: SAMPLES[name] for name in rule.arguments}))
    return paths


# methods


@pytest.mark.parametrize("path", routes())
@pytest.mark.parametrize("method", ["TRACE", "FOO", "get", "Get", "POST", "PUT", "DELETE", "PATCH", "CONNECT", "GETX"])
def test_every_route_names_its_methods(web: Browser, path: str, method: str) -> None:
    """W002, W091"""
    answer = web.ask(path, method)
    assert answer.code == 405
    assert answer["allow"] == "GET, HEAD, OPTIONS"
    assert b"This address does not support that method." in answer.body


@pytest.mark.parametrize("path", [*routes(), "*"])
def test_options(web: Browser, path: str) -> None:
    """W002"""
    answer = web.ask(path, "OPTIONS")
    assert (answer.code, answer["allow"], answer.body) == (204, "GET, HEAD, OPTIONS", b"")


def test_a_star_is_for_options_alone(web: Browser) -> None:
    assert web.ask("*").code == 400
    assert web.ask("/nowhere", "OPTIONS").code == 404
    assert web.ask("/nowhere", "FOO").code == 404


def test_every_route_names_its_methods_in_its_format(web: Browser) -> None:
    """W003"""
    assert web.ask("/users/alice.json", "POST")["content-type"] == "application/problem+json"
    assert web.ask("/users/alice.html", "FOO")["content-type"] == "text/html; charset=utf-8"


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
        (b"GET / HTTP/1.1\r\nHost: 10.0.0.1:8080\r\n\r\n", 200),  # where the connection came in
        (b"GET / HTTP/1.1\r\nHost: 10.0.0.2\r\n\r\n", 421),
    ],
)
def test_hosts(web: Browser, head: bytes, code: int) -> None:
    """W086, W087, W088"""
    assert codes(web.raw(head)) == [code]


def test_the_host_of_the_sites_address_is_ours(build: Build) -> None:
    """W087"""
    assert build(hosts=["people.test"]).ask("/users/alice", host="dir.test").code == 200


# paths


@pytest.mark.parametrize(
    ("path", "code"),
    [("/users/%00", 400), ("/users/a%0d%0aX: y", 400), ("/users/a%0d%0aX:%20y", 400), ("/users%2Falice", 400),
     ("/users/alice#x", 400), ("/users/a\\b", 400), ("//users/alice", 404), ("/users/alice/", 308), ("/users/%ff", 400),
     ("/%ff", 400), ("/users/..", 404), ("/users/%2e%2e/x", 404), ("/users/%zz", 400), ("/users/\xff", 400),
     ("/users/" + "a" * 65, 404), ("/users/%E2%80%AE", 404), ("/users/alice?" + "a=1&" * 1500, 200)],
)  # fmt: skip
def test_paths(build: Build, path: str, code: int) -> None:
    """W089, W090: one answer, one record, no traceback (the log is watched by every test)."""
    web = build()
    request = f"GET {path} HTTP/1.1\r\nHost: dir.test\r\n\r\n".encode("latin-1")
    assert codes(web.raw(request)) == [code]
    assert len(web.built.access_log_entries) == 1


# heads that cannot be read


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
    """W086, W093, W094: one answer like any other, then the end; what follows is not read."""
    web = build()
    connection = web.connect()
    connection.send(head + GET)
    (answer,) = parsed(connection.received)
    assert answer.code == 400
    assert answer["connection"] == "close"
    assert answer["server"] == "finger-gateway"
    assert answer["content-security-policy"]
    assert answer.body == b"This request cannot be understood.\n"
    assert connection.closing()
    connection.send(GET)
    assert parsed(connection.received) == [answer]
    connection.close()
    assert [(record["outcome"], record["bytes"]) for record in web.built.access_log_entries] == [
        ("invalid", len(answer.body))
    ]


def test_bad_requests_in_the_format_asked_for(web: Browser) -> None:
    """W003"""
    head = b"GET / HTTP/1.1\r\nAccept: application/json\r\nHost: dir.test\r\nno colon\r\nX: y\r\n\r\n"
    (answer,) = parsed(web.raw(head))
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
    (answer,) = parsed(connection.received)
    assert answer.code == code
    assert answer.body
    assert connection.closing()
    connection.close()


def test_a_long_body_is_refused_before_it_comes(web: Browser) -> None:
    """W096: and nobody is told to go on with it."""
    head = b"POST /users/alice HTTP/1.1\r\nHost: dir.test\r\nContent-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n"
    connection = web.connect()
    connection.send(head)
    (answer,) = parsed(connection.received)
    assert answer.code == 413
    assert connection.closing()
    connection.close()


def test_a_body_in_chunks_is_counted(web: Browser) -> None:
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
    assert codes(web.raw(body + chunks + many + GET)) == [405, 405, 405, 200]


def test_a_head_has_one_deadline(build: Build) -> None:
    """W100: a trickle does not move it."""
    web = build(timeout=10.0)
    connection = web.connect()
    for byte in GET[:9]:
        connection.send(bytes([byte]))
        web.built.clock.advance(1)
    assert connection.received == b""
    web.built.clock.advance(1)
    (answer,) = parsed(connection.received)
    assert answer.code == 408
    assert answer.body == b"The request did not come in time.\n"
    assert connection.closing()
    connection.close()
    assert [record["outcome"] for record in web.built.access_log_entries] == ["timeout"]


@pytest.mark.parametrize("part", [GET[:-2], b"GET /users/alice HTTP/1.1\nHost: dir.test\n\n", b"GET"])
def test_half_a_head(build: Build, part: bytes) -> None:
    """W100: line ends without CR too."""
    web = build()
    connection = web.connect()
    connection.send(part)
    web.built.clock.advance(10)
    assert codes(connection.received) == [408]
    connection.close()


def test_half_a_body(build: Build) -> None:
    """W006"""
    web = build()
    connection = web.connect()
    connection.send(b"POST / HTTP/1.1\r\nHost: dir.test\r\nContent-Length: 9\r\n\r\nabc")
    web.built.clock.advance(9)
    connection.send(b"d")
    web.built.clock.advance(1)
    assert codes(connection.received) == [408]
    connection.close()


def test_nothing_asked(build: Build) -> None:
    """W006: closed without a word, one record."""
    web = build()
    connection = web.connect()
    web.built.clock.advance(10)
    assert connection.closing()
    assert connection.received == b""
    web.built.clock.advance(10)
    assert connection.transport.disconnected
    connection.close()
    (record,) = web.built.access_log_entries
    assert (record["verb"], record["query"], record["outcome"], record["peer"]) == ("lookup", "", "timeout", STRANGER)


def test_a_kept_connection_answers_again_and_ends_by_itself(build: Build) -> None:
    """W006"""
    web = build()
    connection = web.connect()
    for _ in range(3):
        connection.send(GET)
        web.built.clock.advance(9)
    assert codes(connection.received) == [200, 200, 200]
    assert not connection.closing()
    connection.send(GET[:20])
    web.built.clock.advance(9)
    connection.send(GET[20:])
    assert codes(connection.received) == [200] * 4
    web.built.clock.advance(10)
    assert connection.closing()
    connection.close()
    assert [record["outcome"] for record in web.built.access_log_entries] == ["found"] * 4


def test_questions_one_behind_the_other(web: Browser) -> None:
    """W083: as many answers, in order, and none for half a question."""
    answers = parsed(web.raw(GET + b"HEAD / HTTP/1.1\r\nHost: dir.test\r\n\r\n" + GET + GET[:30]), "GET", "HEAD")
    assert [answer.code for answer in answers] == [200, 200, 200]


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
def test_one_question_alone(web: Browser, head: bytes) -> None:
    connection = web.connect()
    connection.send(head)
    connection.send(GET)
    assert codes(connection.received) == [200]
    assert connection.closing()
    connection.close()


def test_no_reset_cuts_the_last_answer(build: Build) -> None:
    """More is sent behind the question that was to be the last: read and dropped, until the other side closes."""
    web = build()
    connection = web.connect()
    connection.send(GET[:-2] + b"Connection: close\r\n\r\n" + b"x" * 5000)
    assert codes(connection.received) == [200]
    assert connection.transport.shut
    assert not connection.transport.disconnecting
    connection.send(b"x" * 50_000)
    assert codes(connection.received) == [200]
    web.built.clock.advance(10)
    assert connection.aborted()
    connection.close()


@pytest.mark.parametrize("length", [9000, 17_000])
def test_W001_a_refused_head_has_no_body_either(web: Browser, length: int) -> None:
    (answer,) = parsed(web.raw(b"HEAD /" + b"a" * length + b" HTTP/1.1\r\nHost: dir.test\r\n\r\n"), "HEAD")
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
def test_W092_what_stands_behind_a_body(web: Browser, trailers: bytes, expected: list[int]) -> None:
    """RFC 9112 sections 2.2 and 7.1.2: whoever reads lines otherwise would see another request in it."""
    head = b"POST /users/alice HTTP/1.1\r\nHost: dir.test\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert codes(web.raw(head + b"3\r\nabc\r\n0\r\n" + trailers + b"\r\n" + GET)) == expected


def test_W006_what_is_read_of_a_list_has_an_end(web: Browser) -> None:
    """Kept keys of 15 kB each would be 60 MB, and each takes its time."""
    long = "x" * 15_000
    before = _list_accepts_gzip.cache_info().currsize, _parse.cache_info().currsize
    for number in range(5):
        assert "content-encoding" not in web.ask("/users/alice.html", Accept_Encoding=f"gzip, {long}{number}").headers
        assert web.ask("/", host=f"{long}{number}").code == 421
    assert (_list_accepts_gzip.cache_info().currsize, _parse.cache_info().currsize) == before
    assert Address.parse("x" * MAX_ADDRESS_CHARACTERS) is None


@pytest.mark.usefixtures("untraced")
def test_a_refused_head_is_not_read_for_long(web: Browser) -> None:
    """Blanks in Accept took the square of their number, here as where it is answered."""
    head = "GET / HTTP/1.1\r\nHost: dir.test\r\nAccept: text/html{}x\r\nContent-Length: x\r\n\r\n"
    began = process_time()
    (answer,) = parsed(web.raw(head.format(15_000 * " ").encode()))
    assert answer.code == 400
    assert process_time() - began < 0.5  # it was 1.7


def test_a_lingering_close_ends(build: Build) -> None:
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


def test_who_shuts_their_side_gets_what_is_answered(build: Build) -> None:
    """As nc -N does; what is still being looked up is given up with the connection (W103)."""
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


def test_a_refusal_under_tls_is_not_half_closed(build: Build) -> None:
    web = build()
    connection = web.connect()
    directlyProvides(connection.transport, ISSLTransport)
    connection.send(b"rubbish\r\n\r\n")
    assert not connection.closing()
    connection.send(GET)
    assert codes(connection.received) == [400]
    web.built.clock.advance(REFUSAL_LINGER)
    assert connection.transport.disconnecting
    assert not connection.transport.shut
    connection.close()


def test_tls_offers_http_1_alone(web: Browser) -> None:
    """W101"""
    assert web.service.factory.acceptableProtocols() == [b"http/1.1"]


# crowds


def test_too_many_connections_of_one_address(build: Build) -> None:
    web = build(per_address=5)
    held = [web.connect() for _ in range(5)]
    full, over = web.connect(), web.connect()
    assert over.closing()
    assert over.received == b""
    assert not full.closing()
    full.send(GET[:5])
    assert full.received == b""
    full.send(GET[5:])
    (answer,) = parsed(full.received)
    assert (answer.code, answer["retry-after"]) == (503, "5")
    assert answer.body == b"Too many connections. Try again in a moment.\n"
    assert full.closing()
    assert web.ask("/users/alice", peer=MEMBER).code == 200
    silent = web.connect()
    for connection in (*held, full, over, silent):
        connection.close()
    assert web.ask("/users/alice").code == 200
    assert web.built.deps.admission.open == 0
    assert [record["outcome"] for record in web.built.access_log_entries] == [
        "limited",
        "limited",
        "found",
        "limited",
        "found",
    ]


def test_a_silent_one_too_many(build: Build) -> None:
    web = build(per_address=5)
    held = [web.connect() for _ in range(5)]
    full = web.connect()
    web.built.clock.advance(10)
    assert full.closing()
    assert full.received == b""
    for connection in (*held, full):
        connection.close()
    assert sorted(record["outcome"] for record in web.built.access_log_entries) == ["limited"] + ["timeout"] * 5


# the end


def test_a_stop_closes_what_waits_and_lets_answers_end(build: Build) -> None:
    slow = Slow()
    web = build(sources=[slow])
    idle, asking = web.connect(), web.connect()
    asking.send(GET)
    ended: list[Any] = []
    web.service.startService()
    web.service.stopService().addCallback(ended.append)
    assert not asking.closing()
    web.built.clock.advance(STOP_GRACE)
    assert idle.closing()
    idle.close()
    slow.waiting[0].callback(None)
    web.built.clock.advance(0)
    assert codes(asking.received) == [200]
    assert asking.closing()
    assert not ended
    asking.close()
    assert ended == [None]


@pytest.mark.parametrize("before", [b"", GET, GET[:10], GET[:-5]], ids=["new", "kept", "line", "head"])
def test_R038_a_question_that_is_on_its_way_is_answered_before_the_stop(build: Build, before: bytes) -> None:
    """Whoever was let in at the last moment, or is known and asks again, is not left without a word."""
    web = build()
    asking = web.connect()
    asking.send(before)
    answered = len(parsed(asking.received))
    ended: list[Any] = []
    web.service.startService()
    web.service.stopService().addCallback(ended.append)
    asking.send(GET if answered else GET.removeprefix(before))
    answer = parsed(asking.received)[answered]
    assert (answer.code, answer["connection"]) == (200, "close")
    assert asking.closing()
    asking.send(GET)
    assert len(parsed(asking.received)) == answered + 1
    asking.close()
    assert ended == [None]


def test_a_stop_does_not_wait_for_ever(build: Build) -> None:
    slow = Slow()
    web = build(sources=[slow])
    asking = web.connect()
    asking.send(GET)
    ended: list[Any] = []
    web.service.stopService().addCallback(ended.append)
    web.built.clock.advance(1)
    assert asking.transport.disconnected
    asking.close()
    assert ended == [None]


def test_a_stop_with_nobody_there(build: Build) -> None:
    ended: list[Any] = []
    build().service.stopService().addCallback(ended.append)
    assert ended == [None]


# what of Twisted is used though it is not for us


def test_twisteds_own_names(web: Browser) -> None:
    """The names of Twisted's that channel.py and http.py stand on though nobody has promised them: each that a new
    Twisted lacks, or calls from elsewhere, is told."""
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
    made = web.connect()
    moved += [f"HTTPChannel has no {name}" for name in ("_networkProducer", "_busyReceiving", "requests", "persistent")
              if not hasattr(made.channel, name)]  # fmt: skip
    moved += [f"the producer of HTTPChannel has no {name}" for name in ("unregisterProducer", "resumeProducing")
              if not hasattr(made.channel._networkProducer, name)]  # fmt: skip
    made.close()
    if (channel.maxHeaders, channel.totalHeadersSize) != (500, 16384):
        moved.append("HTTPChannel limits its heads otherwise")
    if "parsePOSTFormSubmission" not in twisted_server.Site.__init__.__code__.co_varnames:
        moved.append("Site parses forms whatever we say")
    if twisted_server.Request.defaultContentType != b"text/html":
        moved.append("Request has another type by default")
    assert not moved, "Twisted has moved: " + "; ".join(moved)


def test_no_access_log(web: Browser) -> None:
    """W010: the records are the one log."""
    factory = web.service.factory
    factory.startFactory()
    factory.stopFactory()
    factory.doStart()
    factory.doStop()
    assert not any("_updateLogDateTime" in str(call) for call in web.built.clock.getDelayedCalls())


# Many requests on one connection.


def test_a_connection_ends_after_a_thousand_questions(build: Build) -> None:
    """W006: the last answer says so; what was sent behind it is read and dropped, so that no reset overtakes it."""
    web = build(queries_per_minute=10_000)
    connection = web.connect()
    for _ in range(999):
        connection.send(GET)
    assert not connection.closing()
    assert "connection" not in parsed(connection.received)[-1]
    connection.send(GET * 3)
    answers = parsed(connection.received)
    assert [answer.code for answer in answers] == [200] * 1000
    assert answers[-1]["connection"] == "close"
    assert connection.transport.shut
    assert not connection.transport.disconnecting
    assert connection.transport.producerState == "producing"  # or the rest would stay unread
    connection.send(GET)
    web.built.clock.advance(9)
    assert not connection.aborted()
    web.built.clock.advance(1)
    assert connection.aborted()
    connection.close()
    assert len(parsed(connection.received)) == 1000


@pytest.mark.parametrize("ask", [GET, GET.replace(b"GET", b"POST")[:-2] + b"Content-Length: 1\r\n\r\nx"])
def test_questions_in_a_row_take_turns(build: Build, ask: bytes) -> None:
    """W083: a few in each turn of the reactor, in order, all of them in the end."""
    web = build(queries_per_minute=10_000)
    connection = web.connect()
    connection.send(ask * 30)
    assert len(parsed(connection.received)) == PIPELINED_AT_ONCE
    web.built.clock.advance(0)
    assert len(parsed(connection.received)) == 30
    connection.send(ask * 3)
    assert len(parsed(connection.received)) == 33
    connection.close()
    assert [each for each in web.built.clock.getDelayedCalls() if each.getTime() <= web.built.clock.seconds()] == []


def test_one_that_takes_long_is_the_only_one_in_its_turn(build: Build) -> None:
    """Four that are cheap to send and dear to answer would be one long turn."""
    web = build(queries_per_minute=10_000)
    now = iter(range(1000))
    web.service.factory.turns = CooperativeQueue(web.built.clock, lambda: next(now))
    connection = web.connect()
    connection.send(GET * 3)
    assert len(parsed(connection.received)) == 1
    for _ in range(3):
        web.built.clock.advance(0)
    assert len(parsed(connection.received)) == 3
    connection.close()


def test_who_shuts_their_side_behind_many_questions_gets_all_answers(build: Build) -> None:
    web = build(queries_per_minute=10_000)
    connection = web.connect()
    connection.send(GET * 30)
    connection.channel.readConnectionLost()
    assert not connection.closing()
    for _ in range(4):
        web.built.clock.advance(0)
    assert len(parsed(connection.received)) == 30
    assert connection.transport.disconnecting
    connection.close()


def test_who_leaves_behind_many_questions_is_forgotten(build: Build) -> None:
    web = build(queries_per_minute=10_000)
    connection = web.connect()
    connection.send(GET * 30)
    connection.close()
    for _ in range(4):
        web.built.clock.advance(0)
    assert len(parsed(connection.received)) == PIPELINED_AT_ONCE
    assert len(web.built.access_log_entries) == PIPELINED_AT_ONCE


def test_who_does_not_read_is_asked_nothing_more(build: Build) -> None:
    """R030: while answers wait to be sent, the questions behind them wait too, and at the deadline that is the end."""
    web = build(queries_per_minute=10_000, timeout=10.0)
    connection = web.connect()
    connection.channel.pauseProducing()
    connection.send(GET * 30)
    web.built.clock.advance(1)
    assert len(parsed(connection.received)) == 1
    connection.channel.resumeProducing()
    for _ in range(5):
        web.built.clock.advance(0)
    assert len(parsed(connection.received)) == 30
    connection.channel.pauseProducing()
    connection.send(GET * 30)
    web.built.clock.advance(9)
    assert not connection.aborted()
    web.built.clock.advance(1)
    assert len(parsed(connection.received)) == 31
    assert connection.aborted()
    connection.close()


def test_an_idle_connection_with_something_unsent_ends_soon(build: Build) -> None:
    """R030: an answer smaller than what makes the transport pause."""
    web = build(timeout=10.0)
    connection = web.connect()
    connection.send(GET)
    web.built.clock.advance(10)
    assert connection.transport.disconnecting
    assert not connection.aborted()
    web.built.clock.advance(FLUSH_TIMEOUT)
    assert connection.aborted()
    connection.close()


def test_one_too_many_has_a_second(build: Build) -> None:
    web = build(per_address=5)
    held = [web.connect() for _ in range(5)]
    full = web.connect()
    web.built.clock.advance(1)
    assert full.closing()
    for connection in (*held, full):
        connection.close()


def test_W092_a_length_of_very_many_digits(build: Build) -> None:
    """int() raises for more than 4300 of them: an answer all the same, and no traceback."""
    web = build()
    head = (
        b"POST / HTTP/1.1\r\nHost: dir.test\r\nAccept: application/json\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n"
    )
    (answer,) = parsed(web.raw(head + GET))
    assert (answer.code, answer["content-type"], answer["connection"]) == (400, "application/problem+json", "close")
    assert [record["outcome"] for record in web.built.access_log_entries] == ["invalid"]
