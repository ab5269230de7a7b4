"""Step 9: the same application, now with the gateway in it: one directory of people, on finger, web and IRC.

New here: `gateway`, a service like that of step 8, with others in it. Web and a small IRC take the next two ports.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.application import app, service
from twisted.internet import defer, reactor

from gateway.application import Gateway, Listener
from gateway.demo.network import make_network
from gateway.directory.interfaces import Create
from gateway.directory.viewers import LocalCommand
from gateway.settings import load_settings
from gateway.store import database

finger = int(sys.argv[1]) if __name__ == "__main__" and sys.argv[1:] else 1079
folder = TemporaryDirectory(prefix="tutorial-")
settings = Path(folder.name, "gateway.toml")
text = Path(__file__).with_suffix(".toml").read_text()
settings.write_text(text.format(finger=finger, web=finger + 1, irc=finger + 2))
database.create(settings.with_name("people.db"))
gateway = Gateway(load_settings(settings), settings, reactor)
gateway.add(Listener("irc", f"tcp:{finger + 2}:interface=127.0.0.1", make_network()))
application = service.Application("finger")
gateway.setServiceParent(application)


async def add_sample_person():
    operator = await gateway.deps.viewers.from_evidence(LocalCommand())
    await gateway.directory.save([Create("moshez", {"plan": "Happy and well"})], operator)


reactor.callWhenRunning(lambda: defer.Deferred.fromCoroutine(add_sample_person()))
if __name__ == "__main__":  # twistd does this itself
    app.startApplication(application, False)
    reactor.run()
