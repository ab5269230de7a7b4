"""Step 8: an application, for `twistd -ny 08_application.tac`. It starts and ends it, logs, and could make it a daemon.

New here: nothing runs in this file, it only says what there is. twistd looks for the name `application` and starts its
services; strports makes one of a factory and an endpoint, which is text: "tcp:79", "unix:/run/finger", "systemd:...".
"""

import os

from twisted.application import service, strports
from twisted.internet.defer import succeed
from twisted.internet.protocol import Factory
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
        return succeed(self.users.get(user, b"No such user"))


port = os.environ.get("PORT", "1079")
application = service.Application("finger")
finger = strports.service(f"tcp:{port}:interface=127.0.0.1", FingerFactory({b"moshez": b"Happy and well"}))
finger.setServiceParent(application)
