"""How much one asker may ask, and how many may be connected. It only counts: what is said to those over a limit is the
protocols' matter."""

from collections import Counter
from collections.abc import Callable, Hashable
from enum import Enum

from ..directory.addresses import Address


class Rate:
    """The generic cell rate algorithm (ITU-T I.371 annex A): *count* questions may come at once, then they refill
    evenly *over* so many seconds. Memory is two generations of at most *most* keys; the older one is forgotten as a
    whole."""

    def __init__(self, count: int, now: Callable[[], float], most: int = 100_000, over: float = 60.0) -> None:
        self._over = over
        self.change(count)
        self._now, self._most = now, most
        self._young: dict[Hashable, float] = {}
        self._old: dict[Hashable, float] = {}

    def change(self, count: int) -> None:
        """Another limit from now on; what was asked so far still counts."""
        self._interval = self._over / count
        self._burst = self._over - self._interval

    def wait(self, key: Hashable) -> float:
        """Counts one question of *key*: 0.0 where it may be answered, else seconds until one may."""
        now = self._now()
        due = self._young.get(key)
        if due is None:
            due = self._old.get(key, now)
            if len(self._young) >= self._most:
                self._old, self._young = self._young, {}
        due = max(due, now)
        if due - now > self._burst + 1e-9:
            self._young[key] = due  # who goes on asking is not forgotten
            return due - now - self._burst
        self._young[key] = due + self._interval
        return 0.0


class Room(Enum):
    """Is there room for one more connection?"""

    FREE = "free"
    FULL = "full"  # to be told so, then closed
    OVERFULL = "overfull"  # to be closed at once


class Connections:
    """Open connections of all protocols together, in all and of each asker. *refused* counts those for which there was no
    room."""

    def __init__(self, most: int, per_address: int) -> None:
        self.change(most, per_address)
        self._of: Counter[bytes] = Counter()
        self.open = self.refused = 0

    def change(self, most: int, per_address: int) -> None:
        """Other limits from now on; whoever is connected stays so, and counts."""
        self._most, self._per_address = most, per_address

    def arrive(self) -> bool:
        """Counts a connection of whom nobody knows yet, until leave(None). Is there room at least to tell it that there is
        none?"""
        self.open += 1
        return self.open <= 1.2 * self._most

    def enter(self, address: Address | None) -> Room:
        """Counts one more connection, whatever the answer; leave takes it off again."""
        self.open += 1
        mine = 0
        if address is not None:
            self._of[address.key] += 1
            mine = self._of[address.key]
        if self.open <= self._most and mine <= self._per_address:
            return Room.FREE
        self.refused += 1
        if self.open > 1.2 * self._most or mine > 1.2 * self._per_address:
            return Room.OVERFULL
        return Room.FULL

    def leave(self, address: Address | None) -> None:
        self.open -= 1
        if address is not None:
            self._of[address.key] -= 1
            if not self._of[address.key]:
                del self._of[address.key]
