"""The types of settings: durations, and what each type allows, in words."""

import re
import types
from datetime import datetime, timedelta
from typing import Any, Union, get_args, get_origin

import msgspec

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Duration(timedelta):
    """A length of time, written as "10s", "0.5s", "200ms", "5m", "12h" or "30d"."""

    @classmethod
    def parse(cls, text: object) -> "Duration":
        """Parse a positive number with a unit. Raises ValueError."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", text) if isinstance(text, str) else None
        if match is None or not float(match[1]):
            raise ValueError('a length of time such as "10s", "5m" or "30d"')
        try:
            return cls(seconds=float(match[1]) * _UNITS[match[2]])
        except OverflowError:
            raise ValueError('a length of time such as "10s", "5m" or "30d"') from None


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


def describe_type(kind: Any, error: str = "") -> str:
    """Return in words what *kind* allows; *error* is the fallback."""
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
        return 'a list of strings, e.g. ["tcp:79"]' if inner[0] is str else f"a list, each {describe_type(inner[0])}"
    if len(union_members(kind)) > 1 or union_members(kind)[0] is not kind:
        return " or ".join(map(describe_type, union_members(kind)))
    if hasattr(kind, "__metadata__"):
        return f"{describe_type(inner[0])}{_describe_bounds(kind.__metadata__)}"
    if struct_in(kind) is not None:
        return "a table"
    words = {
        datetime: 'a time with its zone, as in "2026-12-01T10:00:00Z"',
        str: "a string",
        int: "a whole number",
        bool: "true or false",
        float: "a number",
        dict: "a table",
    }
    return words.get(kind, error or str(kind))


def _describe_bounds(metadata: tuple[Any, ...]) -> str:
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
