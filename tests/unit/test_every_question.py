"""Every question on every protocol passes one exchange: limited, recorded, counted. Taken out of any of the three, the
same checks see it."""

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
    return _wire(FingerService(FingerSettings(), deps).factory.buildProtocol(STRANGER), b"alice\r\n")


def over_web(deps: ProtocolDependencies) -> str:
    protocol = WebService(WebSettings(), deps).factory.buildProtocol(STRANGER)
    return _wire(protocol, b"GET /users/alice HTTP/1.1\r\nHost: dir.test\r\nConnection: close\r\n\r\n")


def over_irc(deps: ProtocolDependencies) -> str:
    asked = BotRequest(
        nick="bo", userhost="bo@host", channel=None, text="alice", own_nick="fingerbot", max_line_bytes=400
    )
    reply = result_of(CommandHandler("demo", "!", deps).answer(asked))
    return "" if reply is None else "\n".join(reply.lines)


PROTOCOLS = {"finger": over_finger, "web": over_web, "irc": over_irc}


class Wire(StringTransport):
    def loseWriteConnection(self) -> None:
        """The answer is said."""


def _wire(protocol: object, said: bytes) -> str:
    transport = Wire(peerAddress=STRANGER)
    protocol.makeConnection(transport)  # type: ignore[attr-defined]
    protocol.dataReceived(said)  # type: ignore[attr-defined]
    told: str = transport.value().decode()
    return told


def limited(built: GatewayHarness, ask: Ask) -> bool:
    """Is the third question of a minute, where two are allowed, not answered?"""
    answers = [ask(built.deps) for _ in range(3)]
    return "Alice Adams" in answers[0] and "Alice Adams" in answers[1] and "Alice Adams" not in answers[2]


def recorded(built: GatewayHarness, ask: Ask) -> bool:
    """Is there one record for one question?"""
    ask(built.deps)
    return [(each["query"], each["outcome"]) for each in built.access_log_entries] == [("alice", "found")]


def counted(built: GatewayHarness, ask: Ask) -> bool:
    """Is one question counted once?"""
    ask(built.deps)
    return [key[2] for key, count in built.deps.tracker.counts.items() if count == 1] == ["found"]


class Untracked(RequestTracker):
    """Lets everything through and records nothing, like a protocol that forgets to track its requests."""

    def start(self, info: RequestInfo) -> TrackedRequest:
        return Unrecorded(self, info, 0.0, None)


class Unrecorded(TrackedRequest):
    def finish(self, outcome: object, size: int = 0, reference: str | None = None) -> None:
        pass


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("check", [limited, recorded, counted])
def test_each_protocol_tracks_its_requests(
    protocol: str, check: Callable[[GatewayHarness, Ask], bool], tmp_path: Path
) -> None:
    built = make_dependencies(tmp_path, queries_per_minute=2)
    assert check(built, PROTOCOLS[protocol])
    built.stop()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("check", [limited, recorded, counted])
def test_without_tracking_each_check_fails(
    protocol: str, check: Callable[[GatewayHarness, Ask], bool], tmp_path: Path
) -> None:
    built = make_dependencies(tmp_path, queries_per_minute=2)
    tracker = built.deps.tracker
    opened = Untracked(tracker._rate_limit, tracker._access_log, built.clock)
    bare = replace(built, deps=replace(built.deps, tracker=opened))
    assert not check(bare, PROTOCOLS[protocol])
    built.stop()
