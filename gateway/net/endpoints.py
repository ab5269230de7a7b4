"""Endpoint strings of the settings, and the ports that they name.

Errors are in the operator's words; all ports are bound or none.
"""

import errno
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from ..config.problems import CannotStart, Problem
from .admission import AdmissionControl
from .proxy_protocol import ProxyProtocolGate, ProxyProtocolReactor
from .tls import TLS12MinimumReactor
from .twisted_patches import throttle_accept_log

BACKLOG = 1024  # connections that wait to be accepted, unless the endpoint says otherwise
_STREAMS = ("tcp:", "tcp6:", "ssl:", "unix:")
_PROXY_PREFIX = "haproxy:"


class NotInheritedFromSystemd(CannotStart):
    """A `systemd:` endpoint in a process that systemd did not start with that socket."""


@dataclass(frozen=True)
class Listener:
    """A protocol's factory and one endpoint string.

    *key* names the setting. *gate* admits connections behind a proxy, None if the endpoint may not be behind one.
    """

    key: str
    endpoint: str
    factory: IProtocolFactory
    gate: ProxyProtocolGate | None = None


class BoundPorts:
    """The open ports. *file* is the settings file, for messages."""

    def __init__(self, reactor: Any, file: str) -> None:
        self._reactor, self._file = reactor, file
        self.open: tuple[IListeningPort, ...] = ()

    def listen(self, listeners: Sequence[Listener]) -> None:
        """Bind all *listeners*, unless they are bound already.

        Raises CannotStart with every port that cannot be bound.
        """
        if self.open:
            return
        ports: list[IListeningPort] = []
        wrong: list[str] = []
        throttle_accept_log(self._reactor.seconds)
        for listener in listeners:
            try:
                endpoint = self._endpoint(listener)
            except CannotStart as error:
                wrong.append(str(error))
                continue
            listening = endpoint.listen(listener.factory)
            listening.addCallback(ports.append)
            listening.addErrback(
                lambda failure, listener=listener: wrong.append(self._describe_failure(failure, listener))
            )
        self.open = tuple(ports)
        if wrong:
            self.close()
            raise CannotStart("\n".join(wrong))

    def close(self) -> "Deferred[Any]":
        """Close all ports; return a Deferred that fires when they are closed."""
        ports, self.open = self.open, ()
        return DeferredList([maybeDeferred(port.stopListening) for port in ports])

    def _endpoint(self, listener: Listener) -> Any:
        reactor = self._reactor
        if listener.endpoint.startswith(_PROXY_PREFIX):
            if listener.gate is None:
                raise CannotStart(
                    f"{self._file}: {listener.key}: found {listener.endpoint!r}; must be without {_PROXY_PREFIX}"
                )
            reactor = ProxyProtocolReactor(reactor, listener.gate)
        return server_endpoint(TLS12MinimumReactor(reactor), self._file, listener.key, listener.endpoint)

    def _describe_failure(self, failure: Failure, listener: Listener) -> str:
        error = failure.value
        reason = error.socketError if isinstance(error, CannotListenError) else error
        number = getattr(reason, "errno", None)
        what_to_do = _ADVICE.get(number, "choose another endpoint") if number else "choose another endpoint"
        return (
            f"{self._file}: {listener.key}: cannot listen on {listener.endpoint!r}: "
            f"{getattr(reason, 'strerror', None) or reason}; {what_to_do}"
        )


_ADVICE = {
    errno.EADDRINUSE: "choose another port, or stop the program that uses this one",
    errno.EACCES: "ports below 1024 need root or CAP_NET_BIND_SERVICE",
}


def server_endpoint(reactor: Any, file: str, key: str, endpoint: str) -> Any:
    """Return the endpoint that the string *endpoint*, the value of *key*, describes. Binds nothing. Raises CannotStart.

    The header of `haproxy:` endpoints is read by *reactor* (ProxyProtocolReactor).
    """
    from twisted.internet.endpoints import serverFromString

    allowed = 'a Twisted endpoint, e.g. "tcp:79" or "tcp:8080:interface=127.0.0.1"'

    def made(reactor: Any, endpoint: str) -> Any:
        endpoint = endpoint.removeprefix(_PROXY_PREFIX)
        if endpoint.startswith(_PROXY_PREFIX):
            raise ValueError("haproxy: can be given only once")
        if endpoint.startswith(_STREAMS) and "backlog=" not in endpoint:
            with suppress(TypeError):  # the endpoint has a backlog without its name
                return serverFromString(reactor, f"{endpoint}:backlog={BACKLOG}")
        return serverFromString(reactor, endpoint)

    return _parse_endpoint(made, reactor, file, key, endpoint, allowed)


def trusts_any_proxy(endpoint: str) -> bool:
    """Return whether *endpoint* would read a PROXY header on every address of this machine."""
    if not endpoint.startswith(_PROXY_PREFIX) or endpoint.startswith(f"{_PROXY_PREFIX}systemd:"):
        return False
    interfaces: list[str] = []

    class InterfaceRecorder:
        """A reactor that opens nothing."""

        def seconds(self) -> float:
            return 0.0

        def listenTCP(self, port: int, factory: object, backlog: int = 50, interface: str = "") -> None:  # noqa: N802
            interfaces.append(interface)

        def listenUNIX(self, *_: object, **named: object) -> None:  # noqa: N802
            """Record nothing: the permissions of a socket in the file system say who may connect."""

    reactor = InterfaceRecorder()
    server_endpoint(
        ProxyProtocolReactor(reactor, ProxyProtocolGate("", reactor, AdmissionControl(1, 1), lambda _: None)),
        "",
        "",
        endpoint,
    ).listen(Factory())
    return any(interface in ("", "0.0.0.0", "::") for interface in interfaces)


def client_endpoint(reactor: Any, file: str, key: str, endpoint: str) -> Any:
    """Return the client endpoint that a string describes. Connects to nothing. Raises CannotStart."""
    from twisted.internet.endpoints import clientFromString

    allowed = 'a Twisted endpoint, e.g. "tls:irc.libera.chat:6697" or "tcp:localhost:6667"'
    return _parse_endpoint(clientFromString, reactor, file, key, endpoint, allowed)


def _parse_endpoint(
    made: Callable[[Any, str], Any], reactor: Any, file: str, key: str, endpoint: str, allowed: str
) -> Any:
    from OpenSSL.SSL import Error as SSLError

    try:
        return made(reactor, endpoint)
    except LookupError as error:
        if endpoint.startswith("systemd:"):
            raise NotInheritedFromSystemd(
                str(Problem(file, key, f"{endpoint!r}, which systemd did not pass on", _inherited_sockets()))
            ) from None
        raise CannotStart(str(Problem(file, key, f"{endpoint!r} ({type(error).__name__}: {error})", allowed))) from None
    except (ValueError, TypeError, AttributeError, OSError, SSLError) as error:
        found = f"{endpoint!r} ({type(error).__name__}: {error})"
        raise CannotStart(str(Problem(file, key, found, allowed))) from None


def _inherited_sockets() -> str:
    """Return what systemd's sockets are called, for a message."""
    # Twisted takes LISTEN_PID away when the sockets are ours, and keeps the names.
    names = "" if "LISTEN_PID" in os.environ else os.environ.get("LISTEN_FDNAMES", "")
    if not names:
        return "a socket that it passed on, but there is none: start the socket units, which start the gateway"
    return "one of the sockets that it passed on: " + ", ".join(f"name={name}" for name in names.split(":"))
