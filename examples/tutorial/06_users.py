"""Step 6: somebody lives here. `finger moshez` is answered with how moshez is.

New here: a dictionary of users, handed to the factory when it is made. The protocol is that of step 5, letter by letter.
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

    def __init__(self, users):
        self.users = users

    def getUser(self, user):
        return self.users.get(user, b"No such user")


if __name__ == "__main__":
    port = int(sys.argv[1]) if sys.argv[1:] else 1079
    reactor.listenTCP(port, FingerFactory({b"moshez": b"Happy and well"}), interface="127.0.0.1")
    reactor.run()
