"""What finger says that is not in a template. Scanners and clients look for some of these words."""

TOO_LONG = "Query too long."
TIMEOUT = "Input timeout."
DENIED = "Finger forwarding service denied"
NO_LIST = "Finger online user list denied"
NOBODY_ON = "No one is logged on."
NOBODY_LISTED = "No one is listed here."
UNAVAILABLE = "The directory cannot answer just now, try again later."
CROWDED = "Too many connections, try again later."
STOPPING = "The server is stopping, try again later."
MORE = "…"

# Over the columns of a list.
HEADINGS = {
    "login": "Login", "name": "Name", "terminal": "TTY", "idle": "Idle", "origin": "From", "office": "Office",
    "office_phone": "Phone", "title": "Job",
}  # fmt: skip


def no_such_user(name: str) -> str:
    return f"{name}: no such user."


def ambiguous(name: str) -> str:
    return f"{name}: more than one person goes by that name; ask by the login."


def idle(minutes: int) -> str:
    """How long, as it stands in a column."""
    hours, rest = divmod(minutes, 60)
    days = hours // 24
    return f"{days}d" if days else f"{hours}h{rest:02}m" if hours else f"{rest}m"


def too_often(seconds: float) -> str:
    whole = max(1, round(seconds + 0.5))
    return f"Too many queries, try again in {whole} second{'' if whole == 1 else 's'}."


def internal(reference: str) -> str:
    return f"Internal error in server, reference {reference}."
