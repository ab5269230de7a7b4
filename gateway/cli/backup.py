"""finger-gateway backup, restore: the whole database as a file, and such a file in its place. Neither asks the gateway,
which may run or not."""

from pathlib import Path

import click

from ..settings import database_file, load_settings
from ..store import backups
from . import messages
from .common import become_owner, configured, settings_file

FILE = click.Path(path_type=Path)


@click.command(short_help="Write all people into one file.")
@configured
@click.argument("file", type=FILE)
@click.option("--force", is_flag=True, help="Replace FILE where it is there already.")
def backup(file: Path, force: bool) -> None:
    """Write all that is kept, as it is at one moment, into FILE, which only you can read. The gateway may run meanwhile.

    \b
    Example:
      finger-gateway backup /var/backups/people-monday.db
    """
    path = _database()
    become_owner(path)
    click.echo(messages.backed_up(backups.backup(path, file, force), str(file)), err=True)


@click.command(short_help="Put a backup in the place of the database.")
@configured
@click.argument("file", type=FILE)
def restore(file: Path) -> None:
    """Put FILE, which backup wrote, in the place of the database, also of one that is damaged or gone. A gateway that runs
    goes over to it at once. The replaced one is kept beside it.

    \b
    Example:
      finger-gateway restore /var/backups/people-monday.db
    """
    path = _database()
    with backups.opened(file) as opened:
        become_owner(path if path.exists() else path.parent)
        people, kept = backups.restore(opened, file, path)
    click.echo(messages.restored(people, str(path), str(kept) if kept else ""), err=True)


def _database() -> Path:
    settings = settings_file()
    return database_file(load_settings(settings), settings.parent)
