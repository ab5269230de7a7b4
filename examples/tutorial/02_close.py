"""Step 2: hang up on whoever calls.

New here: connectionMade, which runs once when a caller has come, and the transport, our end of the wire.
"""

import sys

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol


class Finger(Protocol):
    def connectionMade(self):
        self.transport.loseConnection()


class FingerFactory(Factory):
    protocol = Finger


if __name__ == "__main__":
    port = int(sys.argv[1]) if sys.argv[1:] else 1079
    reactor.listenTCP(port, FingerFactory(), interface="127.0.0.1")
    reactor.run()
