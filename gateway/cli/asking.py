"""finger-gateway ask: a finger client that prints nothing unsafe. No directory of ours is asked."""

import click
from twisted.internet.defer import TimeoutError
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.python.failure import Failure

from ..text.clean import clean
from . import messages
from .common import Failed, to_end, utf8

PORT = 79


@click.command()
@click.argument("who", type=utf8, metavar="NAME[@HOST[:PORT]]")
@click.option("-l", "verbose", is_flag=True, help="All that the server tells (sends /W).")
@click.option("--timeout", type=click.FloatRange(min=0.1), default=10.0, show_default=True, help="Seconds to wait.")
def ask(who: str, verbose: bool, timeout: float) -> None:
    """Ask a finger server, here or elsewhere. Without a name (@HOST): who is there?

    \b
    Example:
      finger-gateway ask alice@localhost:1079
    """
    name, _, place = who.rpartition("@") if "@" in who else (who, "", "")
    host, port = _place(place or "localhost")
    line = " ".join(part for part in ("/W" if verbose else "", name) if part)
    if any(character in line for character in "\r\n"):
        raise click.UsageError("found several lines; allowed: a name on one line")
    click.echo(clean(_asked(host, port, line, timeout)), nl=False)


def _asked(host: str, port: int, line: str, timeout: float) -> bytes:
    from twisted.internet import reactor

    from ..outgoing import finger

    try:
        return to_end(finger.ask(reactor, host, port, line, timeout))
    except TimeoutError:
        why = messages.NO_ANSWER
    except (ConnectError, DNSLookupError) as error:
        why = Failure(error).getErrorMessage()
    raise Failed(messages.not_reached(host, port, why), 69)


def _place(place: str) -> tuple[str, int]:
    host, port = place, ""
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        port = rest.removeprefix(":")
    elif place.count(":") == 1:
        host, _, port = place.partition(":")
    if port and not (port.isdecimal() and 0 < int(port) < 65536):
        raise click.UsageError(f"found port {port!r}; allowed: a number from 1 to 65535")
    return host, int(port or PORT)
