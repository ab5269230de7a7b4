"""`twist finger-gateway` and `twistd finger-gateway`: the same gateway as `finger-gateway run`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.python.usage import Options as TwistedOptions

from .application import Gateway, settle, stop_at_once_when_asked_twice
from .config.loader import BadSettings, CannotStart
from .config.locate import find_settings_file
from .net.steady_clock import steady_clock
from .settings import load_settings


class Options(TwistedOptions):
    """Options of the plug-in."""

    optParameters: ClassVar = [["config", "c", None, "gateway.toml (default: here, then /etc/finger-gateway)"]]


@contextmanager
def explained() -> Iterator[None]:
    """What stands in the way of a start is one message on standard error, and ends the process with 2."""
    try:
        yield
    except (BadSettings, CannotStart) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None


class Twisted(Gateway):
    """A Gateway that twist or twistd starts and stops."""

    def privilegedStartService(self) -> None:
        with explained():
            super().privilegedStartService()

    def startService(self) -> None:
        self.reload_when_asked()
        with explained():
            super().startService()
        settle()

    def stopService(self) -> "Deferred[None]":
        stop_at_once_when_asked_twice(self, self._reactor)
        return super().stopService()


def makeService(options: Options) -> IService:
    """The gateway of the settings that *options* name."""
    from twisted.internet import reactor

    steady_clock(reactor)
    with explained():
        file = find_settings_file(options["config"])
        return Twisted(load_settings(file), file, reactor)
