"""The target of a request and its Host header: parsed and checked before anything is routed. No I/O."""

import re
from collections.abc import Callable, Sequence
from urllib.parse import unquote_to_bytes

_ABSOLUTE = re.compile(r"https?://([^/?]*)(/[^?]*)?(?:\?.*)?", re.I)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{0,5})?")
# The characters of a path (RFC 3986 section 3.3), still encoded: every "%" has two digits behind it.
_PATH = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")
_ENCODED_SLASH = re.compile(r"%(?:2f|5c)", re.I)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


class HttpRequestError(Exception):
    """A request that is refused with the status *code*."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def parse_target(uri: str, hosts: Sequence[str], version: str, is_ours: Callable[[str], bool]) -> str:
    """Return the path of *uri*, still encoded; "*" means the server as a whole.

    *uri* may be in absolute form (RFC 9112 section 3.2). *hosts* are all Host headers. Raises HttpRequestError: 400, or 421
    for a host for which *is_ours* is false.
    """
    if len(hosts) > 1 or (not hosts and version != "HTTP/1.0"):
        raise HttpRequestError(400)
    if not all(map(_HOST.fullmatch, hosts)):
        raise HttpRequestError(400)
    authority = hosts[0] if hosts else None
    path = uri.partition("?")[0]
    if not uri.startswith("/") and uri != "*":
        absolute = _ABSOLUTE.fullmatch(uri)
        if absolute is None:
            raise HttpRequestError(400)
        authority, path = absolute[1], absolute[2] or "/"
    if authority is not None:
        match = _HOST.fullmatch(authority)
        if match is None:
            raise HttpRequestError(400)
        if not is_ours(match[1]):
            raise HttpRequestError(421)
    return path


def split_path(path: str) -> list[bytes]:
    """Return the decoded segments of an encoded *path*.

    They are UTF-8 without control characters. Raises HttpRequestError, for an encoded slash or backslash too.
    """
    if path.startswith("//"):
        raise HttpRequestError(404)  # werkzeug would merge the slashes
    if not _PATH.fullmatch(path) or _ENCODED_SLASH.search(path):
        raise HttpRequestError(400)
    parts = [unquote_to_bytes(part) for part in path[1:].split("/")]
    try:
        if any(_CONTROL.search(part.decode()) for part in parts):
            raise HttpRequestError(400)
    except UnicodeDecodeError:
        raise HttpRequestError(400) from None
    return parts
