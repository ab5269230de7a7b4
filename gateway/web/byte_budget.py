"""How much of what people wrote there is room for."""

from collections.abc import Callable, Sequence
from typing import TypeVar

Held = TypeVar("Held")


class ByteBudget:
    """*left*, in bytes or whatever is counted; several may share it."""

    def __init__(self, left: int) -> None:
        self._left = left

    def fitting(self, held: Sequence[Held], size: Callable[[Held], int]) -> Sequence[Held]:
        """The first of *held* that there is room for."""
        for number, each in enumerate(held):
            if (needed := size(each)) > self._left:
                return held[:number]
            self._left -= needed
        return held
