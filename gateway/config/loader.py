"""Read gateway.toml, or any table like it, into structs, and report every problem. It knows no setting by name.

settings.py puts the structs together; each protocol's settings.py has its own.
"""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import msgspec

from .problems import MAX_SHOWN_CHARACTERS, BadSettings, Problem
from .types import Duration, describe_type, struct_in, union_members

S = TypeVar("S", bound=msgspec.Struct)


def load_toml(file: Path, kind: type[S]) -> S:
    """Read *file* as a *kind*. Raises BadSettings with every problem that was found."""
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSettings([Problem(str(file), "", error.strerror or "no file", "a readable file")]) from None
    except UnicodeDecodeError as error:
        raise BadSettings(
            [Problem(str(file), "", f"a byte at {error.start} that is not UTF-8", "TOML in UTF-8")]
        ) from None
    except (ValueError, RecursionError) as error:  # TOML errors; numbers with more digits than Python reads
        raise BadSettings([Problem(str(file), "", str(error), "TOML")]) from None
    return convert(str(file), table, kind)


def convert(file: str, table: Mapping[str, Any], kind: type[S]) -> S:
    """Convert *table* to a *kind*; *file* is what messages name. Raises BadSettings."""
    mistakes = list(_find_problems(file, table, kind, ""))
    if mistakes:
        raise BadSettings(mistakes)
    try:
        return msgspec.convert(table, kind, dec_hook=_decode_duration)
    except msgspec.ValidationError as error:
        raise BadSettings([Problem(file, "", str(error), "see the schema")]) from None


def _find_problems(file: str, table: Mapping[str, Any], kind: type[msgspec.Struct], above: str) -> Iterator[Problem]:
    known = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for key, value in table.items():
        path = f"{above}.{key}" if above else key
        if key not in known:
            near = difflib.get_close_matches(key, known, 1, 0.5)
            yield Problem(file, path, "an unknown key", ", ".join(known), f"did you mean {near[0]}?" if near else "")
        else:
            yield from _check_value(file, value, known[key].type, path)
    for key, field in known.items():
        if field.required and key not in table:
            yield Problem(file, f"{above}.{key}" if above else key, "nothing", describe_type(field.type))


def _check_value(file: str, value: Any, kind: Any, path: str) -> Iterator[Problem]:
    options = union_members(kind)
    if len(options) == 1 and value is not None:
        kind = options[0]
    struct = struct_in(kind)
    origin, inner = get_origin(kind), get_args(kind)
    if struct is not None and isinstance(value, Mapping):
        yield from _find_problems(file, value, struct, path)
    elif origin is list and isinstance(value, list):
        for number, each in enumerate(value):
            yield from _check_value(file, each, inner[0], f"{path}[{number}]")
    elif origin is dict and isinstance(value, Mapping):
        for key, each in value.items():
            if problem := _check_scalar(key, inner[0]):
                yield Problem(file, f"{path}.{key}", *problem)
            else:
                yield from _check_value(file, each, inner[1], f"{path}.{key}")
    elif problem := _check_scalar(value, kind):
        yield Problem(file, path, *problem)


def _check_scalar(value: Any, kind: Any) -> tuple[str, str, str] | None:
    try:
        msgspec.convert(value, kind, dec_hook=_decode_duration)
    except msgspec.ValidationError as error:
        near = difflib.get_close_matches(str(value), [str(each) for each in get_args(kind)], 1, 0.5)
        found = repr(value)
        found = found if len(found) <= MAX_SHOWN_CHARACTERS else found[: MAX_SHOWN_CHARACTERS - 1] + "…"
        return found, describe_type(kind, str(error)), f"did you mean {near[0]}?" if near else ""
    return None


def _decode_duration(kind: type, value: Any) -> Any:
    if issubclass(kind, Duration):
        return Duration.parse(value)
    raise NotImplementedError
