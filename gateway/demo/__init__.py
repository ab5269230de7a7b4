"""The gateway with sample people on finger, web and an IRC network of its own, to try."""

from .show import show

__all__ = ["show"]
