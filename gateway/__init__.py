"""One directory of people that can be queried over finger, the web and IRC."""

__version__ = "0.1.0"
