"""Settings read anew while the gateway runs: what differs, what of it has to wait for a restart, and one reload at a time.
It decides; application.py does.
"""

from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
from msgspec.structs import fields, replace
from twisted.internet.defer import Deferred

from .settings import Settings

T = TypeVar("T")
KEPT = ("store", "sources", "control")  # tables of what is opened once


@dataclass(frozen=True)
class SettingsDifference:
    """Between the settings that are in force and those of a file: keys, as mistakes name them. *settings* is what can be
    in force from now on: the file's, but for what has to wait for a *restart*."""

    changed: tuple[str, ...]
    restart: tuple[str, ...]
    settings: Settings


def compare(now: Settings, new: Settings) -> SettingsDifference:
    """What becomes of the settings *now* when a file holds *new*."""
    possible = new
    for field in fields(Settings):
        before, wanted = getattr(now, field.name), getattr(new, field.name)
        if field.name in KEPT or (_listens(before or wanted) and (before is None or wanted is None)):
            possible = replace(possible, **{field.name: before})
        elif _listens(before):
            possible = replace(possible, **{field.name: replace(wanted, listen=before.listen)})
    return SettingsDifference(tuple(_keys(now, possible)), tuple(_keys(possible, new)), possible)


def _listens(table: Any) -> bool:
    """Is a port bound for *table*, which is then there as long as the gateway runs?"""
    return hasattr(table, "listen")


def _keys(one: Any, other: Any, above: str = "") -> Iterator[str]:
    """The keys in which two tables differ."""
    one, other = _table(one), _table(other)
    for key in dict.fromkeys((*one, *other)):
        mine, theirs = one.get(key), other.get(key)
        path = above + key
        if mine == theirs:
            continue
        if key == "irc" and not above:
            yield from _keys(
                {f"irc[{each.network}]": each for each in mine}, {f"irc[{each.network}]": each for each in theirs}
            )
        elif _is_table(mine) and _is_table(theirs):
            yield from _keys(mine, theirs, f"{path}.")
        else:
            yield path


def _is_table(value: object) -> bool:
    return isinstance(value, msgspec.Struct | Mapping)


def _table(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    return {field.encode_name: getattr(value, field.name) for field in fields(value)}


class OneAtATime(Generic[T]):
    """Runs *work* whenever somebody asks: who asks while it runs gets what the next run comes to, together with all others
    who ask by then."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._work = work
        self._waiting: list[Deferred[T]] = []
        self._running = False

    def ask(self) -> "Deferred[T]":
        mine: Deferred[T] = Deferred()
        self._waiting.append(mine)
        if not self._running:
            self._begin()
        return mine

    def _begin(self) -> None:
        self._running = True
        waiting, self._waiting = self._waiting, []
        Deferred.fromCoroutine(self._work()).addBoth(self._done, waiting)

    def _done(self, result: Any, waiting: "list[Deferred[T]]") -> None:
        self._running = False
        if self._waiting:
            self._begin()
        for each in waiting:
            each.callback(result)
