"""The types of settings: durations, and what each type allows, in words."""

import json
import re
import types
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from .problems import MAX_SHOWN_CHARACTERS

_A_DURATION = 'a duration, e.g. "10s", "5m" or "30d"'
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Duration(timedelta):
    """A length of time, written as "10s", "0.5s", "200ms", "5m", "12h" or "30d"."""

    @classmethod
    def parse(cls, text: object) -> "Duration":
        """Parse a positive number with a unit. Raises ValueError."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", text) if isinstance(text, str) else None
        if match is None or not float(match[1]):
            raise ValueError(_A_DURATION)
        try:
            return cls(seconds=float(match[1]) * _UNITS[match[2]])
        except OverflowError:
            raise ValueError(_A_DURATION) from None


def union_members(kind: Any) -> tuple[Any, ...]:
    """Return the types in a union, without None; a type that is not a union alone."""
    union = isinstance(kind, types.UnionType) or get_origin(kind) is Union
    return (
        tuple(each for each in get_args(kind) if each not in (types.NoneType, msgspec.UnsetType)) if union else (kind,)
    )


def struct_in(kind: Any) -> type[msgspec.Struct] | None:
    """Return the struct that *kind* is or has among its members."""
    return next(
        (each for each in union_members(kind) if isinstance(each, type) and issubclass(each, msgspec.Struct)), None
    )


def show_value(value: Any, table: str = "a table") -> str:
    """Return *value* as people write it in a file, shortened; *table* is what they call a mapping."""
    if isinstance(value, Mapping):
        return table
    if isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
        return f"a list of {table.rsplit(maxsplit=1)[-1]}s"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    text = value.isoformat() if isinstance(value, date | time) else repr(value)
    return text if len(text) <= MAX_SHOWN_CHARACTERS else text[: MAX_SHOWN_CHARACTERS - 1] + "…"


def describe_type(
    kind: Any,
    error: str = "",
    *,
    example: Any = None,
    default: Any = None,
    tables: tuple[str, str] = ("a table", "a list of tables"),
) -> str:
    """Return in words what *kind* allows, as in "must be ...".

    *example* is a value of a list, *default* one of anything else. *tables* are the words for a table and for a list of
    tables. *error* is the fallback.
    """
    text = _describe(kind, error, tables)
    shown = example if "list of strings" in text else default
    if (
        text == _TRUE_OR_FALSE
        or "e.g." in text
        or isinstance(shown, bool)
        or not isinstance(shown, str | int | float | list)
    ):
        return text
    written = json.dumps(shown, ensure_ascii=False)
    return f"{text}, e.g. {written}" if shown and text.startswith(_WITH_EXAMPLES) and len(written) <= 60 else text


_TRUE_OR_FALSE = "true or false, without quotes"
_WITH_EXAMPLES = ("a string", "an integer", "a number", "a list of strings", "a non-empty list")
_WORDS = {
    datetime: 'a time with a time zone, e.g. "2026-12-01T10:00:00Z"',
    str: "a string",
    int: "an integer",
    bool: _TRUE_OR_FALSE,
    float: "a number",
}


def _describe(kind: Any, error: str, tables: tuple[str, str]) -> str:
    if isinstance(kind, type) and issubclass(kind, Duration):
        return _A_DURATION
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return _one_of(inner)
    if origin is dict or kind is dict:
        return tables[0]
    if origin is list:
        return _describe_list(inner[0], tables)
    if len(union_members(kind)) > 1 or union_members(kind)[0] is not kind:
        return " or ".join(_describe(each, error, tables) for each in union_members(kind))
    if hasattr(kind, "__metadata__"):
        described = next((meta.description for meta in kind.__metadata__ if getattr(meta, "description", None)), None)
        text = _describe(inner[0], error, tables) + _describe_bounds(kind.__metadata__)
        return described or re.sub("^a (list of .*) that is not empty", r"a non-empty \1", text)
    return tables[0] if struct_in(kind) is not None else _WORDS.get(kind, error or str(kind))


def _one_of(values: tuple[Any, ...]) -> str:
    *others, last = [f'"{each}"' for each in values]
    return f"{', '.join(others)} or {last}" if others else last


def _describe_list(kind: Any, tables: tuple[str, str]) -> str:
    if struct_in(kind) is not None:
        return tables[1]
    if get_origin(kind) is Literal:
        return f"a list of strings, each {_one_of(get_args(kind))}"
    bare = get_args(kind)[0] if hasattr(kind, "__metadata__") else kind
    return f"a list of {'strings' if bare is str else 'integers' if bare is int else 'values'}"


def _describe_bounds(metadata: tuple[Any, ...]) -> str:
    words: list[str] = []
    for meta in metadata:
        limits = {name: getattr(meta, name, None) for name in ("ge", "le", "gt", "lt", "min_length", "pattern")}
        if limits["ge"] is not None and limits["le"] is not None:
            words.append(f"between {limits['ge']} and {limits['le']}")
            continue
        phrases = (
            ("ge", "of at least {}"), ("le", "of at most {}"), ("gt", "greater than {}"), ("lt", "less than {}"),
            ("min_length", "that is not empty" if limits["min_length"] == 1 else "of length {} or more"),
            ("pattern", "that matches {}"),
        )  # fmt: skip
        words += [phrase.format(limits[name]) for name, phrase in phrases if limits[name] is not None]
    return f" {' and '.join(words)}" if words else ""
