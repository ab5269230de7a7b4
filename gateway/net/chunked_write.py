"""Write a long answer in chunks as fast as the client reads, so that a slow client takes a bounded amount of memory."""

import socket
from contextlib import suppress

from twisted.internet.interfaces import IConsumer, IPullProducer, ITransport
from twisted.internet.tcp import Connection
from zope.interface import implementer

CHUNK_BYTES = 64 * 1024


def write_chunked(transport: ITransport, data: bytes) -> None:
    """Write *data*. The transport may be told to close right afterwards: it closes when everything is sent."""
    if len(data) <= CHUNK_BYTES:
        transport.write(data)
    else:
        consumer = IConsumer(transport)
        consumer.registerProducer(_ChunkProducer(consumer, data), False)


def write_all_or_chunked(transport: ITransport, data: bytes) -> None:
    """Write *data*, which is everything that is ever written there; what the kernel takes is sent at once.

    The kernel keeps the last part until more comes or the connection is shut, so that a short answer and its end are
    one packet.
    """
    sent = 0
    if isinstance(transport, Connection):
        with suppress(OSError):  # full or closed: the transport will find out which
            sent = transport.getHandle().send(data[:CHUNK_BYTES], socket.MSG_MORE)
    if sent < len(data):
        write_chunked(transport, data[sent:])


@implementer(IPullProducer)
class _ChunkProducer:
    """Produces the remainder first, then full chunks.

    Twisted's TLS keeps up to 64 000 bytes back until its next turn and loses them when the producer ends before that. A
    full chunk is more, so it and what came before it are passed on at once.
    """

    def __init__(self, consumer: IConsumer, data: bytes) -> None:
        self._consumer, self._data = consumer, data
        self._sent = 0

    def resumeProducing(self) -> None:
        end = self._sent + ((len(self._data) - self._sent) % CHUNK_BYTES or CHUNK_BYTES)
        chunk = self._data[self._sent : end]
        self._sent = end
        self._consumer.write(chunk)
        if self._sent >= len(self._data):
            self._consumer.unregisterProducer()

    def stopProducing(self) -> None:
        self._data = b""
