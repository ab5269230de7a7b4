"""finger-gateway reload: make the running gateway read its settings again."""

import tomllib
from pathlib import Path

import click

from ..config.problems import BadSettings
from ..ops import control
from ..settings import ControlSettings, control_socket, load_settings
from . import messages
from .common import CommandFailed, config_option, settings_file

RELOAD_TIMEOUT = 60.0  # seconds


@click.command(short_help="Make the running gateway re-read its settings.")
@config_option
def reload() -> None:
    """Make the running gateway re-read gateway.toml.

    No socket is closed. If there are errors, the old settings stay in force.
    Exit status: 0 if there are no errors; 2 with every error printed; 69 if no gateway runs. SIGHUP does the same.

    \b
    Example:
      finger-gateway reload -c /etc/finger-gateway/gateway.toml
    """
    file = settings_file()
    path = _control_socket(file)
    try:
        answer = control.send_verb(path, "reload", RELOAD_TIMEOUT)
    except (FileNotFoundError, ConnectionRefusedError):
        raise CommandFailed(messages.not_running(str(file), str(path)), 69) from None
    except (control.ControlRefused, OSError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise CommandFailed(messages.control_failed(str(path), why), 69) from None
    if "errors" in answer:
        raise CommandFailed("\n".join((*answer["errors"], messages.NOT_RELOADED)), 2)
    click.echo(messages.reloaded(str(file), answer["changed"], answer["restart"]))


def _control_socket(file: Path) -> Path:
    """Return the socket of the gateway of *file*, even if there are errors in the file, which the gateway will report."""
    try:
        return control_socket(load_settings(file), file.parent)
    except BadSettings:
        pass
    try:
        named = tomllib.loads(file.read_text())["control"]["socket"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        named = None
    return file.parent / (named if isinstance(named, str) and "\0" not in named else ControlSettings().socket)
