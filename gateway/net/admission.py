"""The limits on open connections, in all and per client. It only counts; each protocol writes its own refusal."""

from collections import Counter
from enum import Enum

from ..directory.addresses import Address


class Admission(Enum):
    """Whether a connection is admitted."""

    ACCEPT = "accept"
    REJECT = "reject"  # refused with a message
    DROP = "drop"  # closed at once


class AdmissionControl:
    """Counts the open connections of all protocols, in all and per client. *refused* counts those over a limit."""

    def __init__(self, most: int, per_address: int) -> None:
        self.set_limits(most, per_address)
        self._per_client: Counter[bytes] = Counter()
        self.open = self.refused = 0

    def set_limits(self, most: int, per_address: int) -> None:
        """Change the limits. Open connections stay, and count."""
        self._max_connections, self._max_per_address = most, per_address

    def admit_unidentified(self) -> bool:
        """Count a connection whose client is not known yet, until leave(None); return whether there is room for it."""
        self.open += 1
        return self.open <= 1.2 * self._max_connections

    def admit(self, address: Address | None) -> Admission:
        """Count one more connection, whatever the result; leave() takes it off again."""
        self.open += 1
        mine = 0
        if address is not None:
            self._per_client[address.key] += 1
            mine = self._per_client[address.key]
        if self.open <= self._max_connections and mine <= self._max_per_address:
            return Admission.ACCEPT
        self.refused += 1
        if self.open > 1.2 * self._max_connections or mine > 1.2 * self._max_per_address:
            return Admission.DROP
        return Admission.REJECT

    def leave(self, address: Address | None) -> None:
        self.open -= 1
        if address is not None:
            self._per_client[address.key] -= 1
            if not self._per_client[address.key]:
                del self._per_client[address.key]
