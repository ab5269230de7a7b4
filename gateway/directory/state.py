"""The state of the directory in numbers, for operators and their tools. It holds no person's name."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SourceState:
    """The state of one source.

    *up*: whether it answered last time. *answered*: when it last did, in seconds of the reactor's clock; None for
    never.
    """

    name: str
    up: bool
    answered: float | None


@dataclass(frozen=True)
class DirectoryState:
    """*last_change* numbers the newest change that was read; the rest is about the cache, then about each source."""

    last_change: int
    hits: int
    misses: int
    entries: int
    sources: tuple[SourceState, ...]
