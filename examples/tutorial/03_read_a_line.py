"""Step 3: let the caller finish the sentence. Reads one line, then hangs up.

New here: LineReceiver. Bytes come from the network in pieces of any size; it puts them together and calls lineReceived
once for each line, without the CR and LF that end it. A finger query is one such line.
"""

import sys

from twisted.internet import reactor
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineReceiver


class Finger(LineReceiver):
    def lineReceived(self, line):
        self.transport.loseConnection()


class FingerFactory(Factory):
    protocol = Finger


if __name__ == "__main__":
    port = int(sys.argv[1]) if sys.argv[1:] else 1079
    reactor.listenTCP(port, FingerFactory(), interface="127.0.0.1")
    reactor.run()
