"""A vending machine among the people (RFC 1288 section 2.5.5): a slot is a login, what is in it a name.

"Vending machines should NEVER NEVER EVER eat requests. Or money": a query reads the machine's state and nothing else.
"""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from gateway.directory.interfaces import SourceDown
from gateway.directory.person import PartialPerson, Status


class VendingMachine:
    """The machine writes *file*; an answer holds for a second, or as long as `cache` in the settings says."""

    name = "vending"
    restricts = False  # it hides nobody whom others show
    cache_ttl = timedelta(seconds=1)

    def __init__(self, file: str) -> None:
        self._file = Path(__file__).parent / file

    async def get(self, login: str) -> PartialPerson | None:
        slot = self._slots().get(login)
        return None if slot is None else _person(login, slot)

    async def everyone(self) -> AsyncIterator[PartialPerson]:
        for login, slot in self._slots().items():
            yield _person(login, slot)

    def _slots(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self._file.read_bytes()))
        except (OSError, ValueError) as error:
            raise SourceDown(f"{self._file}: {error}") from error


def _person(login: str, slot: Any) -> PartialPerson:
    """Sold out, it is in no list: those have what can be bought."""
    left = int(slot["left"])
    status = Status(f"{left} left" if left else "sold out")
    return PartialPerson(login=login, name=slot["item"], title=slot["price"], status=status, listed=left > 0)
