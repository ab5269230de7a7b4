"""Finger (RFC 1288): one line in, text out. `make` gives the service; application.py listens."""

from .protocol import make

__all__ = ["make"]
