"""Names looked up in threads that nothing waits for. Twisted does it in the reactor's threads, which a stop waits for: one
dead name server, and a stop (or a command that has given up) takes 12 s longer."""

import threading
from functools import partial
from typing import Any

MOST = 10  # threads, as many as the reactor has for it


def look_up_aside(reactor: Any) -> None:
    """From now on *reactor* does so, for whoever asks it."""
    from twisted.internet._resolver import GAIResolver  # there is no public name for it
    from twisted.python.threadpool import ThreadPool

    threads = ThreadPool(0, MOST, "lookups")
    threads.threadFactory = partial(threading.Thread, daemon=True)  # type: ignore[assignment]  # called like the class
    threads.start()
    reactor.installNameResolver(GAIResolver(reactor, lambda: threads))
