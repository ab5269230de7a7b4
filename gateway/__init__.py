"""One directory of people, asked through finger, the web and IRC."""

__version__ = "0.1.0"
