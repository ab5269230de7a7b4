"""Finger (RFC 1288): one line in, text out. `make` gives the service; application.py listens."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..dependencies import ProtocolDependencies
    from .protocol import FingerService
    from .settings import FingerSettings

__all__ = ["make"]


def make(settings: "FingerSettings", deps: "ProtocolDependencies") -> "FingerService":
    """The finger service of *house*. Who only reads the settings of this room never loads Twisted."""
    from .protocol import make

    return make(settings, deps)
