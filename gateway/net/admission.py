"""The limits on open connections, in all and per client. It only counts; each protocol writes its own refusal."""

from collections import Counter
from enum import Enum

from ..directory.addresses import Address


class Admission(Enum):
    """Is there room for one more connection?"""

    ACCEPT = "free"
    REJECT = "full"  # to be told so, then closed
    DROP = "overfull"  # to be closed at once


class AdmissionControl:
    """Open connections of all protocols together, in all and of each asker. *refused* counts those for which there was no
    room."""

    def __init__(self, most: int, per_address: int) -> None:
        self.set_limits(most, per_address)
        self._of: Counter[bytes] = Counter()
        self.open = self.refused = 0

    def set_limits(self, most: int, per_address: int) -> None:
        """Other limits from now on; whoever is connected stays so, and counts."""
        self._most, self._per_address = most, per_address

    def admit_unidentified(self) -> bool:
        """Counts a connection of whom nobody knows yet, until leave(None). Is there room at least to tell it that there is
        none?"""
        self.open += 1
        return self.open <= 1.2 * self._most

    def admit(self, address: Address | None) -> Admission:
        """Counts one more connection, whatever the answer; leave takes it off again."""
        self.open += 1
        mine = 0
        if address is not None:
            self._of[address.key] += 1
            mine = self._of[address.key]
        if self.open <= self._most and mine <= self._per_address:
            return Admission.ACCEPT
        self.refused += 1
        if self.open > 1.2 * self._most or mine > 1.2 * self._per_address:
            return Admission.DROP
        return Admission.REJECT

    def leave(self, address: Address | None) -> None:
        self.open -= 1
        if address is not None:
            self._of[address.key] -= 1
            if not self._of[address.key]:
                del self._of[address.key]
