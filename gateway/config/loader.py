"""Read gateway.toml, or any table like it, into structs, and report every problem. It knows no setting by name.

settings.py puts the structs together; each protocol's settings.py has its own.
"""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import msgspec

from .problems import BadSettings, Problem, describe_unknown
from .types import Duration, describe_type, show_value, struct_in, union_members

S = TypeVar("S", bound=msgspec.Struct)
Syntax = Literal["TOML", "JSON"]


def load_toml(file: Path, kind: type[S]) -> S:
    """Read *file* as a *kind*. Raises BadSettings with every problem that was found."""
    try:
        table = tomllib.loads(_read_text(file))
    except (ValueError, RecursionError) as error:
        raise BadSettings([Problem(str(file), "", "", _describe_toml_error(error))]) from None
    return convert(str(file), table, kind, syntax="TOML")


def _read_text(file: Path) -> str:
    data = b""
    try:
        data = file.read_bytes()
        return data.decode()
    except OSError as error:
        raise BadSettings([Problem(str(file), "", "", f"cannot be read: {error.strerror or error}")]) from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"a byte in line {line} that is not UTF-8 (0x{data[error.start]:02X})"
        raise BadSettings([Problem(str(file), "", found, "saved as UTF-8")]) from None


def _describe_toml_error(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "TOML error: lists or tables are nested too deeply"
    if not isinstance(error, tomllib.TOMLDecodeError):  # the one other ValueError: more digits than Python reads
        return "TOML error: a number has too many digits"
    match = re.fullmatch(r"(.*) \((at .*)\)", str(error), re.DOTALL)
    what, where = (match[1], f" {match[2]}") if match else (str(error), "")
    return f"TOML syntax error{where}: {what[:1].lower()}{what[1:]}"


def convert(file: str, table: Mapping[str, Any], kind: type[S], above: str = "", syntax: Syntax = "JSON") -> S:
    """Convert *table* to a *kind*. Raises BadSettings.

    For messages: *file* is the file, *above* the key of the table, *syntax* what people write.
    """
    problems = list(_Checker(file, syntax).check_struct(table, kind, above))
    if problems:
        raise BadSettings(problems)
    try:
        return msgspec.convert(table, kind, dec_hook=_decode_duration)
    except msgspec.ValidationError as error:
        raise BadSettings([Problem(file, above, "", str(error))]) from None


@dataclass(frozen=True)
class _Checker:
    """Finds the problems of a table. *path* is the key of a value, like "irc[0].nick"; *default* is an example of it."""

    file: str
    syntax: Syntax

    def check_struct(self, table: Mapping[str, Any], kind: type[msgspec.Struct], above: str) -> Iterator[Problem]:
        known = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        for key, value in table.items():
            path = f"{above}.{key}" if above else key
            if key in known:
                yield from self._check_value(value, known[key].type, path, default_of(known[key]))
            else:
                yield Problem(self.file, path, "", describe_unknown("key", key, known))
        for key, field in known.items():
            if field.required and key not in table:
                path = f"{above}.{key}" if above else key
                yield Problem(self.file, path, "", f"missing; must be {describe_type(field.type)}")

    def _check_value(self, value: Any, kind: Any, path: str, default: Any) -> Iterator[Problem]:
        options = union_members(kind)
        if len(options) == 1 and value is not None:
            kind = options[0]
        struct = struct_in(kind)
        origin, inner = get_origin(kind), get_args(kind)
        problems: list[Problem] = []
        if struct is not None and isinstance(value, Mapping):
            yield from self.check_struct(value, struct, path)
            return
        if origin is Annotated and isinstance(value, list):
            problems = list(self._check_value(value, inner[0], path, default))
        elif origin is list and isinstance(value, list):
            example = default[0] if isinstance(default, list) and default else None
            for number, each in enumerate(value):
                problems += self._check_value(each, inner[0], f"{path}[{number}]", example)
        elif origin is dict and isinstance(value, Mapping):
            for key, each in value.items():
                if problem := self._check_scalar(key, inner[0], "", None):
                    problems.append(Problem(self.file, f"{path}.{key}", *problem))
                else:
                    problems += self._check_value(each, inner[1], f"{path}.{key}", None)
        if problems:
            yield from problems
        elif problem := self._check_scalar(value, kind, path, default):
            yield Problem(self.file, path, *problem)

    def _check_scalar(self, value: Any, kind: Any, path: str, default: Any) -> tuple[str, str, str] | None:
        """Return what was found, what is allowed and a hint; None if *value* is a *kind*."""
        try:
            msgspec.convert(value, kind, dec_hook=_decode_duration)
        except msgspec.ValidationError as error:
            near = difflib.get_close_matches(str(value), [str(each) for each in get_args(kind)], 1, 0.5)
            table = f"a table, written [{path}]" if path and "[" not in path else "a table"
            tables = f"a list of tables, each written [[{path}]]"
            words = ("an object", "a list of objects") if self.syntax == "JSON" else (table, tables)
            example = [value] if isinstance(value, str) else default
            allowed = describe_type(kind, str(error), example=example, default=default, tables=words)
            return show_value(value, words[0].partition(",")[0]), allowed, f'did you mean "{near[0]}"?' if near else ""
        return None


def default_of(field: msgspec.structs.FieldInfo) -> Any:
    """Return the default of a struct's *field*; None if it has none."""
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return None if field.default is msgspec.NODEFAULT else field.default


def _decode_duration(kind: type, value: Any) -> Any:
    if issubclass(kind, Duration):
        return Duration.parse(value)
    raise NotImplementedError
