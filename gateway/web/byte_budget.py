"""A budget of bytes for what people wrote, so that a page stays within its limit."""

from collections.abc import Callable, Sequence
from typing import TypeVar

ItemT = TypeVar("ItemT")


class ByteBudget:
    """What is *left*, in bytes or another unit; several lists may share it."""

    def __init__(self, left: int) -> None:
        self._left = left

    def take_fitting(self, items: Sequence[ItemT], size: Callable[[ItemT], int]) -> Sequence[ItemT]:
        """Take the first items that fit and return them."""
        for number, each in enumerate(items):
            if (needed := size(each)) > self._left:
                return items[:number]
            self._left -= needed
        return items
