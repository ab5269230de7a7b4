"""finger-gateway people import: people from a file, all of them or none. A dry run is the same import into a copy of the
database, so that it ends as the real one would."""

from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import click
import msgspec

from ..directory.answers import Found, Unavailable
from ..directory.privacy import Profile
from ..formats import people_files, person_json
from ..formats.people_files import KINDS, Entry
from ..formats.person_json import BadDocument
from ..store import backups
from ..text.sanitize import sanitize
from . import messages
from .common import Failed, Session, configured, failed, saved, with_directory

SHOWN = 60  # characters of a value in a dry run
MOST_MISTAKES = 100  # lines


@dataclass(frozen=True)
class Difference:
    """A person's document before, None where there was none, and after."""

    login: str
    before: dict[str, Any] | None
    after: dict[str, Any]

    @property
    def changes(self) -> dict[str, tuple[Any, Any]]:
        """Old and new value by key; visibility by field."""
        old, new = _flat(self.before or {}), _flat(self.after)
        keys = [*new, *(key for key in old if key not in new)]
        return {key: (old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key)}


@click.command("import", short_help="People of a JSON, CSV or vCard file.")
@configured
@click.argument("file", type=click.File("rb"))
@click.option("--format", "forced", type=click.Choice(KINDS), help="What FILE is, where it does not tell itself.")
@click.option("--dry-run", is_flag=True, help="Show what would change; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="What changes as JSON on standard output.")
def import_(file: Any, forced: people_files.Kind | None, dry_run: bool, as_json: bool) -> None:
    """Add or change the people of a JSON, CSV or vCard file, all of them or none. "-" is standard input.

    \b
    JSON   a list of person documents, see `schema person`
    CSV    a row a person; the first row names the fields: login, name, ...
           visibility.FIELD, listed and hidden too; an empty cell changes nothing
    vCard  3.0 or 4.0; the login is a NICKNAME, or what EMAIL has before the @

    Who is there already gets what the file says of them; all else stays.

    \b
    Example:
      finger-gateway people import --dry-run members.csv
    """
    entries = _read(file.name, file.read(), forced)
    place: Any = backups.trial if dry_run else nullcontext
    differences = with_directory(partial(_carry_out, file.name, entries), place)
    for line in _notes(entries, dry_run):
        click.echo(f"{file.name}: {sanitize(line)}", err=True)
    if as_json:
        click.echo(_as_json(differences, dry_run), nl=False)
    elif dry_run:
        for each in differences:
            click.echo(_shown(each), nl=False)
    new = sum(each.before is None for each in differences)
    same = sum(not each.changes and each.before is not None for each in differences)
    click.echo(messages.imported(new, len(differences) - new - same, same, not dry_run), err=True)


def _read(name: str, data: bytes, forced: people_files.Kind | None) -> list[Entry]:
    kind = forced or people_files.kind(name, data)
    if kind is None:
        raise Failed(f"{name}: {messages.no_people_file()}", 2)
    try:
        return people_files.read(kind, data)
    except BadDocument as error:
        raise _wrong(name, str(error).splitlines()) from None


def _wrong(file: str, mistakes: list[str]) -> Failed:
    """*mistakes* in *file*, as many of them as anybody reads."""
    lines = [f"{file}: {line}" for line in mistakes[:MOST_MISTAKES]]
    if len(mistakes) > MOST_MISTAKES:
        lines.append(f"{file}: {messages.more_mistakes(len(mistakes) - MOST_MISTAKES)}")
    return Failed("\n".join(lines), 2)


async def _carry_out(file: str, entries: list[Entry], session: Session) -> list[Difference]:
    before = {each.login: await _who(session, each.login) for each in entries}
    if clashes := [line async for line in _clashes(session, entries, before)]:
        raise _wrong(file, clashes)
    edits = [each.edit(before[each.login]) for each in entries]
    saved(await session.directory.save(edits, session.administrator), file, f"{file}: ")
    found = []
    for login, old in before.items():
        new = person_json.person_document(await session.profile(login))
        found.append(Difference(login, None if old is None else person_json.person_document(old), new))
    return found


async def _who(session: Session, name: str) -> Profile | None:
    """Whoever has *name* as their login."""
    answer = await session.directory.lookup(name, session.administrator)
    if isinstance(answer, Unavailable):
        raise failed(answer, name)
    return answer.profile if isinstance(answer, Found) and answer.profile.login == name else None


async def _clashes(session: Session, entries: list[Entry], before: dict[str, Profile | None]) -> AsyncIterator[str]:
    """Names that somebody has who keeps them. The store has the last word, but says only the first."""
    kept = {each.login: set(each.names) for each in entries}
    for each in entries:
        old = before[each.login]
        had = () if old is None else (old.login, *old.aliases, *old.former)
        for name in each.names:
            if name in had:
                continue
            answer = await session.directory.lookup(name, session.administrator)
            owner = answer.profile if isinstance(answer, Found) else None
            if owner is None or owner.login == each.login or name not in (owner.login, *owner.aliases, *owner.former):
                continue
            if owner.login not in kept or name in kept[owner.login]:
                field = "login" if name == each.login else "former" if name in each.former else "aliases"
                yield messages.cannot_be_had(each.raw.where, field, name)


def _notes(entries: list[Entry], dry_run: bool) -> Iterator[str]:
    for each in entries:
        if dry_run and each.raw.login_from:
            yield messages.login_from(each.raw.where, each.login, each.raw.login_from)
        if each.raw.left:
            yield messages.left(each.raw.where, ", ".join(each.raw.left))


def _flat(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in ("login", "visibility")} | {
        f"visibility.{name}": level for name, level in document.get("visibility", {}).items()
    }


def _shown(difference: Difference) -> str:
    """As people read it; who stays as they are is only counted."""
    changes = difference.changes
    if difference.before is None:
        lines = [f"  {key}: {_value(new)}" for key, (_, new) in changes.items() if (key, new) not in _USUAL]
        return "\n".join([f"{difference.login}: new", *lines, ""])
    lines = [f"  {key}: {_value(old)} -> {_value(new)}" for key, (old, new) in changes.items()]
    return "\n".join([f"{difference.login}:", *lines, ""]) if lines else ""


_USUAL = (("listed", True), ("hidden", False))


def _value(value: Any) -> str:
    """*value* on one line, short, and safe on a terminal."""
    if value is None:
        return "nothing"
    text = sanitize(value if isinstance(value, str) else msgspec.json.encode(value).decode())
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _as_json(differences: list[Difference], dry_run: bool) -> bytes:
    people = [
        {
            "login": each.login,
            "new": each.before is None,
            "changes": {key: {"from": old, "to": new} for key, (old, new) in each.changes.items()},
        }
        for each in differences
    ]
    return person_json.encode({"written": not dry_run, "people": people})
