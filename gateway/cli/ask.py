"""finger-gateway ask: a finger client that prints nothing unsafe. No directory of ours is asked."""

import os
import sys

import click
from twisted.internet.defer import TimeoutError

from ..net.name_lookups import look_up_aside
from ..outbound.finger_client import MAX_ANSWER_BYTES, ConnectionBroken
from ..outbound.finger_client import query_server as ask_server
from ..outbound.safe_dialer import CannotDial, HostResolver, NoSuchHost, SafeDialer, Unreachable, allow_any_address
from . import messages
from .common import Failed, Interrupted, run_until_complete, utf8
from .finger_address import BadAddress, Question, question
from .terminal import Terminal, encoding_of_the_locale

SITE_DEFAULT = "FINGER_GATEWAY_ASK"
PASS = ("control", "eight-bit")


@click.command()
@click.argument("who", type=utf8, metavar="NAME[@HOST[:PORT]]")
@click.option("-l", "verbose", is_flag=True, help="All that the server tells (sends /W).")
@click.option("--control/--no-control", default=None, help="Let octets below 32 pass as they come.")
@click.option("--eight-bit/--no-eight-bit", default=None, help="Let octets above 126 pass as they come.")
@click.option("--timeout", type=click.FloatRange(min=0.1), default=10.0, show_default=True, help="Seconds to wait.")
def ask(who: str, verbose: bool, control: bool | None, eight_bit: bool | None, timeout: float) -> None:
    """Ask a finger server, here or elsewhere. Without a name (@HOST): who is there? finger://HOST/NAME does, too.

    What could harm a terminal is left out of the answer, and letters are those of the locale. The environment's
    FINGER_GATEWAY_ASK may hold "control", "eight-bit" or both, for those who want the options always.

    \b
    Example:
      finger-gateway ask alice@localhost:1079
      finger-gateway ask finger://localhost:1079/alice
    """
    try:
        asked = question(who, verbose)
    except BadAddress as bad:
        raise click.UsageError(str(bad)) from None
    always = _always()
    terminal = Terminal(
        _write,
        "control" in always if control is None else control,
        "eight-bit" in always if eight_bit is None else eight_bit,
        encoding_of_the_locale(),
    )
    _printed(asked, terminal, timeout)


def _always() -> set[str]:
    words = set(os.environ.get(SITE_DEFAULT, "").replace(",", " ").split())
    if unknown := words.difference(PASS):
        raise click.UsageError(f"${SITE_DEFAULT}: found {min(unknown)!r}; allowed: {', '.join(PASS)}")
    return words


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _printed(asked: Question, terminal: Terminal, timeout: float) -> None:
    from twisted.internet import reactor

    look_up_aside(reactor)
    endpoint = SafeDialer(reactor, HostResolver(reactor), asked.host, asked.port, timeout, allow_any_address)
    begun = False

    def take(data: bytes) -> None:
        nonlocal begun
        begun = True
        terminal.feed(data)

    try:
        whole = run_until_complete(ask_server(reactor, endpoint, asked.line, take, timeout))
    except Interrupted:
        raise click.Abort from None
    except (CannotDial, TimeoutError, ConnectionBroken) as error:
        terminal.end()
        if begun:
            raise Failed(messages.not_all(asked.host, asked.port), 69) from None
        raise Failed(messages.not_reached(asked.host, asked.port, _why(error)), 69) from None
    terminal.end()
    if not whole:
        raise Failed(messages.too_much(asked.host, asked.port, MAX_ANSWER_BYTES), 69)


def _why(error: Exception) -> str:
    if isinstance(error, Unreachable):
        return error.why
    return messages.NO_SUCH_HOST if isinstance(error, NoSuchHost) else messages.NO_ANSWER
