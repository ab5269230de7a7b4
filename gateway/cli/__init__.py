"""The finger-gateway command."""

import io
import os
import sys
from importlib import import_module

import click

from .. import __version__
from ..config.problems import BadSettings, CannotStart
from ..store.database import UnusableDatabase
from .common import CommandFailed, config_option

# The module of each command. It is imported when the command is used, so that the others start fast.
COMMANDS = {
    "demo": "run", "init": "run", "check": "run", "run": "run", "reload": "reload", "people": "people",
    "plan": "plan", "ask": "ask", "conform": "conform", "backup": "backup", "restore": "backup",
    "schema": "run", "completion": "completion",
}  # fmt: skip


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = getattr(import_module(f".{COMMANDS[cmd_name]}", __package__), cmd_name)
        return found


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@config_option
@click.version_option(__version__, prog_name="finger-gateway")
def cli() -> None:
    """A people directory that answers over finger, the web and IRC.

    \b
    Example:
      finger-gateway demo                 sample people on all three, to try out
      finger-gateway init && finger-gateway people add alice --name "Alice Adams"
      finger-gateway run
    """


def main() -> None:
    """Run the command and end the process: 0 done, 1 not found or refused, 2 usage or settings, 69 unavailable."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot encode a character
    try:
        result = cli.main(prog_name="finger-gateway", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(1)
    except BrokenPipeError:  # the reader closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (BadSettings, CannotStart, UnusableDatabase) as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    except CommandFailed as failed:
        click.echo(str(failed), err=True)
        sys.exit(failed.code)
    sys.exit(result if isinstance(result, int) else 0)
