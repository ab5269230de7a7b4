"""The gateway under `twistd -ny`: begun by root, who may open port 79, and run by user and group 1 (Debian's daemon).

Reading this file opens nothing. twistd starts the services' privileged half (ports), becomes uid 1, starts the rest: the
database is opened by the one who keeps it.
"""

from twisted.application import service, strports

from gateway.twist import Options, makeService

application = service.Application("finger", uid=1, gid=1)

gateway = makeService(Options())  # by $FINGER_GATEWAY_CONFIG, or gateway.toml here, or in /etc/finger-gateway
gateway.setServiceParent(application)

finger = gateway.protocols.getServiceNamed("finger")
strports.service("tcp:79", finger.factory).setServiceParent(application)
