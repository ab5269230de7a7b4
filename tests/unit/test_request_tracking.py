"""Every request on every protocol is tracked: limited, logged and counted. The checks fail without tracking."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport

from gateway.dependencies import ProtocolDependencies
from gateway.finger.protocol import FingerService
from gateway.finger.settings import FingerSettings
from gateway.irc.command_handler import CommandHandler
from gateway.irc.command_registry import BotRequest
from gateway.ops.request_tracker import RequestInfo, RequestTracker, TrackedRequest
from gateway.web.app import WebService
from gateway.web.settings import WebSettings

from .fixtures import GatewayHarness, make_dependencies, result_of

Ask = Callable[[ProtocolDependencies], str]
STRANGER = IPv4Address("TCP", "198.51.100.7", 4079)


def over_finger(deps: ProtocolDependencies) -> str:
    return exchange_bytes(FingerService(FingerSettings(), deps).factory.buildProtocol(STRANGER), b"alice\r\n")


def over_web(deps: ProtocolDependencies) -> str:
    protocol = WebService(WebSettings(), deps).factory.buildProtocol(STRANGER)
    return exchange_bytes(protocol, b"GET /users/alice HTTP/1.1\r\nHost: dir.test\r\nConnection: close\r\n\r\n")


def over_irc(deps: ProtocolDependencies) -> str:
    request = BotRequest(
        nick="bo", userhost="bo@host", channel=None, text="alice", own_nick="fingerbot", max_line_bytes=400
    )
    reply = result_of(CommandHandler("demo", "!", deps).answer(request))
    return "" if reply is None else "\n".join(reply.lines)


PROTOCOLS = {"finger": over_finger, "web": over_web, "irc": over_irc}


class Wire(StringTransport):
    def loseWriteConnection(self) -> None:
        """Do nothing; finger closes its side after the answer."""


def exchange_bytes(protocol: object, data: bytes) -> str:
    transport = Wire(peerAddress=STRANGER)
    protocol.makeConnection(transport)  # type: ignore[attr-defined]
    protocol.dataReceived(data)  # type: ignore[attr-defined]
    received: str = transport.value().decode()
    return received


def limited(built: GatewayHarness, ask: Ask) -> bool:
    """Return whether the third request in a minute is refused when two are allowed."""
    answers = [ask(built.deps) for _ in range(3)]
    return "Alice Adams" in answers[0] and "Alice Adams" in answers[1] and "Alice Adams" not in answers[2]


def logged(built: GatewayHarness, ask: Ask) -> bool:
    """Return whether one request gives one access-log entry."""
    ask(built.deps)
    return [(each["query"], each["outcome"]) for each in built.access_log_entries] == [("alice", "found")]


def counted(built: GatewayHarness, ask: Ask) -> bool:
    """Return whether one request is counted once."""
    ask(built.deps)
    return [key[2] for key, count in built.deps.tracker.counts.items() if count == 1] == ["found"]


class Untracked(RequestTracker):
    """A tracker that limits and logs nothing, like a protocol that forgets to track its requests."""

    def start(self, info: RequestInfo) -> TrackedRequest:
        return UntrackedRequest(self, info, 0.0, None)


class UntrackedRequest(TrackedRequest):
    def finish(self, outcome: object, size: int = 0, reference: str | None = None) -> None:
        pass


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("check", [limited, logged, counted])
def test_each_protocol_tracks_its_requests(
    protocol: str, check: Callable[[GatewayHarness, Ask], bool], tmp_path: Path
) -> None:
    built = make_dependencies(tmp_path, queries_per_minute=2)
    assert check(built, PROTOCOLS[protocol])
    built.stop()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("check", [limited, logged, counted])
def test_without_tracking_each_check_fails(
    protocol: str, check: Callable[[GatewayHarness, Ask], bool], tmp_path: Path
) -> None:
    built = make_dependencies(tmp_path, queries_per_minute=2)
    tracker = built.deps.tracker
    opened = Untracked(tracker._rate_limit, tracker._access_log, built.clock)
    bare = replace(built, deps=replace(built.deps, tracker=opened))
    assert not check(bare, PROTOCOLS[protocol])
    built.stop()
