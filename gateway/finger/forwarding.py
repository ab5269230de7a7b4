"""Forward a query to another host (RFC 1288 section 2.4, {Q2}): which hosts are asked, and what the client sees.

What is not allowed is refused before any name is looked up. The outgoing line is built from the parsed query, so that
nothing a client typed reaches another server as an option or a second line. Answers are not cached.
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

MAX_ANSWER_BYTES = 256 * 1024  # of a forwarded answer
_OPTION = re.compile(r"(?:^|[ ,])[-/]")


async def forward(
    query: ForwardQuery, write: Callable[[str], None], settings: FingerSettings, deps: ProtocolDependencies
) -> tuple[str, Outcome]:
    """Ask the right-most host of *query*, and pass its sanitized answer to *write* as it arrives.

    Lines end with LF. Returns what to say at the end of it, and the outcome.
    """
    shown = escape_controls(query.hosts[-1])
    hosts = [canonical_host(host) for host in query.hosts]
    host, line = hosts[-1], forwarded_line(query)
    if host is None or None in hosts or line is None or host not in HostPatterns(settings.forward_to):
        return messages.DENIED, "refused"
    if len(hosts) > settings.max_hops:
        return messages.too_many_hosts(settings.max_hops), "refused"
    if any(each in deps.site.hosts for each in (*query.hosts, *hosts)):
        return messages.is_this_server(shown), "refused"
    try:
        with deps.outbound.reserve_slot(host):
            return await _relay(line, host, shown, write, settings, deps)
    except TooManyConnections:
        return messages.TOO_MANY_FORWARDED, "limited"


def forwarded_line(query: ForwardQuery) -> str | None:
    """Return the line for the right-most host: the query without that host.

    None for a line that no server should get: with controls, or with words that look like options.
    """
    who = "@".join((query.name, *query.hosts[:-1]))
    if not who.isprintable() or "\ufffd" in who or _OPTION.search(who):
        return None
    return " ".join(part for part in ("/W" if query.verbose else "", who) if part)


async def _relay(
    line: str,
    host: str,
    shown: str,
    write: Callable[[str], None],
    settings: FingerSettings,
    deps: ProtocolDependencies,
) -> tuple[str, Outcome]:
    arriving = IncrementalSanitizer(_make_sanitizer(settings))
    passed = False

    def say(text: str) -> None:
        nonlocal passed
        if text:
            passed = True
            write(text)

    endpoint = deps.outbound.endpoint(host, deps.outbound.finger_port, deps.timeout)
    last: tuple[str, Outcome] = "", "served"
    try:
        if not await query_server(
            deps.reactor, endpoint, line, lambda data: say(arriving.feed(data)), deps.timeout, MAX_ANSWER_BYTES
        ):
            last = messages.truncated(shown), "served"
    except CannotDial as error:
        return _describe_failure(error, shown)
    except (TimeoutError, ConnectionBroken) as error:
        outcome: Outcome = "timeout" if isinstance(error, TimeoutError) else "unavailable"
        last = messages.incomplete(shown), outcome
    say(arriving.end())
    if not passed and last[1] != "unavailable":
        return (messages.no_answer(shown) if last[1] == "timeout" else messages.empty_answer(shown)), last[1]
    return last


def _make_sanitizer(settings: FingerSettings) -> Callable[[bytes], str]:
    """Return the sanitizer for a line, by the settings for people's texts."""
    kept = sanitize_keeping_colour if settings.ansi == "sgr" else sanitize
    return (lambda line: to_ascii(kept(line))) if settings.charset == "ascii" else kept


def _describe_failure(error: CannotDial, shown: str) -> tuple[str, Outcome]:
    if isinstance(error, NotPublic):
        return messages.not_public(shown), "refused"
    if isinstance(error, IsThisServer):
        return messages.is_this_server(shown), "refused"
    if isinstance(error, NoSuchHost):
        return messages.no_such_host(shown), "unavailable"
    return messages.unreachable(shown), "unavailable"
