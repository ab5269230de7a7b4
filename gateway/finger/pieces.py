"""A long answer, written piece by piece as the other side reads: what waits in our memory for one reader is bounded."""

from twisted.internet.interfaces import IConsumer, IPullProducer, ITransport
from zope.interface import implementer

PIECE = 64 * 1024


def send(transport: ITransport, data: bytes) -> None:
    """Writes *data*. The transport may be told to close at once: it does so when all is sent."""
    if len(data) <= PIECE:
        transport.write(data)
    else:
        consumer = IConsumer(transport)
        consumer.registerProducer(_Pieces(consumer, data), False)


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
