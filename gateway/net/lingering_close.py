"""Lingering close: shut our side, then read and drop what still comes for a moment (RFC 9112 section 9.6).

Closing a TCP connection with unread bytes sends a reset, which may discard the answer in transit.
"""

from typing import Any

from twisted.internet.interfaces import ISSLTransport
from twisted.internet.tcp import Connection

from .deadline import Deadline

LINGER = 1.0  # seconds that the peer has to close its side once everything is sent


class LingeringClose:
    """Closes the connection of *transport*.

    *max_dropped_bytes* are read and dropped meanwhile; a peer that sends more is cut off. *deadline* is the connection's.
    """

    def __init__(self, transport: Any, deadline: Deadline, max_dropped_bytes: int) -> None:
        self._transport, self._deadline, self._max = transport, deadline, max_dropped_bytes
        self._dropped = 0
        self._sent = False
        self._linger = LINGER

    def begin(self, peer_done: bool, flush_timeout: float, linger: float = LINGER, tls_delay: float = 0.0) -> None:
        """Shut our side. The answer, which has been written, has *flush_timeout* seconds to be read by the peer.

        Then the peer has *linger* seconds to close. *peer_done*: whether it has shut its side already; then nothing lingers.
        TLS has no half-closed connections: there everything closes after *tls_delay* seconds, for protocols whose answers
        show where they end.
        """
        self._linger = linger
        is_tls = ISSLTransport.providedBy(self._transport)
        if is_tls and tls_delay and not peer_done:
            self._deadline.arm(tls_delay, lambda: self._close(flush_timeout))
        elif peer_done or is_tls:
            self._close(flush_timeout)
        else:
            self._transport.loseWriteConnection()
            if isinstance(self._transport, Connection):
                self._transport.doWrite()  # sends now what fits, not at the reactor's next turn
            if not self._sent:
                self._deadline.arm(flush_timeout, self._transport.abortConnection)

    def _close(self, flush_timeout: float) -> None:
        self._transport.loseConnection()
        self._deadline.arm(flush_timeout, self._transport.abortConnection)

    def drop(self, data: bytes) -> None:
        """Discard data after the request."""
        self._dropped += len(data)
        if self._dropped > self._max:
            self._transport.abortConnection()

    def our_side_closed(self) -> None:
        """Wait for the peer to close: everything is sent, and the kernel delivers it."""
        self._sent = True
        self._deadline.arm(self._linger, self._transport.loseConnection)
