"""finger-gateway people: the administrator's commands, through the same directory as every protocol."""

from typing import Any

import click
import msgspec

from ..builders import make_renderer
from ..directory.fields import FIELDS, STORED, empty_value
from ..directory.interfaces import Create, Modify, Remove, Rename
from ..directory.person import Visibility
from ..directory.privacy import Profile
from ..directory.results import Found, History, Listing, Page
from ..directory.viewers import LocalCommand, Viewers
from ..formats import person_json
from ..formats.person_json import BadDocument
from ..text.sanitize import sanitize
from . import messages
from .common import CommandFailed, DirectorySession, config_option, failure_for, require_saved, utf8, with_directory
from .import_people import import_

VIEWER_CHOICE = click.Choice(["administrator", "self", "members", "everyone"])
YES_NO = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}


@click.group()
@config_option
def people() -> None:
    """Show and change people. Works whether the gateway runs or not.

    \b
    Example:
      finger-gateway people add alice --name "Alice Adams" --office B12
      finger-gateway people set alice visibility.office everyone
    """


@people.command("list")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print person documents, as export does.")
def list_(as_json: bool) -> None:
    """List all people, including hidden ones.

    \b
    Example:
      finger-gateway people list
    """
    everyone = with_directory(_list_everyone)
    if as_json:
        click.echo(person_json.encode_json([person_json.make_person_document(each) for each in everyone]), nl=False)
        return
    for each in everyone:
        hidden = person_json.make_person_document(each)["hidden"]
        notes = " (hidden)" if hidden else "" if each.listed else " (not listed)"
        click.echo(f"{each.login:<20} {sanitize(each.name)}{notes}")


@people.command()
@config_option
@click.argument("login", type=utf8)
@click.option("--json", "as_json", is_flag=True, help="Print the person document.")
@click.option("--as", "as_", type=VIEWER_CHOICE, default="administrator", help="Show what such a viewer sees.")
@click.option("--history", is_flag=True, help="Show earlier plans, the newest first.")
def show(login: str, as_json: bool, as_: Any, history: bool) -> None:
    """Show one person: everything that is stored, or what others see.

    \b
    Example:
      finger-gateway people show alice --as everyone
    """

    async def work(session: DirectorySession) -> str:
        viewers = Viewers(session.settings.site.members, session.settings.site.administrators)
        viewer = await viewers.from_evidence(LocalCommand(login, as_))
        answer = await session.directory.lookup(login, viewer)
        if not isinstance(answer, Found):
            raise failure_for(answer, login)
        profile = answer.profile
        if history:
            kept = await session.directory.history(profile.login, viewer)
            if not isinstance(kept, History):
                raise failure_for(kept, login)
            return "\n".join(f"{entry.at:%Y-%m-%d %H:%M:%S} UTC\n{sanitize(entry.text)}" for entry in kept.entries)
        if as_json:
            return person_json.encode_json(person_json.make_person_document(profile)).decode().removesuffix("\n")
        renderer = make_renderer(session.settings, session.folder)
        return renderer.render_profile(profile, "finger/long.txt").removesuffix("\n") + _visibility_lines(profile)

    click.echo(with_directory(work))


def _visibility_lines(profile: Profile) -> str:
    if not profile.visibility:
        return ""
    return "".join(f"\nVisible to {level.name.lower()}: {name}" for name, level in sorted(profile.visibility.items()))


@people.command()
@config_option
@click.argument("login", type=utf8)
@click.option("--hidden", is_flag=True, help="Hide the person from everybody else.")
def add(login: str, hidden: bool, **values: str | None) -> None:
    """Add a person. Each text field has an option.

    \b
    Example:
      finger-gateway people add alice --name "Alice Adams" --title Keeper
    """
    given = {name: value for name, value in values.items() if value is not None}
    visibility = {"name": Visibility.NOBODY} if hidden else {}

    async def work(session: DirectorySession) -> None:
        require_saved(await session.directory.save([Create(login, given, visibility)], session.administrator), login)

    with_directory(work)
    click.echo(messages.added(login), err=True)


for _field in FIELDS.values():
    if _field.shape in ("line", "lines"):
        add.params.append(
            click.Option(
                ["--" + _field.name.replace("_", "-"), _field.name], type=utf8, metavar="TEXT", help=f"{_field.label}."
            )
        )


@people.command("set")
@config_option
@click.argument("login", type=utf8)
@click.argument("field", type=utf8)
@click.argument("value", type=utf8)
def set_(login: str, field: str, value: str) -> None:
    """Change one field; an empty VALUE clears it.

    FIELD is a field's name; visibility.FIELD (everyone, members, nobody, or empty for the default); listed or hidden
    (yes, no). aliases and former take names separated by spaces; links, keys and irc take JSON, status text or JSON.

    \b
    Example:
      finger-gateway people set alice status '{"text": "at the kettle"}'
    """
    edit = parse_edit(login, field, value)

    async def work(session: DirectorySession) -> bool:
        before = await session.profile(login)
        done = require_saved(await session.directory.edit(before.login, edit, session.administrator), login)
        return done.version != before.version

    changed = with_directory(work)
    click.echo(messages.changed(login, field) if changed else messages.NOTHING_CHANGED, err=True)


def parse_edit(login: str, field: str, value: str) -> Modify:
    """Return the edit for `set LOGIN FIELD VALUE`. Raises CommandFailed."""
    try:
        if field == "listed":
            return Modify(login, listed=_parse_yes_no(field, value))
        if field == "hidden":
            hidden = _parse_yes_no(field, value)
            return Modify(login, visibility={"name": Visibility.NOBODY if hidden else None})
        if field.startswith("visibility."):
            level = Visibility[value.upper()] if value else None
            return Modify(login, visibility={field.removeprefix("visibility."): level})
        if field not in STORED:
            known = (*STORED, "listed", "hidden", "visibility.FIELD")
            raise CommandFailed(messages.unknown_field(field, known), 2)
        return Modify(login, {field: _parse_value(field, value)})
    except KeyError:
        raise CommandFailed(messages.bad_value(field, value, "everyone, members or nobody"), 2) from None
    except BadDocument as error:
        raise CommandFailed(str(error), 2) from None


def _parse_yes_no(field: str, value: str) -> bool:
    if value.lower() not in YES_NO:
        raise CommandFailed(messages.bad_value(field, value, "yes or no"), 2)
    return YES_NO[value.lower()]


_JSON_EXAMPLES = {
    "links": '[{"url": "https://example.org/"}]',
    "keys": '[{"kind": "ssh", "text": "ssh-ed25519 AAAA..."}]',
    "status": '{"text": "at the kettle"}',
    "accounts": '[{"network": "libera", "account": "alice"}]',
}


def _parse_value(field: str, value: str) -> Any:
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
        return person_json.parse_value(field, msgspec.json.decode(value))
    except msgspec.DecodeError as error:
        raise BadDocument(
            f"{field}: found {value!r} ({error}); must be JSON, e.g. {_JSON_EXAMPLES[FIELDS[field].shape]}"
        ) from None


@people.command()
@config_option
@click.argument("login", type=utf8)
@click.argument("new", type=utf8)
def rename(login: str, new: str) -> None:
    """Change a login. Lookups of the old one still work, and nobody else can take it.

    \b
    Example:
      finger-gateway people rename alice alicia
    """

    async def work(session: DirectorySession) -> tuple[str, str, bool]:
        before = await session.profile(login)
        done = require_saved(
            await session.directory.edit(before.login, Rename(before.login, new), session.administrator), login
        )
        return before.login, (await session.profile(new)).login, done.version != before.version

    old, now, changed = with_directory(work)
    click.echo(messages.renamed(old, now) if changed else messages.NOTHING_CHANGED, err=True)


@people.command()
@config_option
@click.argument("login", type=utf8)
def remove(login: str) -> None:
    """Remove a person, with all earlier plans.

    \b
    Example:
      finger-gateway people remove alice
    """

    async def work(session: DirectorySession) -> None:
        require_saved(await session.directory.edit(login, Remove(login), session.administrator), login)

    with_directory(work)
    click.echo(messages.removed(login), err=True)


people.add_command(import_)


@people.command()
@config_option
@click.argument("login", type=utf8, required=False)
def export(login: str | None) -> None:
    """Print the person documents of everybody, or of LOGIN only.

    \b
    Example:
      finger-gateway people export > people.json
    """

    async def work(session: DirectorySession) -> bytes:
        if login is not None:
            return person_json.encode_json(person_json.make_person_document(await session.profile(login)))
        return person_json.encode_json(
            [person_json.make_person_document(each) for each in await _list_everyone(session)]
        )

    click.echo(with_directory(work), nl=False)


async def _list_everyone(session: DirectorySession) -> list[Profile]:
    found: list[Profile] = []
    page = Page(limit=500)
    while True:
        listing = await session.directory.list_people("", session.administrator, page)
        if not isinstance(listing, Listing):
            raise failure_for(listing, "")
        found += listing.profiles
        if listing.after is None:
            return found
        page = Page(listing.after, 500)
