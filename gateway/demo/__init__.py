"""The gateway with sample people on finger, web and an IRC network of its own, to try."""

from .run import run_demo

__all__ = ["run_demo"]
