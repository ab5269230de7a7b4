"""finger-gateway backup and restore: copy the whole database to a file, and back. Neither needs the running gateway."""

from pathlib import Path

import click

from ..settings import database_file, load_settings
from ..store import backups
from . import messages
from .common import become_owner, config_option, settings_file

FILE_PATH = click.Path(path_type=Path)


@click.command(short_help="Save the whole database to a file.")
@config_option
@click.argument("file", type=FILE_PATH)
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
def backup(file: Path, force: bool) -> None:
    """Save everything to FILE, readable only by you. The gateway may keep running.

    \b
    Example:
      finger-gateway backup /var/backups/people-monday.db
    """
    path = _database_path()
    become_owner(path)
    click.echo(messages.backed_up(backups.backup(path, file, force), str(file)), err=True)


@click.command(short_help="Restore from a backup.")
@config_option
@click.argument("file", type=FILE_PATH)
def restore(file: Path) -> None:
    """Replace the database with FILE, which backup wrote, even if the database is damaged or gone.

    A running gateway switches to the restored data at once. The replaced database is kept beside it.

    \b
    Example:
      finger-gateway restore /var/backups/people-monday.db
    """
    path = _database_path()
    with backups.open_backup(file) as opened:
        become_owner(path if path.exists() else path.parent)
        people, kept = backups.restore(opened, file, path)
    click.echo(messages.restored(people, str(path), str(kept) if kept else ""), err=True)


def _database_path() -> Path:
    settings = settings_file()
    return database_file(load_settings(settings), settings.parent)
