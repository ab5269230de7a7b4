"""Step 1: a factory and a protocol. The port is open, whoever calls is let in, and nobody says a word.

New here: Twisted makes one Protocol for each caller, and asks a Factory for it. The reactor runs them all.
"""

import sys

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol


class Finger(Protocol):
    """One caller. What Protocol does by itself is enough: it hears everything and does nothing about it."""


class FingerFactory(Factory):
    """What all callers share; so far that is nothing."""

    protocol = Finger


if __name__ == "__main__":
    port = int(sys.argv[1]) if sys.argv[1:] else 1079
    reactor.listenTCP(port, FingerFactory(), interface="127.0.0.1")
    reactor.run()
