"""Step 7: answers that take time, or fail. Ask for "slow", and meanwhile for "moshez"; then ask for "broken".

New here: getUser gives a Deferred, a promise of an answer. Until it is kept, the reactor serves others.
"""

import sys

from twisted.internet import reactor
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.protocols.basic import LineReceiver


class Finger(LineReceiver):
    def lineReceived(self, line):
        answer = self.factory.getUser(line)
        answer.addErrback(lambda failure: b"Internal error in server")
        answer.addCallback(self.sendLine)
        answer.addCallback(lambda _: self.transport.loseConnection())


class FingerFactory(Factory):
    protocol = Finger

    def __init__(self, users):
        self.users = users

    def getUser(self, user):
        return deferLater(reactor, 3 if user == b"slow" else 0, self.look, user)

    def look(self, user):
        if user == b"broken":
            raise OSError("the disk with the people on it is gone")
        return self.users.get(user, b"No such user")


if __name__ == "__main__":
    port = int(sys.argv[1]) if sys.argv[1:] else 1079
    reactor.listenTCP(port, FingerFactory({b"moshez": b"Happy and well"}), interface="127.0.0.1")
    reactor.run()
