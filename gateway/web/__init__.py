"""The web side: pages for people, JSON for programs, text for curl. `make` gives the service; application.py listens."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..dependencies import ProtocolDependencies
    from .app import WebService
    from .settings import WebSettings

__all__ = ["make"]


def make(settings: "WebSettings", deps: "ProtocolDependencies") -> "WebService":
    """The web service of *house*. Who only reads the settings of this room never loads Klein."""
    from .app import make

    return make(settings, deps)
