"""The one table of a person's fields: type, size, label, default visibility, who may edit.

Everything that walks over fields (privacy, documents, forms, views, the tests' canary) walks over this table.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, TypeVar
from zoneinfo import available_timezones

from ..config.problems import describe_problem
from .names import InvalidLogin, canonical_login
from .person import Account, Key, Link, Status, Visibility

Shape = Literal["line", "lines", "names", "links", "keys", "status", "accounts", "presence"]
EVERYONE, MEMBERS, NOBODY = Visibility
T = TypeVar("T")
MAX_ENTRIES = 32  # of a list
_zones = cache(available_timezones)  # reads a folder of files
_URL = re.compile(r"((https?|gemini|gopher|finger|ircs?)://|(mailto|xmpp|matrix):)[^\s/]\S*", re.I)


class BadValue(ValueError):
    """A value that a field does not take. For *found* and *allowed* see `describe_problem`."""

    def __init__(self, found: str, allowed: str) -> None:
        super().__init__(describe_problem(found, allowed))
        self.found, self.allowed = found, allowed


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    *max_size* is the most characters (plan: bytes) of each text in it. *label* is what people read. *default* is the
    visibility of preset "open". *stored* is False for what is observed, not written down (presence.py). *follows* is
    the field whose level counts if this one has none; *within* the field without which this one is not shown.
    """

    name: str
    label: str
    shape: Shape
    max_size: int
    default: Visibility
    editor: Literal["self", "administrator"] = "self"
    stored: bool = True
    follows: str | None = None
    within: str | None = None


_TABLE = (
    Field("name", "Name", "line", 128, EVERYONE),
    Field("aliases", "Aliases", "names", 64, EVERYONE, "administrator"),
    Field("pronouns", "Pronouns", "line", 64, EVERYONE),
    Field("pronunciation", "Pronounced", "line", 128, EVERYONE),
    Field("title", "Title", "line", 128, EVERYONE),
    Field("organisation", "Organisation", "line", 128, MEMBERS),
    Field("office", "Office", "line", 128, MEMBERS),
    Field("office_phone", "Office phone", "line", 64, MEMBERS),
    Field("home_phone", "Home phone", "line", 64, MEMBERS),
    Field("email", "Email", "line", 254, MEMBERS),
    Field("location", "Location", "line", 128, MEMBERS),
    Field("timezone", "Time zone", "line", 64, MEMBERS),
    Field("links", "Links", "links", 1024, EVERYONE),
    Field("keys", "Keys", "keys", 4096, MEMBERS),
    Field("project", "Project", "line", 512, EVERYONE),
    Field("plan", "Plan", "lines", 256 * 1024, EVERYONE),
    Field("status", "Status", "status", 256, EVERYONE),
    Field("irc", "IRC", "accounts", 128, NOBODY, "administrator"),
    Field("fediverse", "Fediverse", "line", 256, EVERYONE),
    Field("former", "Formerly", "names", 64, NOBODY, "administrator"),
    Field("presence", "Online", "presence", 0, MEMBERS, stored=False),
    Field("terminal", "Terminal", "presence", 0, NOBODY, stored=False, within="presence"),
    Field("origin", "From", "presence", 0, NOBODY, stored=False, within="presence"),
    Field("idle", "Idle", "presence", 0, MEMBERS, stored=False, follows="presence", within="presence"),
    Field("last_seen", "Last seen", "presence", 0, NOBODY, stored=False),
)
FIELDS: Mapping[str, Field] = {field.name: field for field in _TABLE}
STORED: tuple[str, ...] = tuple(field.name for field in _TABLE if field.stored)


def check_value(name: str, value: Any) -> Any:
    """Return *value* as the field *name* keeps it. Raises BadValue.

    Text is taken as it is, escapes and all; only size and shape are checked. An empty value of any shape empties the
    field.
    """
    field = FIELDS[name]
    return _SHAPES[field.shape](field, value)


def empty_value(name: str) -> Any:
    """Return what field *name* holds if nothing is given."""
    shape = FIELDS[name].shape
    return "" if shape in ("line", "lines") else None if shape == "status" else ()


def _type_name(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", type(None): "nothing"}
    return names.get(
        type(value), "a list" if isinstance(value, list | tuple) else f"a value of type {type(value).__name__}"
    )


def _text(value: Any, size: int, what: str = "text") -> str:
    if not isinstance(value, str):
        raise BadValue(_type_name(value), what)
    if len(value) > size:
        raise BadValue(f"{len(value)} characters", f"at most {size} characters")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise BadValue(f"half a character (U+{ord(value[error.start]):04X})", "complete Unicode characters") from None
    return value


def _line(field: Field, value: Any) -> str:
    text = _text(value, field.max_size)
    if field.name == "timezone" and text and text not in _zones():
        raise BadValue(repr(text), 'a time zone, e.g. "Europe/Prague"')
    if re.search("[\r\n\x85\u2028\u2029]", text):  # the line ends that the sanitizer knows
        raise BadValue("several lines", "a single line")
    return text


def _lines(field: Field, value: Any) -> str:
    text = _text(value, field.max_size)
    if (size := len(text.encode())) > field.max_size:
        raise BadValue(f"{size} bytes", f"at most {field.max_size} bytes")
    return text


def _names(field: Field, value: Any) -> tuple[str, ...]:
    names = []
    for name in _each(value, str, "a list of names"):
        try:
            names.append(canonical_login(_text(name, field.max_size)))
        except InvalidLogin as error:
            raise BadValue(repr(name), str(error)) from None
    return tuple(dict.fromkeys(names))


def _links(field: Field, value: Any) -> tuple[Link, ...]:
    for link in (links := _each(value, Link, "a list of links")):
        _text(link.label, 128)
        if not _URL.fullmatch(_text(link.url, field.max_size)):
            raise BadValue(
                repr(link.url[:80]),
                "a full address, e.g. https://example.org/ (or http, gemini, gopher, finger, mailto, xmpp, matrix, irc)",
            )
    return links


def _keys(field: Field, value: Any) -> tuple[Key, ...]:
    for key in (keys := _each(value, Key, "a list of keys")):
        _text(key.label, 128)
        if not (_text(key.kind, 64) and _text(key.text, field.max_size)):
            raise BadValue(
                "a key without kind or text", 'e.g. {"kind": "ssh", "label": "laptop", "text": "ssh-ed25519 AAAA..."}'
            )
    return keys


def _status(field: Field, value: Any) -> Status | None:
    if isinstance(value, str):
        value = Status(text=value)
    if value is None or (isinstance(value, Status) and not value.text):
        return None
    if not isinstance(value, Status):
        raise BadValue(_type_name(value), 'text, or like {"text": "at the kettle", "until": "2026-12-01T10:00:00Z"}')
    if value.until is not None and (not isinstance(value.until, datetime) or value.until.tzinfo is None):
        raise BadValue(repr(value.until), "a time with a time zone, e.g. 2026-12-01T10:00:00Z")
    _line(field, value.text)
    try:
        return value if value.until is None else Status(text=value.text, until=value.until.astimezone(UTC))
    except OverflowError:
        raise BadValue(str(value.until), "between the years 1 and 9999 in UTC") from None


def _accounts(field: Field, value: Any) -> tuple[Account, ...]:
    for account in (accounts := _each(value, Account, "a list of accounts")):
        if not (_text(account.network, field.max_size) and _text(account.account, field.max_size)):
            raise BadValue("an account without network or name", 'like {"network": "libera", "account": "alice"}')
    return accounts


def _presence(field: Field, value: Any) -> None:
    raise BadValue("", "cannot be set: the gateway observes it; only its visibility can be changed")


def _each(value: Any, kind: type[T], allowed: str) -> tuple[T, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(entry, kind) for entry in value):
        raise BadValue(_type_name(value), allowed)
    if len(value) > MAX_ENTRIES:
        raise BadValue(f"{len(value)} entries", f"at most {MAX_ENTRIES} entries")
    return tuple(value)


_SHAPES: Mapping[Shape, Callable[[Field, Any], Any]] = {
    "line": _line, "lines": _lines, "names": _names, "links": _links, "keys": _keys,
    "status": _status, "accounts": _accounts, "presence": _presence,
}  # fmt: skip
