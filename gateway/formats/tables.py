"""People in a CSV file, as spreadsheets write it: a row a person, the first row names the fields. Gives each row as the
tree of a person document; people_files.py judges what stands in it.

An empty cell leaves a field as it is, so that a table with gaps empties nothing. Nothing is guessed: a heading that is no
field is a mistake, and says which field it may be.
"""

import csv
import difflib
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from ..config.problems import MAX_SHOWN_CHARACTERS, Problem
from ..directory.fields import FIELDS, STORED
from .raw import Raw

DELIMITERS = (",", ";", "\t")
SAID = ("login", *STORED, "listed", "hidden")
_WORDS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_SYNONYMS = {
    "name": ("full_name", "display_name", "real_name", "fullname", "person", "fn", "gecos"),
    "login": ("user", "username", "user_name", "account", "nick", "nickname", "uid", "id", "handle"),
    "email": ("e_mail", "mail", "email_address", "e_mail_address", "mail_address"),
    "office_phone": ("phone", "telephone", "tel", "work_phone", "phone_number", "business_phone", "telephone_number"),
    "home_phone": ("private_phone", "phone_home"),
    "organisation": ("organization", "org", "company", "employer", "department"),
    "title": ("job_title", "role", "position"),
    "location": ("city", "town", "place", "locality", "address"),
    "timezone": ("time_zone", "tz", "zone"),
    "links": ("url", "website", "homepage", "home_page", "web", "web_page", "link"),
    "keys": ("key", "ssh_key", "pgp_key", "public_key"),
    "office": ("room", "office_location"),
    "aliases": ("alias", "other_names", "nicknames"),
    "fediverse": ("mastodon",),
}
_NEAR = {synonym: name for name, synonyms in _SYNONYMS.items() for synonym in synonyms}
# a plan is larger than what the module takes; fields.py says how large one may be
csv.field_size_limit(16 * 1024 * 1024)


def read(data: bytes) -> Iterator[Raw | Problem]:
    """A Raw for each row with something in it, and every mistake in the table itself."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = (
            "UTF-16"
            if data.startswith((b"\xff\xfe", b"\xfe\xff"))
            else f"a byte that is not UTF-8 (0x{data[error.start]:02X})"
        )
        allowed = 'CSV in UTF-8; save it as "CSV UTF-8", or convert it: iconv -f cp1252 -t utf-8'
        yield Problem(f"line {line}", "", found, allowed)
        return
    first, delimiter = _delimiter(text)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    headings: list[str] | None = None
    line = 0
    try:
        for cells in rows:
            line, last = rows.line_num, line
            if last + 1 < first or not any(cell.strip() for cell in cells):
                continue
            where = f"line {last + 1}"
            if headings is None:
                headings = [_normal(cell) for cell in cells]
                if mistakes := list(_judged(where, cells, headings)):
                    yield from mistakes
                    return
            else:
                yield from _row(where, headings, cells)
    except csv.Error as error:
        yield Problem(
            f"line {max(rows.line_num, line + 1)}", "", f"no CSV ({error})", 'CSV, with "" for a quote in a quoted cell'
        )
    if headings is None:
        yield Problem("line 1", "", "nothing", "a row that names the fields: login, name, ...")


def looks_like(text: str) -> bool:
    """Is the first line of *text* one that names fields, login among them?"""
    cells, _ = _heading(text, _delimiter(text)[1])
    return "login" in map(_normal, cells)


def _delimiter(text: str) -> tuple[int, str]:
    """The line that the table begins with, and what stands between cells: that by which most headings are fields. Excel
    may say it in a line of its own."""
    if said := re.match(r"sep=([,;\t])\r?\n", text, re.I):
        return 2, said[1]

    def known(delimiter: str) -> tuple[int, int]:
        cells, names = _heading(text, delimiter)
        return sum(_known(name) for name in names), len(cells)

    return 1, max(DELIMITERS, key=known)


def _heading(text: str, delimiter: str) -> tuple[list[str], list[str]]:
    start = text.lstrip("\r\n")[:65536]
    try:
        cells = next(csv.reader(io.StringIO(start, newline=""), delimiter=delimiter), [])
    except csv.Error:
        cells = []
    return cells, [_normal(cell) for cell in cells]


def _normal(heading: str) -> str:
    return re.sub(r"[\s_-]+", "_", heading.strip().lower())


def _known(name: str) -> bool:
    return name in SAID or (name.startswith("visibility.") and name.removeprefix("visibility.") in FIELDS)


def _judged(where: str, cells: Sequence[str], headings: Sequence[str]) -> Iterator[Problem]:
    for number, (cell, name) in enumerate(zip(cells, headings, strict=True)):
        if not name or _known(name):
            if name and name in headings[:number]:
                yield Problem(where, cell.strip(), "the same heading twice", "each once")
            continue
        near = _NEAR.get(name) or next(iter(difflib.get_close_matches(name, [*SAID, *FIELDS], 1, 0.6)), "")
        if name.startswith("visibility."):
            close = difflib.get_close_matches(name.removeprefix("visibility."), FIELDS, 1, 0.5)
            near = f"visibility.{close[0]}" if close else ""
        allowed = ", ".join((*SAID, "visibility.FIELD"))
        yield Problem(
            where,
            cell.strip()[:MAX_SHOWN_CHARACTERS],
            "an unknown heading",
            allowed,
            f"did you mean {near}?" if near else "",
        )
    if "login" not in headings:
        yield Problem(where, "login", "no such heading", "a column with everybody's login")


def _row(where: str, headings: Sequence[str], cells: Sequence[str]) -> Iterator[Raw | Problem]:
    tree: dict[str, Any] = {}
    mistakes: list[Problem] = []
    for number, cell in enumerate(cells):
        if not cell.strip():
            continue
        name = headings[number] if number < len(headings) else ""
        if not name:
            mistakes.append(
                Problem(
                    where,
                    f"column {number + 1}",
                    repr(cell[:MAX_SHOWN_CHARACTERS]),
                    "nothing: no heading stands above it",
                )
            )
        elif name.startswith("visibility."):
            tree.setdefault("visibility", {})[name.removeprefix("visibility.")] = cell.strip().lower()
        else:
            try:
                tree[name] = _value(name, cell)
            except (msgspec.DecodeError, RecursionError) as error:
                mistakes.append(Problem(where, name, f"{cell[:MAX_SHOWN_CHARACTERS]!r} ({error})", "JSON"))
    login = tree.get("login", "")
    if not login:
        mistakes.append(Problem(where, "login", "nothing", "text"))
    named = f"{where} ({login})" if login else where
    if mistakes:
        yield from (Problem(named, each.key, each.found, each.allowed) for each in mistakes)
    else:
        yield Raw(named, tree, gaps=True)


def _value(name: str, cell: str) -> Any:
    """*cell* as JSON would have it. Raises msgspec.DecodeError."""
    bare = cell.strip()
    if name == "login":
        return bare
    if name in ("listed", "hidden"):
        return _WORDS.get(bare.lower(), bare)
    match FIELDS[name].shape:
        case "names":
            return bare.replace(",", " ").split()
        case "links" if not bare.startswith(("[", "{")):
            return [{"url": url} for url in bare.split()]
        case "status" if not bare.startswith("{"):
            return {"text": bare}
        case "links" | "keys" | "accounts" | "status" as shape:
            tree = msgspec.json.decode(bare)
            return [tree] if isinstance(tree, dict) and shape != "status" else tree
        case _:
            return cell
