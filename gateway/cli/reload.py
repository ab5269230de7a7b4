"""finger-gateway reload: tells the gateway that runs to read its settings anew."""

import tomllib
from pathlib import Path

import click

from ..config.loader import BadSettings
from ..ops import control
from ..settings import ControlSettings, control_socket, load_settings
from . import messages
from .common import Failed, configured, settings_file

PATIENCE = 60.0  # seconds


@click.command(short_help="The gateway that runs reads its settings anew.")
@configured
def reload() -> None:
    """The gateway that runs reads its settings anew, and closes no socket. Exit 0, 2 and every mistake (then nothing has
    changed), or 69 where no gateway runs. SIGHUP does the same.

    \b
    Example:
      finger-gateway reload -c /etc/finger-gateway/gateway.toml
    """
    file = settings_file()
    path = _socket(file)
    try:
        answer = control.send_verb(path, "reload", PATIENCE)
    except (FileNotFoundError, ConnectionRefusedError):
        raise Failed(messages.not_running(str(file), str(path)), 69) from None
    except (control.ControlRefused, OSError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise Failed(messages.not_asked(str(path), why), 69) from None
    if "mistakes" in answer:
        raise Failed("\n".join((*answer["mistakes"], messages.NOT_RELOADED)), 2)
    click.echo(messages.reloaded(str(file), answer["changed"], answer["restart"]))


def _socket(file: Path) -> Path:
    """Where the gateway of *file* is to be asked: also where there are mistakes in the file, which it will tell."""
    try:
        return control_socket(load_settings(file), file.parent)
    except BadSettings:
        pass
    try:
        named = tomllib.loads(file.read_text())["control"]["socket"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        named = None
    return file.parent / (named if isinstance(named, str) and "\0" not in named else ControlSettings().socket)
