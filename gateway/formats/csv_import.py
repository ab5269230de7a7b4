"""Read people from CSV files, as spreadsheets write them: one row for each person, the field names in the first row.

Each row becomes a person document, which people_files.py validates. An empty cell leaves its field unchanged, so that a
table with gaps clears nothing. An unknown heading is a problem, reported with the field that it may stand for.
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
from .raw import RawPerson

DELIMITERS = (",", ";", "\t")
HEADINGS = ("login", *STORED, "listed", "hidden")
_BOOLEANS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
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
_FIELD_BY_SYNONYM = {synonym: name for name, synonyms in _SYNONYMS.items() for synonym in synonyms}
# A plan can be larger than the csv module's limit; fields.py has the limit for plans.
csv.field_size_limit(16 * 1024 * 1024)


def read_people(data: bytes) -> Iterator[RawPerson | Problem]:
    """Yield a person for each row that is not empty, and every problem of the table itself."""
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
    first, delimiter = _find_delimiter(text)
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
                headings = [_normalize_heading(cell) for cell in cells]
                if problems := list(_check_headings(where, cells, headings)):
                    yield from problems
                    return
            else:
                yield from _read_row(where, headings, cells)
    except csv.Error as error:
        yield Problem(
            f"line {max(rows.line_num, line + 1)}",
            "",
            "",
            f'not valid CSV ({error}); write "" for a quote in a quoted cell',
        )
    if headings is None:
        yield Problem("line 1", "", "", "empty; the first row must name the fields: login, name, ...")


def looks_like_csv(text: str) -> bool:
    """Return whether the first line of *text* holds field names, login among them."""
    cells, _ = _read_headings(text, _find_delimiter(text)[1])
    return "login" in map(_normalize_heading, cells)


def _find_delimiter(text: str) -> tuple[int, str]:
    """Return the first line of the table (from 1) and the delimiter: the one with which most headings are field names.

    Excel may name the delimiter in a line of its own ("sep=;").
    """
    if separator := re.match(r"sep=([,;\t])\r?\n", text, re.I):
        return 2, separator[1]

    def known(delimiter: str) -> tuple[int, int]:
        cells, names = _read_headings(text, delimiter)
        return sum(_is_heading(name) for name in names), len(cells)

    return 1, max(DELIMITERS, key=known)


def _read_headings(text: str, delimiter: str) -> tuple[list[str], list[str]]:
    start = text.lstrip("\r\n")[:65536]
    try:
        cells = next(csv.reader(io.StringIO(start, newline=""), delimiter=delimiter), [])
    except csv.Error:
        cells = []
    return cells, [_normalize_heading(cell) for cell in cells]


def _normalize_heading(heading: str) -> str:
    return re.sub(r"[\s_-]+", "_", heading.strip().lower())


def _is_heading(name: str) -> bool:
    return name in HEADINGS or (name.startswith("visibility.") and name.removeprefix("visibility.") in FIELDS)


def _check_headings(where: str, cells: Sequence[str], headings: Sequence[str]) -> Iterator[Problem]:
    for number, (cell, name) in enumerate(zip(cells, headings, strict=True)):
        if not name or _is_heading(name):
            if name and name in headings[:number]:
                yield Problem(where, cell.strip(), "", "this heading appears twice")
            continue
        near = _FIELD_BY_SYNONYM.get(name) or next(
            iter(difflib.get_close_matches(name, [*HEADINGS, *FIELDS], 1, 0.6)), ""
        )
        if name.startswith("visibility."):
            close = difflib.get_close_matches(name.removeprefix("visibility."), FIELDS, 1, 0.5)
            near = f"visibility.{close[0]}" if close else ""
        meant = f"did you mean {near}? " if near else ""
        known = ", ".join((*HEADINGS, "visibility.FIELD"))
        yield Problem(where, cell.strip()[:MAX_SHOWN_CHARACTERS], "", f"unknown heading; {meant}(known: {known})")
    if "login" not in headings:
        yield Problem(where, "login", "", "no such heading; a column must have everybody's login")


def _read_row(where: str, headings: Sequence[str], cells: Sequence[str]) -> Iterator[RawPerson | Problem]:
    tree: dict[str, Any] = {}
    problems: list[Problem] = []
    for number, cell in enumerate(cells):
        if not cell.strip():
            continue
        name = headings[number] if number < len(headings) else ""
        if not name:
            problems.append(
                Problem(
                    where,
                    f"column {number + 1}",
                    "",
                    f"{cell[:MAX_SHOWN_CHARACTERS]!r} has no heading above it",
                )
            )
        elif name.startswith("visibility."):
            tree.setdefault("visibility", {})[name.removeprefix("visibility.")] = cell.strip().lower()
        else:
            try:
                tree[name] = _parse_cell(name, cell)
            except (msgspec.DecodeError, RecursionError) as error:
                problems.append(Problem(where, name, f"{cell[:MAX_SHOWN_CHARACTERS]!r} ({error})", "JSON"))
    login = tree.get("login", "")
    if not login:
        problems.append(Problem(where, "login", "", "missing"))
    labelled = f"{where} ({login})" if login else where
    if problems:
        yield from (Problem(labelled, each.key, each.found, each.allowed) for each in problems)
    else:
        yield RawPerson(labelled, tree, keep_other_levels=True)


def _parse_cell(name: str, cell: str) -> Any:
    """Convert *cell* to what JSON would have in its place. Raises msgspec.DecodeError."""
    text = cell.strip()
    if name == "login":
        return text
    if name in ("listed", "hidden"):
        return _BOOLEANS.get(text.lower(), text)
    match FIELDS[name].shape:
        case "names":
            return text.replace(",", " ").split()
        case "links" if not text.startswith(("[", "{")):
            return [{"url": url} for url in text.split()]
        case "status" if not text.startswith("{"):
            return {"text": text}
        case "links" | "keys" | "accounts" | "status" as shape:
            tree = msgspec.json.decode(text)
            return [tree] if isinstance(tree, dict) and shape != "status" else tree
        case _:
            return cell
