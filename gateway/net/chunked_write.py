"""A long answer, written piece by piece as the other side reads: what waits in our memory for one reader is bounded."""

import socket
from contextlib import suppress

from twisted.internet.interfaces import IConsumer, IPullProducer, ITransport
from twisted.internet.tcp import Connection
from zope.interface import implementer

PIECE = 64 * 1024


def write_chunked(transport: ITransport, data: bytes) -> None:
    """Writes *data*. The transport may be told to close at once: it does so when all is sent."""
    if len(data) <= PIECE:
        transport.write(data)
    else:
        consumer = IConsumer(transport)
        consumer.registerProducer(_Pieces(consumer, data), False)


def write_all_or_chunked(transport: ITransport, data: bytes) -> None:
    """The same for all that is ever written there: as much as the kernel takes goes at once. It keeps the last of that
    until it hears of more or of the end, so that a short answer and the end of it are one packet."""
    sent = 0
    if isinstance(transport, Connection):
        with suppress(OSError):  # it is full or gone: the transport will find out which
            sent = transport.getHandle().send(data[:PIECE], socket.MSG_MORE)
    if sent < len(data):
        write_chunked(transport, data[sent:])


@implementer(IPullProducer)
class _Pieces:
    def __init__(self, consumer: IConsumer, data: bytes) -> None:
        self._consumer, self._data, self._at = consumer, data, 0

    def resumeProducing(self) -> None:
        piece = self._data[self._at : self._at + PIECE]
        self._at += len(piece)
        self._consumer.write(piece)
        if self._at >= len(self._data):
            self._consumer.unregisterProducer()

    def stopProducing(self) -> None:
        self._data = b""
