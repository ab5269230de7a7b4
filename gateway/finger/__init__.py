"""Finger (RFC 1288): one line in, text out. `make` gives the service; application.py listens."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..dependencies import House
    from .protocol import FingerService
    from .settings import Finger

__all__ = ["make"]


def make(settings: "Finger", house: "House") -> "FingerService":
    """The finger service of *house*. Who only reads the settings of this room never loads Twisted."""
    from .protocol import make

    return make(settings, house)
