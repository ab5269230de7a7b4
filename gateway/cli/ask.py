"""finger-gateway ask: a finger client that prints nothing unsafe. It does not use the directory."""

import os
import sys

import click
from twisted.internet.defer import TimeoutError

from ..net.twisted_patches import resolve_in_daemon_threads
from ..outbound.finger_client import MAX_ANSWER_BYTES, ConnectionBroken
from ..outbound.finger_client import query_server as ask_server
from ..outbound.safe_dialer import CannotDial, HostResolver, NoSuchHost, SafeDialer, Unreachable, allow_any_address
from . import messages
from .common import CommandFailed, CommandInterrupted, run_until_complete, utf8
from .finger_address import BadAddress, FingerTarget, parse_target
from .terminal import SafeTerminal, locale_encoding

OPTIONS_VARIABLE = "FINGER_GATEWAY_ASK"
PASS_THROUGH = ("control", "eight-bit")


@click.command()
@click.argument("who", type=utf8, metavar="NAME[@HOST[:PORT]]")
@click.option("-l", "verbose", is_flag=True, help="Ask for full details (sends /W).")
@click.option("--control/--no-control", default=None, help="Pass octets below 32 through unchanged.")
@click.option("--eight-bit/--no-eight-bit", default=None, help="Pass octets above 126 through unchanged.")
@click.option("--timeout", type=click.FloatRange(min=0.1), default=10.0, show_default=True, help="Seconds to wait.")
def ask(who: str, verbose: bool, control: bool | None, eight_bit: bool | None, timeout: float) -> None:
    """Ask a finger server, here or elsewhere. @HOST lists who is there. finger://HOST/NAME works, too.

    Whatever could harm a terminal is removed from the answer; the rest is shown in the locale's character set. The
    variable FINGER_GATEWAY_ASK may hold "control", "eight-bit" or both to set these options permanently.

    \b
    Example:
      finger-gateway ask alice@localhost:1079
      finger-gateway ask finger://localhost:1079/alice
    """
    try:
        target = parse_target(who, verbose)
    except BadAddress as bad:
        raise click.UsageError(str(bad)) from None
    always = _options_from_environment()
    terminal = SafeTerminal(
        _write,
        "control" in always if control is None else control,
        "eight-bit" in always if eight_bit is None else eight_bit,
        locale_encoding(),
    )
    _print_answer(target, terminal, timeout)


def _options_from_environment() -> set[str]:
    words = set(os.environ.get(OPTIONS_VARIABLE, "").replace(",", " ").split())
    if unknown := words.difference(PASS_THROUGH):
        raise click.UsageError(
            f"${OPTIONS_VARIABLE}: unknown option {min(unknown)!r}; known: {', '.join(PASS_THROUGH)}"
        )
    return words


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _print_answer(target: FingerTarget, terminal: SafeTerminal, timeout: float) -> None:
    from twisted.internet import reactor

    resolve_in_daemon_threads(reactor)
    endpoint = SafeDialer(reactor, HostResolver(reactor), target.host, target.port, timeout, allow_any_address)
    begun = False

    def take(data: bytes) -> None:
        nonlocal begun
        begun = True
        terminal.feed(data)

    try:
        whole = run_until_complete(ask_server(reactor, endpoint, target.line, take, timeout))
    except CommandInterrupted:
        raise click.Abort from None
    except (CannotDial, TimeoutError, ConnectionBroken) as error:
        terminal.end()
        if begun:
            raise CommandFailed(messages.answer_incomplete(target.host, target.port), 69) from None
        raise CommandFailed(messages.cannot_connect(target.host, target.port, _reason(error)), 69) from None
    terminal.end()
    if not whole:
        raise CommandFailed(messages.answer_too_long(target.host, target.port, MAX_ANSWER_BYTES), 69)


def _reason(error: Exception) -> str:
    if isinstance(error, Unreachable):
        return error.why
    return messages.NO_SUCH_HOST if isinstance(error, NoSuchHost) else messages.NO_ANSWER
