"""`twist finger-gateway` and `twistd finger-gateway`: the same gateway as `finger-gateway run`."""

import sys
from typing import ClassVar

from twisted.application.service import IService
from twisted.python.usage import Options as TwistedOptions
from twisted.python.usage import UsageError

from .application import CannotStart, Gateway, steady_clock
from .configuration import BadSettings
from .files import find
from .settings import load


class Options(TwistedOptions):
    """Options of the plug-in."""

    optParameters: ClassVar = [["config", "c", None, "gateway.toml (default: here, then /etc/finger-gateway)"]]


class Twisted(Gateway):
    """Says in one message why it cannot start, and ends with 2."""

    def privilegedStartService(self) -> None:
        try:
            super().privilegedStartService()
        except CannotStart as error:
            sys.stderr.write(f"{error}\n")
            raise SystemExit(2) from None

    def startService(self) -> None:
        try:
            super().startService()
        except CannotStart as error:
            sys.stderr.write(f"{error}\n")
            raise SystemExit(2) from None


def makeService(options: Options) -> IService:
    """The gateway of the settings that *options* name. Raises UsageError."""
    from twisted.internet import reactor

    steady_clock(reactor)
    try:
        file = find(options["config"])
        return Twisted(load(file), file, reactor)
    except (BadSettings, CannotStart) as error:
        raise UsageError(str(error)) from None
