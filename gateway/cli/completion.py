"""finger-gateway completion: shell completion by click."""

import click
from click.shell_completion import get_completion_class


@click.command(short_help="Print a completion script for a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes commands, options and file names in SHELL. Logins are not completed.

    \b
    Example:
      finger-gateway completion bash > /etc/bash_completion.d/finger-gateway
    """
    root = click.get_current_context().find_root()
    script_class = get_completion_class(shell)
    assert script_class is not None  # click has one for each choice above
    script = script_class(root.command, {}, "finger-gateway", "_FINGER_GATEWAY_COMPLETE")
    click.echo(script.source())
