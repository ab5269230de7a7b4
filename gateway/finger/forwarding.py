"""A question that is to be asked of somebody else (RFC 1288 section 2.4, {Q2}): whom we ask for whom, and what we say of it.

What is not allowed is refused before anything is looked up. What goes out is made anew of the parts of the query, so that
nothing a stranger typed reaches another server's options or a second line. Answers are not kept.
"""

import re
from collections.abc import Callable

from twisted.internet.defer import TimeoutError

from ..dependencies import ProtocolDependencies
from ..ops.request_tracker import Outcome
from ..outbound.finger_client import ConnectionBroken, query_server
from ..outbound.host_names import HostPatterns, canonical_host
from ..outbound.incremental_sanitizer import IncrementalSanitizer
from ..outbound.public_hosts import TooManyConnections
from ..outbound.safe_dialer import CannotDial, IsThisServer, NoSuchHost, NotPublic
from ..text.sanitize import escape_controls, sanitize, sanitize_keeping_colour, to_ascii
from . import messages
from .query import ForwardQuery
from .settings import FingerSettings

MOST = 256 * 1024  # bytes of an answer that are passed on
_OPTION = re.compile(r"(?:^|[ ,])[-/]")


async def forward(
    query: ForwardQuery, pass_on: Callable[[str], None], settings: FingerSettings, deps: ProtocolDependencies
) -> tuple[str, Outcome]:
    """Asks the right-most host of *query*. What it says is handed to *pass_on* as it comes, cleaned, lines ended by LF.
    Gives what is to be said at the end of it, and what the record says."""
    shown = escape_controls(query.hosts[-1])
    hosts = [canonical_host(host) for host in query.hosts]
    host, line = hosts[-1], passed_on(query)
    if host is None or None in hosts or line is None or host not in HostPatterns(settings.forward_to):
        return messages.DENIED, "refused"
    if len(hosts) > settings.max_hops:
        return messages.too_many_hosts(settings.max_hops), "refused"
    if any(each in deps.site.hosts for each in (*query.hosts, *hosts)):
        return messages.back_here(shown), "refused"
    try:
        with deps.outbound.reserve_slot(host):
            return await _asked(line, host, shown, pass_on, settings, deps)
    except TooManyConnections:
        return messages.PASSING_ENOUGH, "limited"


def passed_on(query: ForwardQuery) -> str | None:
    """The line that the right-most host is asked: the query without it. None where that is nothing that a server should
    be asked: controls, and words that it could take for options."""
    who = "@".join((query.name, *query.hosts[:-1]))
    if not who.isprintable() or "\ufffd" in who or _OPTION.search(who):
        return None
    return " ".join(part for part in ("/W" if query.verbose else "", who) if part)


async def _asked(
    line: str,
    host: str,
    shown: str,
    pass_on: Callable[[str], None],
    settings: FingerSettings,
    deps: ProtocolDependencies,
) -> tuple[str, Outcome]:
    arriving = IncrementalSanitizer(_cleaner(settings))
    passed = False

    def say(text: str) -> None:
        nonlocal passed
        if text:
            passed = True
            pass_on(text)

    endpoint = deps.outbound.endpoint(host, deps.outbound.finger_port, deps.timeout)
    last: tuple[str, Outcome] = "", "served"
    try:
        if not await query_server(
            deps.reactor, endpoint, line, lambda data: say(arriving.feed(data)), deps.timeout, MOST
        ):
            last = messages.cut(shown), "served"
    except CannotDial as error:
        return _not_reached(error, shown)
    except (TimeoutError, ConnectionBroken) as error:
        outcome: Outcome = "timeout" if isinstance(error, TimeoutError) else "unavailable"
        last = messages.broken_off(shown), outcome
    say(arriving.end())
    if not passed and last[1] != "unavailable":
        return (messages.silent(shown) if last[1] == "timeout" else messages.said_nothing(shown)), last[1]
    return last


def _cleaner(settings: FingerSettings) -> Callable[[bytes], str]:
    """What becomes of a line, by the settings for people's texts."""
    kept = sanitize_keeping_colour if settings.ansi == "sgr" else sanitize
    return (lambda line: to_ascii(kept(line))) if settings.charset == "ascii" else kept


def _not_reached(error: CannotDial, shown: str) -> tuple[str, Outcome]:
    if isinstance(error, NotPublic):
        return messages.not_public(shown), "refused"
    if isinstance(error, IsThisServer):
        return messages.back_here(shown), "refused"
    if isinstance(error, NoSuchHost):
        return messages.no_such_host(shown), "unavailable"
    return messages.unreachable(shown), "unavailable"
