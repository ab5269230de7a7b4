"""How the directory is, in numbers: for operators and their tools. No name of a person is in them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SourceState:
    """*up*: did it answer the last time? *answered*: when it last did, in seconds of the reactor's clock; None: never yet."""

    name: str
    up: bool
    answered: float | None


@dataclass(frozen=True)
class DirectoryState:
    """*last_change* numbers the newest change that is followed; the rest is about the cache, then about each source."""

    last_change: int
    hits: int
    misses: int
    entries: int
    sources: tuple[SourceState, ...]
