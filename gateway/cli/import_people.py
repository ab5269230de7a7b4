"""finger-gateway people import: people from a file, all of them or none.

A dry run is the same import into a copy of the database, so that it ends as the real one would.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import click
import msgspec

from ..directory.privacy import Profile
from ..directory.results import Found, Unavailable
from ..formats import people_files, person_json
from ..formats.people_files import KINDS, PersonEntry
from ..formats.person_json import BadDocument
from ..store import backups
from ..text.sanitize import sanitize
from . import messages
from .common import CommandFailed, DirectorySession, config_option, failure_for, require_saved, with_directory

MAX_SHOWN_VALUE_CHARACTERS = 60  # in a dry run
MAX_ERRORS = 100  # lines


@dataclass(frozen=True)
class PersonDifference:
    """A person's document before (None for a new person) and after the import."""

    login: str
    before: dict[str, Any] | None
    after: dict[str, Any]

    @property
    def changes(self) -> dict[str, tuple[Any, Any]]:
        """Map each key that differs to its old and new value; visibility by field."""
        old, new = _flatten(self.before or {}), _flatten(self.after)
        keys = [*new, *(key for key in old if key not in new)]
        return {key: (old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key)}


@click.command("import", short_help="Import a JSON, CSV or vCard file.")
@config_option
@click.argument("file", type=click.File("rb"))
@click.option("--format", "forced", type=click.Choice(KINDS), help="File format, if it cannot be detected.")
@click.option("--dry-run", is_flag=True, help="Show what would change; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the changes as JSON.")
def import_(file: Any, forced: people_files.Kind | None, dry_run: bool, as_json: bool) -> None:
    """Import a JSON, CSV or vCard file: everything or nothing. "-" is standard input.

    \b
    JSON   a list of person documents, see `schema person`
    CSV    one row per person; the first row names the fields: login, name, ...,
           also visibility.FIELD, listed and hidden; an empty cell changes nothing
    vCard  3.0 or 4.0; the login is NICKNAME, or the part of EMAIL before the @

    Existing people are updated; fields that are not in the file are kept.

    \b
    Example:
      finger-gateway people import --dry-run members.csv
    """
    entries = _read_entries(file.name, file.read(), forced)
    open_database: Any = backups.trial_copy if dry_run else nullcontext
    differences = with_directory(partial(_import_entries, file.name, entries), open_database)
    for line in _notes(entries, dry_run):
        click.echo(f"{file.name}: {sanitize(line)}", err=True)
    if as_json:
        click.echo(_to_json(differences, dry_run), nl=False)
    elif dry_run:
        for each in differences:
            click.echo(_format_difference(each), nl=False)
    new = sum(each.before is None for each in differences)
    same = sum(not each.changes and each.before is not None for each in differences)
    click.echo(messages.imported(new, len(differences) - new - same, same, not dry_run), err=True)


def _read_entries(name: str, data: bytes, forced: people_files.Kind | None) -> list[PersonEntry]:
    kind = forced or people_files.detect_kind(name, data)
    if kind is None:
        raise CommandFailed(f"{name}: {messages.unknown_format()}", 2)
    try:
        return people_files.read_people(kind, data)
    except BadDocument as error:
        raise _failure(name, str(error).splitlines()) from None


def _failure(file: str, problems: list[str]) -> CommandFailed:
    """Return the failure for errors in *file*, at most MAX_ERRORS of them."""
    lines = [f"{file}: {line}" for line in problems[:MAX_ERRORS]]
    if len(problems) > MAX_ERRORS:
        lines.append(f"{file}: {messages.more_errors(len(problems) - MAX_ERRORS)}")
    return CommandFailed("\n".join(lines), 2)


async def _import_entries(file: str, entries: list[PersonEntry], session: DirectorySession) -> list[PersonDifference]:
    before = {each.login: await _find_by_login(session, each.login) for each in entries}
    if clashes := [line async for line in _find_clashes(session, entries, before)]:
        raise _failure(file, clashes)
    edits = [each.make_edit(before[each.login]) for each in entries]
    require_saved(await session.directory.save(edits, session.administrator), file, f"{file}: ")
    found = []
    for login, old in before.items():
        new = person_json.make_person_document(await session.profile(login))
        found.append(PersonDifference(login, None if old is None else person_json.make_person_document(old), new))
    return found


async def _find_by_login(session: DirectorySession, name: str) -> Profile | None:
    """Return the person whose login is *name*, None if there is none."""
    answer = await session.directory.lookup(name, session.administrator)
    if isinstance(answer, Unavailable):
        raise failure_for(answer, name)
    return answer.profile if isinstance(answer, Found) and answer.profile.login == name else None


async def _find_clashes(
    session: DirectorySession, entries: list[PersonEntry], before: dict[str, Profile | None]
) -> AsyncIterator[str]:
    """Yield a message for each name that somebody else has and keeps. The store checks again, but reports only one."""
    kept = {each.login: set(each.reserved_names) for each in entries}
    for each in entries:
        old = before[each.login]
        had = () if old is None else (old.login, *old.aliases, *old.former)
        for name in each.reserved_names:
            if name in had:
                continue
            answer = await session.directory.lookup(name, session.administrator)
            owner = answer.profile if isinstance(answer, Found) else None
            if owner is None or owner.login == each.login or name not in (owner.login, *owner.aliases, *owner.former):
                continue
            if owner.login not in kept or name in kept[owner.login]:
                field = "login" if name == each.login else "former" if name in each.former_logins else "aliases"
                yield messages.name_taken(each.raw.where, field, name)


def _notes(entries: list[PersonEntry], dry_run: bool) -> Iterator[str]:
    for each in entries:
        if dry_run and each.raw.login_source:
            yield messages.login_from(each.raw.where, each.login, each.raw.login_source)
        if each.raw.ignored:
            yield messages.not_imported(each.raw.where, ", ".join(each.raw.ignored))


def _flatten(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in ("login", "visibility")} | {
        f"visibility.{name}": level for name, level in document.get("visibility", {}).items()
    }


def _format_difference(difference: PersonDifference) -> str:
    """Format what changes for people to read; empty for a person who stays the same."""
    changes = difference.changes
    if difference.before is None:
        lines = [f"  {key}: {_format_value(new)}" for key, (_, new) in changes.items() if (key, new) not in _DEFAULTS]
        return "\n".join([f"{difference.login}: new", *lines, ""])
    lines = [f"  {key}: {_format_value(old)} -> {_format_value(new)}" for key, (old, new) in changes.items()]
    return "\n".join([f"{difference.login}:", *lines, ""]) if lines else ""


_DEFAULTS = (("listed", True), ("hidden", False))


def _format_value(value: Any) -> str:
    """Return *value* on one line, short, and safe on a terminal."""
    if value is None:
        return "nothing"
    text = sanitize(value if isinstance(value, str) else msgspec.json.encode(value).decode())
    text = " ".join(text.split())
    return text if len(text) <= MAX_SHOWN_VALUE_CHARACTERS else text[: MAX_SHOWN_VALUE_CHARACTERS - 1] + "…"


def _to_json(differences: list[PersonDifference], dry_run: bool) -> bytes:
    people = [
        {
            "login": each.login,
            "new": each.before is None,
            "changes": {key: {"from": old, "to": new} for key, (old, new) in each.changes.items()},
        }
        for each in differences
    ]
    return person_json.encode_json({"written": not dry_run, "people": people})
