"""Texts of finger that are in no template. Limits, timeouts and the stop have theirs in one_line_server.py.

Scanners and clients look for some of these words.
"""

from ..directory.fields import FIELDS

DENIED = "Finger forwarding service denied"
NO_LIST = "Finger online user list denied"
NOBODY_ONLINE = "No one is logged on."
NOBODY_LISTED = "No one is listed here."
UNAVAILABLE = "The directory is unavailable, try again later."
AND_MORE = "…"

# Headings of the columns of a list: the labels of the fields, but for two that would be too wide.
HEADINGS = {"login": "Login", "terminal": "TTY", "office_phone": "Phone"} | {
    name: FIELDS[name].label for name in ("name", "idle", "origin", "office", "title")
}


def not_a_web_server(url: str) -> str:
    """Return the answer to an HTTP request."""
    return f"This is a finger server; web: {url}"


def no_such_user(name: str) -> str:
    return f"{name}: no such user."


def ambiguous(name: str) -> str:
    return f"{name}: more than one person has that name; ask by login."


def idle(minutes: int) -> str:
    """Format an idle time for a column."""
    hours, rest = divmod(minutes, 60)
    days = hours // 24
    return f"{days}d" if days else f"{hours}h{rest:02}m" if hours else f"{rest}m"


# Forwarding. *host* is the host that was asked, as typed, escaped.

TOO_MANY_FORWARDED = "Too many queries are being passed on, try again later."


def too_many_hosts(most: int) -> str:
    return f"{DENIED}: a query may name {most} host{'' if most == 1 else 's'}."


def is_this_server(host: str) -> str:
    return f"{DENIED}: {host} is this server."


def not_public(host: str) -> str:
    return f"{DENIED}: {host} has no public address."


def no_such_host(host: str) -> str:
    return f"{host}: no such host."


def unreachable(host: str) -> str:
    return f"{host}: cannot be reached."


def no_answer(host: str) -> str:
    return f"{host}: no answer in time."


def empty_answer(host: str) -> str:
    return f"{host}: sent an empty answer."


def truncated(host: str) -> str:
    return f"[cut off here: {host} sent too much]"


def incomplete(host: str) -> str:
    return f"[incomplete: {host} closed the connection]"
