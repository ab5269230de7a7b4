"""The web side: pages for people, JSON for programs, text for curl. `make` gives the service; application.py listens."""

from .app import make

__all__ = ["make"]
