"""`twist finger-gateway` and `twistd finger-gateway`: the same gateway as `finger-gateway run`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.python.usage import Options as TwistedOptions

from .application import Gateway, hurry_on_second_signal, reload_on_sighup
from .config.locate import find_settings_file
from .config.problems import BadSettings, CannotStart
from .net.twisted_patches import tune_gc_after_startup, use_monotonic_clock
from .settings import load_settings


class Options(TwistedOptions):
    """Command-line options of the plug-in."""

    optParameters: ClassVar = [
        ["config", "c", None, "Path of gateway.toml (default: the current folder, then /etc/finger-gateway)"]
    ]


@contextmanager
def exit_with_message() -> Iterator[None]:
    """Print what prevents a start as one message on standard error, and end the process with exit code 2."""
    try:
        yield
    except (BadSettings, CannotStart) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None


class TwistGateway(Gateway):
    """A Gateway that twist or twistd starts and stops."""

    def privilegedStartService(self) -> None:
        with exit_with_message():
            super().privilegedStartService()

    def startService(self) -> None:
        reload_on_sighup(self, self._reactor)
        with exit_with_message():
            super().startService()
        tune_gc_after_startup()

    def stopService(self) -> "Deferred[None]":
        hurry_on_second_signal(self, self._reactor)
        return super().stopService()


def makeService(options: Options) -> IService:
    """Build the gateway for the settings that *options* name."""
    from twisted.internet import reactor

    use_monotonic_clock(reactor)
    with exit_with_message():
        file = find_settings_file(options["config"])
        return TwistGateway(load_settings(file), file, reactor)
