"""Step 4: an answer, the same one for everybody. From here on a finger client has something to show.

New here: sendLine, which ends a line as the network wants it. loseConnection waits until all that was written is sent.
"""

import sys

from twisted.internet import reactor
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineReceiver


class Finger(LineReceiver):
    def lineReceived(self, line):
        self.sendLine(b"No such user")
        self.transport.loseConnection()


class FingerFactory(Factory):
    protocol = Finger


if __name__ == "__main__":
    port = int(sys.argv[1]) if sys.argv[1:] else 1079
    reactor.listenTCP(port, FingerFactory(), interface="127.0.0.1")
    reactor.run()
