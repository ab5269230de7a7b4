"""finger-gateway people: the administrator's commands, through the same directory as everything else."""

import difflib
from typing import Any

import click
import msgspec

from ..builders import make_renderer
from ..directory.answers import Found, History, Listing, Page
from ..directory.fields import FIELDS, STORED, empty_value
from ..directory.interfaces import Create, Modify, Remove, Rename
from ..directory.person import Visibility
from ..directory.privacy import Profile
from ..directory.viewers import LocalCommand, Viewers
from ..formats import person_json
from ..formats.person_json import BadDocument
from ..text.sanitize import sanitize
from . import messages
from .common import Failed, Session, configured, failed, saved, utf8, with_directory
from .import_people import import_

AS = click.Choice(["administrator", "self", "members", "everyone"])
WORDS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}


@click.group()
@configured
def people() -> None:
    """Look at people and change them. Works whether the gateway runs or not.

    \b
    Example:
      finger-gateway people add alice --name "Alice Adams" --office B12
      finger-gateway people set alice visibility.office everyone
    """


@people.command("list")
@configured
@click.option("--json", "as_json", is_flag=True, help="Person documents, as export gives them.")
def list_(as_json: bool) -> None:
    """All people, hidden ones too.

    \b
    Example:
      finger-gateway people list
    """
    everyone = with_directory(_everyone)
    if as_json:
        click.echo(person_json.encode([person_json.person_document(each) for each in everyone]), nl=False)
        return
    for each in everyone:
        hidden = person_json.person_document(each)["hidden"]
        notes = " (hidden)" if hidden else "" if each.listed else " (not listed)"
        click.echo(f"{each.login:<20} {sanitize(each.name)}{notes}")


@people.command()
@configured
@click.argument("login", type=utf8)
@click.option("--json", "as_json", is_flag=True, help="The person document.")
@click.option("--as", "as_", type=AS, default="administrator", help="As one of these sees it.")
@click.option("--history", is_flag=True, help="Earlier plans, the newest first.")
def show(login: str, as_json: bool, as_: Any, history: bool) -> None:
    """One person: all that is kept, or what others see.

    \b
    Example:
      finger-gateway people show alice --as everyone
    """

    async def work(session: Session) -> str:
        viewers = Viewers(session.settings.site.members, session.settings.site.administrators)
        viewer = await viewers.from_evidence(LocalCommand(login, as_))
        answer = await session.directory.lookup(login, viewer)
        if not isinstance(answer, Found):
            raise failed(answer, login)
        profile = answer.profile
        if history:
            kept = await session.directory.history(profile.login, viewer)
            if not isinstance(kept, History):
                raise failed(kept, login)
            return "\n".join(f"{entry.at:%Y-%m-%d %H:%M:%S} UTC\n{sanitize(entry.text)}" for entry in kept.entries)
        if as_json:
            return person_json.encode(person_json.person_document(profile)).decode().removesuffix("\n")
        renderer = make_renderer(session.settings, session.folder)
        return renderer.profile(profile, "finger/long.txt").removesuffix("\n") + _levels(profile)

    click.echo(with_directory(work))


def _levels(profile: Profile) -> str:
    if not profile.visibility:
        return ""
    return "".join(f"\nVisible to {level.name.lower()}: {name}" for name, level in sorted(profile.visibility.items()))


@people.command()
@configured
@click.argument("login", type=utf8)
@click.option("--hidden", is_flag=True, help="Nobody else learns that there is such a person.")
def add(login: str, hidden: bool, **values: str | None) -> None:
    """A new person. Each field that is text has an option.

    \b
    Example:
      finger-gateway people add alice --name "Alice Adams" --title Keeper
    """
    given = {name: value for name, value in values.items() if value is not None}
    visibility = {"name": Visibility.NOBODY} if hidden else {}

    async def work(session: Session) -> None:
        saved(await session.directory.save([Create(login, given, visibility)], session.administrator), login)

    with_directory(work)
    click.echo(messages.added(login), err=True)


for _field in FIELDS.values():
    if _field.shape in ("line", "lines"):
        add.params.append(click.Option(["--" + _field.name.replace("_", "-"), _field.name], type=utf8, metavar="TEXT"))


@people.command("set")
@configured
@click.argument("login", type=utf8)
@click.argument("field", type=utf8)
@click.argument("value", type=utf8)
def set_(login: str, field: str, value: str) -> None:
    """Change one field; an empty VALUE empties it.

    FIELD is a field's name, visibility.FIELD (everyone, members, nobody, or empty to take the choice back), listed or
    hidden (yes, no). aliases and former take names with blanks between; links, keys, status and irc take JSON.

    \b
    Example:
      finger-gateway people set alice status '{"text": "at the kettle"}'
    """
    edit = edit_of(login, field, value)

    async def work(session: Session) -> bool:
        before = await session.profile(login)
        done = saved(await session.directory.edit(before.login, edit, session.administrator), login)
        return done.version != before.version

    changed = with_directory(work)
    click.echo(messages.changed(login, field) if changed else messages.NOTHING_CHANGED, err=True)


def edit_of(login: str, field: str, value: str) -> Modify:
    try:
        if field == "listed":
            return Modify(login, listed=_yes_or_no(field, value))
        if field == "hidden":
            hidden = _yes_or_no(field, value)
            return Modify(login, visibility={"name": Visibility.NOBODY if hidden else None})
        if field.startswith("visibility."):
            level = Visibility[value.upper()] if value else None
            return Modify(login, visibility={field.removeprefix("visibility."): level})
        if field not in STORED:
            near = difflib.get_close_matches(field, [*STORED, "listed", "hidden"], 1, 0.5)
            allowed = ", ".join([*STORED, "listed", "hidden", "visibility.FIELD"])
            raise Failed(messages.unknown_field(field, near[0] if near else "", allowed), 2)
        return Modify(login, {field: _read(field, value)})
    except KeyError:
        raise Failed(f"{field}: found {value!r}; allowed: everyone, members, nobody", 2) from None
    except BadDocument as error:
        raise Failed(str(error), 2) from None


def _yes_or_no(field: str, value: str) -> bool:
    if value.lower() not in WORDS:
        raise Failed(f"{field}: found {value!r}; allowed: yes, no", 2)
    return WORDS[value.lower()]


def _read(field: str, value: str) -> Any:
    shape = FIELDS[field].shape
    if shape in ("line", "lines"):
        return value
    if not value:
        return empty_value(field)
    if shape == "names":
        return tuple(value.replace(",", " ").split())
    if shape == "status" and not value.startswith("{"):
        return value
    try:
        return person_json.value(field, msgspec.json.decode(value))
    except msgspec.DecodeError as error:
        raise BadDocument(f"{field}: found {value!r} ({error}); allowed: JSON") from None


@people.command()
@configured
@click.argument("login", type=utf8)
@click.argument("new", type=utf8)
def rename(login: str, new: str) -> None:
    """Give a person another login. The old one still finds them, as an alias does, and is nobody else's.

    \b
    Example:
      finger-gateway people rename alice alicia
    """

    async def work(session: Session) -> tuple[str, str, bool]:
        before = await session.profile(login)
        done = saved(
            await session.directory.edit(before.login, Rename(before.login, new), session.administrator), login
        )
        return before.login, (await session.profile(new)).login, done.version != before.version

    old, now, changed = with_directory(work)
    click.echo(messages.renamed(old, now) if changed else messages.NOTHING_CHANGED, err=True)


@people.command()
@configured
@click.argument("login", type=utf8)
def remove(login: str) -> None:
    """Take a person out, with all earlier plans.

    \b
    Example:
      finger-gateway people remove alice
    """

    async def work(session: Session) -> None:
        saved(await session.directory.edit(login, Remove(login), session.administrator), login)

    with_directory(work)
    click.echo(messages.removed(login), err=True)


people.add_command(import_)


@people.command()
@configured
@click.argument("login", type=utf8, required=False)
def export(login: str | None) -> None:
    """Person documents as JSON on standard output, of all or of LOGIN.

    \b
    Example:
      finger-gateway people export > people.json
    """

    async def work(session: Session) -> bytes:
        if login is not None:
            return person_json.encode(person_json.person_document(await session.profile(login)))
        return person_json.encode([person_json.person_document(each) for each in await _everyone(session)])

    click.echo(with_directory(work), nl=False)


async def _everyone(session: Session) -> list[Profile]:
    found: list[Profile] = []
    page = Page(limit=500)
    while True:
        listing = await session.directory.list_people("", session.administrator, page)
        if not isinstance(listing, Listing):
            raise failed(listing, "")
        found += listing.profiles
        if listing.after is None:
            return found
        page = Page(listing.after, 500)
