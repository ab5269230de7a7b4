"""finger-gateway plan: show a plan, replace it from a file, or edit it."""

import getpass
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from ..directory.interfaces import Modify
from ..text.decode import decode_text
from ..text.sanitize import sanitize
from . import messages
from .common import CommandFailed, DirectorySession, config_option, require_saved, utf8, with_directory


@click.command(short_help="Show or replace a plan.")
@config_option
@click.argument("login", type=utf8, required=False)
@click.argument("file", type=click.File("rb"), required=False)
def plan(login: str | None, file: Any) -> None:
    """Show a plan, or replace it with the text of FILE ("-": standard input).

    On a terminal and without FILE, $EDITOR is opened. LOGIN defaults to your user name on this machine. Lines of FILE
    that are not UTF-8 are read as Windows-1252, which includes Latin-1.

    \b
    Example:
      finger-gateway plan alice ~alice/.plan
    """
    name = login or getpass.getuser()
    if file is not None:
        text = decode_text(file.read())
        with_directory(lambda session: _save_plan(session, name, text, None))
    elif sys.stdin.isatty() and sys.stdout.isatty():
        with_directory(lambda session: _edit_plan(session, name))
    else:
        shown = sanitize(with_directory(lambda session: session.profile(name)).plan) or messages.NO_PLAN
        click.echo(shown, nl=not shown.endswith("\n"))


async def _save_plan(session: DirectorySession, login: str, text: str, base: int | None) -> None:
    edit = Modify(login, {"plan": text}, base=base)
    require_saved(await session.directory.edit(login, edit, session.administrator), login)
    click.echo(messages.changed(login, "plan"), err=True)


async def _edit_plan(session: DirectorySession, login: str) -> None:
    """Edit the plan in $EDITOR. The reactor is blocked meanwhile: this process has nothing else to do."""
    before = await session.profile(login)
    with tempfile.NamedTemporaryFile("wb", prefix=f"plan-{before.login}-", suffix=".txt", delete=False) as draft:
        draft.write(before.plan.encode())
    path = Path(draft.name)
    try:
        _run_editor(path)
        text = decode_text(path.read_bytes())
        if text == before.plan:
            click.echo(messages.NOTHING_CHANGED, err=True)
        else:
            await _save_plan(session, login, text, before.version)
    except (CommandFailed, OSError) as error:
        code = error.code if isinstance(error, CommandFailed) else 1
        raise CommandFailed(f"{error}\n{_discard_or_keep_draft(path, before.plan)}", code) from None
    path.unlink()


def _run_editor(path: Path) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        ended = subprocess.run([*shlex.split(editor), str(path)], check=False).returncode
    except (OSError, ValueError) as error:
        raise CommandFailed(messages.bad_editor(editor, str(error)), 1) from None
    if ended:
        raise CommandFailed(messages.bad_editor(editor, f"ended with {ended}"), 1)


def _discard_or_keep_draft(path: Path, before: str) -> str:
    """Remove the draft if nothing was written, else say where it is."""
    try:
        if path.read_bytes() != before.encode():
            return messages.draft_kept(str(path))
        path.unlink()
    except OSError:
        pass
    return messages.PLAN_UNCHANGED
