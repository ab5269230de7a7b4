"""How gateway.toml (and any table like it) is read into structs, and how mistakes are told: file, key, what was found,
what is allowed. It knows no setting by name; settings.py puts the structs together, each protocol's settings.py brings its own.
"""

import difflib
import re
import tomllib
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec

S = TypeVar("S", bound=msgspec.Struct)
MAX_SHOWN_CHARACTERS = 100  # characters of a wrong value in a message
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class CannotStart(Exception):
    """Something stands in the way; the message is for the operator. Nothing has been started."""


class Duration(timedelta):
    """A length of time, written as "10s", "0.5s", "200ms", "5m", "12h" or "30d"."""

    @classmethod
    def parse(cls, text: object) -> "Duration":
        """Raises ValueError for all but a positive number with a unit."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", text) if isinstance(text, str) else None
        if match is None or not float(match[1]):
            raise ValueError('a length of time such as "10s", "5m" or "30d"')
        try:
            return cls(seconds=float(match[1]) * _UNITS[match[2]])
        except OverflowError:
            raise ValueError('a length of time such as "10s", "5m" or "30d"') from None


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a settings file. *key* as "limits.timeout"; empty where the file as a whole is wrong."""

    file: str
    key: str
    found: str
    allowed: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.file}: {self.key}" if self.key else self.file
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}: found {self.found}; allowed: {self.allowed}{hint}"


class BadSettings(Exception):
    """All mistakes of a settings file."""

    def __init__(self, mistakes: list[Problem]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = mistakes


def load_toml(file: Path, kind: type[S]) -> S:
    """*file* as a *kind*. Raises BadSettings with every mistake that was found."""
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSettings([Problem(str(file), "", error.strerror or "no file", "a readable file")]) from None
    except UnicodeDecodeError as error:
        raise BadSettings(
            [Problem(str(file), "", f"a byte at {error.start} that is not UTF-8", "TOML in UTF-8")]
        ) from None
    except (ValueError, RecursionError) as error:  # of TOML, or a number of more digits than Python reads
        raise BadSettings([Problem(str(file), "", str(error), "TOML")]) from None
    return convert(str(file), table, kind)


def convert(file: str, table: Mapping[str, Any], kind: type[S]) -> S:
    """*table* as a *kind*; *file* is what mistakes name. Raises BadSettings."""
    mistakes = list(_mistakes(file, table, kind, ""))
    if mistakes:
        raise BadSettings(mistakes)
    try:
        return msgspec.convert(table, kind, dec_hook=_hook)
    except msgspec.ValidationError as error:
        raise BadSettings([Problem(file, "", str(error), "see the schema")]) from None


def _mistakes(file: str, table: Mapping[str, Any], kind: type[msgspec.Struct], above: str) -> Iterator[Problem]:
    known = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for key, value in table.items():
        path = f"{above}.{key}" if above else key
        if key not in known:
            near = difflib.get_close_matches(key, known, 1, 0.5)
            yield Problem(file, path, "an unknown key", ", ".join(known), f"did you mean {near[0]}?" if near else "")
        else:
            yield from _judged(file, value, known[key].type, path)
    for key, field in known.items():
        if field.required and key not in table:
            yield Problem(file, f"{above}.{key}" if above else key, "nothing", _said(field.type))


def _judged(file: str, value: Any, kind: Any, path: str) -> Iterator[Problem]:
    options = _options(kind)
    if len(options) == 1 and value is not None:
        kind = options[0]
    struct = _struct(kind)
    origin, inner = get_origin(kind), get_args(kind)
    if struct is not None and isinstance(value, Mapping):
        yield from _mistakes(file, value, struct, path)
    elif origin is list and isinstance(value, list):
        for number, each in enumerate(value):
            yield from _judged(file, each, inner[0], f"{path}[{number}]")
    elif origin is dict and isinstance(value, Mapping):
        for key, each in value.items():
            if problem := _problem(key, inner[0]):
                yield Problem(file, f"{path}.{key}", *problem)
            else:
                yield from _judged(file, each, inner[1], f"{path}.{key}")
    elif problem := _problem(value, kind):
        yield Problem(file, path, *problem)


def _options(kind: Any) -> tuple[Any, ...]:
    """The kinds of value that *kind* may have, but for nothing at all."""
    union = isinstance(kind, types.UnionType) or get_origin(kind) is Union
    return (
        tuple(each for each in get_args(kind) if each not in (types.NoneType, msgspec.UnsetType)) if union else (kind,)
    )


def _struct(kind: Any) -> type[msgspec.Struct] | None:
    return next((each for each in _options(kind) if isinstance(each, type) and issubclass(each, msgspec.Struct)), None)


def _problem(value: Any, kind: Any) -> tuple[str, str, str] | None:
    try:
        msgspec.convert(value, kind, dec_hook=_hook)
    except msgspec.ValidationError as error:
        near = difflib.get_close_matches(str(value), [str(each) for each in get_args(kind)], 1, 0.5)
        found = repr(value)
        found = found if len(found) <= MAX_SHOWN_CHARACTERS else found[: MAX_SHOWN_CHARACTERS - 1] + "…"
        return found, _said(kind, str(error)), f"did you mean {near[0]}?" if near else ""
    return None


def _said(kind: Any, error: str = "") -> str:
    """The values that *kind* allows, in words."""
    if isinstance(kind, type) and issubclass(kind, Duration):
        return 'a length of time such as "10s", "5m" or "30d"'
    if (doc := getattr(kind, "allowed", None)) is not None:
        return str(doc)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is not None and str(origin).endswith("Literal"):
        return ", ".join(f'"{each}"' for each in inner)
    if origin is dict:
        return "a table"
    if origin is list:
        return f"a list, each {_said(inner[0])}"
    if len(_options(kind)) > 1 or _options(kind)[0] is not kind:
        return " or ".join(map(_said, _options(kind)))
    if hasattr(kind, "__metadata__"):
        return f"{_said(inner[0])}{_bounds(kind.__metadata__)}"
    if _struct(kind) is not None:
        return "a table"
    words = {
        datetime: 'a time with its zone, as in "2026-12-01T10:00:00Z"',
        str: "text",
        int: "a whole number",
        bool: "true or false",
        float: "a number",
        dict: "a table",
    }
    return words.get(kind, error or str(kind))


def _bounds(metadata: tuple[Any, ...]) -> str:
    said = ""
    for meta in metadata:
        for name, word in (("ge", "from"), ("gt", "over"), ("le", "to"), ("lt", "under")):
            bound = getattr(meta, name, None)
            said += f" {word} {bound}" if bound is not None else ""
        if (length := getattr(meta, "min_length", None)) is not None:
            said += f", at least {length}"
        if (pattern := getattr(meta, "pattern", None)) is not None:
            said += f" that matches {pattern}"
    return said


def _hook(kind: type, value: Any) -> Any:
    if issubclass(kind, Duration):
        return Duration.parse(value)
    raise NotImplementedError
