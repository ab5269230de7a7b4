"""Step 5: the protocol asks somebody else. Nothing new is to be seen outside; inside two jobs have been parted.

New here: self.factory. The protocol knows how one speaks on the wire; what is true of whom is the factory's to know.
"""

import sys

from twisted.internet import reactor
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineReceiver


class Finger(LineReceiver):
    def lineReceived(self, line):
        self.sendLine(self.factory.getUser(line))
        self.transport.loseConnection()


class FingerFactory(Factory):
    protocol = Finger

    def getUser(self, user):
        return b"No such user"


if __name__ == "__main__":
    port = int(sys.argv[1]) if sys.argv[1:] else 1079
    reactor.listenTCP(port, FingerFactory(), interface="127.0.0.1")
    reactor.run()
