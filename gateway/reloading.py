"""Reload: what differs between two settings, and how everything is prepared before anything is changed.

The settings are compared; what was opened once at the start (the database, sources, ports) waits for a restart. For each
resource there is a step that prepares, which may fail, and one that commits, which cannot. If one preparation fails, the
others are discarded and nothing has changed.
"""

from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
from msgspec.structs import fields, replace
from twisted.internet.defer import Deferred

from .settings import Settings

T = TypeVar("T")
NEEDS_RESTART = ("store", "sources", "control")  # tables of what is opened once


@dataclass(frozen=True)
class SettingsDifference:
    """The keys in which two settings differ.

    *changed* can take effect at once, *restart* has to wait for one. *settings* is what can be in force from now on: the
    new ones, with the old values where a restart is needed.
    """

    changed: tuple[str, ...]
    restart: tuple[str, ...]
    settings: Settings


@dataclass(frozen=True)
class PreparedReload:
    """One resource, ready to go over to new settings. Neither function may fail; one of the two is called."""

    commit: Callable[[], None]
    discard: Callable[[], None] = lambda: None


def prepare_all(steps: Iterable[Callable[[], PreparedReload]]) -> list[PreparedReload]:
    """Run every step. Raises what a step raises, after what was prepared by then has been discarded."""
    prepared: list[PreparedReload] = []
    try:
        for step in steps:
            prepared.append(step())
    except BaseException:
        for each in reversed(prepared):
            each.discard()
        raise
    return prepared


def compare_settings(now: Settings, new: Settings) -> SettingsDifference:
    """Compare the settings *now* in force with *new* ones."""
    possible = new
    for field in fields(now):
        before, wanted = getattr(now, field.name), getattr(new, field.name)
        if field.name in NEEDS_RESTART or (_has_listeners(before or wanted) and (before is None or wanted is None)):
            possible = replace(possible, **{field.name: before})
        elif field.name == "protocols":
            possible = replace(possible, protocols=_own_protocols(before, wanted))
        elif _has_listeners(before):
            possible = replace(possible, **{field.name: replace(wanted, listen=before.listen)})
    return SettingsDifference(tuple(_differing(now, possible)), tuple(_differing(possible, new)), possible)


def _own_protocols(now: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables [protocols.NAME] that can be in force: no table is added or removed; class and listen are kept."""
    possible = {}
    for name, table in now.items():
        fixed = {key: table[key] for key in ("class", "listen") if key in table}
        changed = {key: value for key, value in new.get(name, table).items() if key not in ("class", "listen")}
        possible[name] = fixed | changed
    return possible


def _has_listeners(table: Any) -> bool:
    return hasattr(table, "listen")


def _differing(one: Any, other: Any, above: str = "") -> Iterator[str]:
    """Yield the keys in which two tables differ. Repeated tables are named by what is in them, not by their number."""
    one, other = _as_mapping(one), _as_mapping(other)
    for key in dict.fromkeys((*one, *other)):
        mine, theirs = one.get(key), other.get(key)
        path = above + key
        if mine == theirs:
            continue
        if _is_repeated(mine) or _is_repeated(theirs):
            yield from _differing(_by_name(path, mine), _by_name(path, theirs))
        elif _is_table(mine) and _is_table(theirs):
            yield from _differing(mine, theirs, f"{path}.")
        else:
            yield path


def _is_repeated(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], msgspec.Struct)


def _by_name(path: str, tables: list[Any]) -> dict[str, Any]:
    """Key repeated tables by the value of their first field, e.g. `irc[libera]`."""
    return {f"{path}[{getattr(each, fields(each)[0].name)}]": each for each in tables}


def _is_table(value: object) -> bool:
    return isinstance(value, msgspec.Struct | Mapping)


def _as_mapping(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    return {field.encode_name: getattr(value, field.name) for field in fields(value)}


class CoalescingRunner(Generic[T]):
    """Runs *work* on request, never twice at once. Requests that come while it runs share the next run."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._work = work
        self._waiting: list[Deferred[T]] = []
        self._running = False

    def request_run(self) -> "Deferred[T]":
        """Return a Deferred of the result of a run that begins now or later, never of one under way."""
        waiting: Deferred[T] = Deferred()
        self._waiting.append(waiting)
        if not self._running:
            self._begin()
        return waiting

    def _begin(self) -> None:
        self._running = True
        waiting, self._waiting = self._waiting, []
        Deferred.fromCoroutine(self._work()).addBoth(self._end, waiting)

    def _end(self, result: Any, waiting: "list[Deferred[T]]") -> None:
        self._running = False
        if self._waiting:
            self._begin()
        for each in waiting:
            each.callback(result)
