"""What a route is, and the request that its handler gets."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, Protocol
from urllib.parse import quote

from ..dependencies import ProtocolDependencies
from ..directory.viewers import Viewer
from .assets import Assets
from .http.negotiation import Format
from .http.reply import PUBLIC, TEXT, Reply
from .replies import ReplyBuilder
from .shared_reply import SharedReply

_QUERY_CHARACTERS = "%!$&'()*+,;=:@/?-._~"  # of a query string (RFC 3986 section 3.4)


class RequestLogging(Enum):
    """What happens to the requests of a route besides answering them."""

    LIMITED = "limited"  # rate limit, time, counters, access log: the directory is asked
    LOGGED = "logged"  # counters, access log: the reply is in memory
    COUNTED = "counted"  # counters: health probes, several a minute
    ERRORS_LOGGED = "errors logged"  # as LOGGED, but only what fails: files that pages load


class QueryString(Protocol):
    """A parsed query string. *verb* and *text* are for the access log."""

    @property
    def verb(self) -> str: ...
    @property
    def text(self) -> str: ...


@dataclass(frozen=True)
class Route:
    """A path, and who answers it.

    *path* is as Klein takes it. *formats*: what the handler can answer in, the first for clients that accept anything; none
    for a redirect or a file. *audience* is "viewer" if the reply depends on who asks. *suffixes*: may the path force a
    format? *query*: the keys of the query string, parsed by *parse_query* (which raises HttpRequestError) before the
    handler is called. *document*: the type of its JSON. *verb* is the access log's. *statuses*: those that other routes do
    not have.
    """

    path: str
    handler: "Handler"
    summary: str
    formats: tuple[Format, ...] = ()
    audience: Literal["everyone", "viewer"] = "everyone"
    suffixes: bool = False
    query: tuple[str, ...] = ()
    parse_query: Callable[[str, str], QueryString] | None = None
    document: Any = None
    logging: RequestLogging = RequestLogging.LIMITED
    verb: str = "lookup"
    statuses: tuple[int, ...] = ()
    methods: tuple[str, ...] = ("GET",)  # and HEAD, which werkzeug adds

    @property
    def paths(self) -> Iterator[str]:
        """All paths that Klein has to know: a name at the end of the path takes the suffix with it."""
        yield self.path
        if self.suffixes and not self.path.endswith(">"):
            yield from (self.path + format.suffix for format in self.formats if format.suffix)

    @property
    def is_of_person(self) -> bool:
        """Whether it shows one person: the path is redirected to the canonical login."""
        return "<name>" in self.path and bool(self.formats)


@dataclass(frozen=True)
class WebState:
    """What the handlers share between requests; a reload makes another one."""

    deps: ProtocolDependencies
    replies: ReplyBuilder
    assets: Assets
    routes: tuple[Route, ...]
    shared_replies: defaultdict[Hashable, SharedReply] = field(default_factory=lambda: defaultdict(SharedReply))


@dataclass(frozen=True, slots=True)
class ViewRequest:
    """A routed request, as its handler gets it.

    *viewer* is the client, or a stranger on routes for everyone. *name* is the one in the path, "" without one; *query* is
    the parsed query string, *raw_query* the sent one. *format* is what to answer in, *forced* whether the path asked for it;
    *error_format* is for errors.
    """

    state: WebState
    route: Route
    viewer: Viewer
    path: str
    name: str
    query: Any
    raw_query: str
    format: Format
    forced: bool
    error_format: Format

    @property
    def deps(self) -> ProtocolDependencies:
        return self.state.deps

    @property
    def replies(self) -> ReplyBuilder:
        return self.state.replies

    def redirect_to(self, login: str, cache_control: str = PUBLIC) -> Reply:
        """Return a redirect to this route's path for *login*."""
        path = self.route.path.replace("<name>", quote(login, safe="")) + (self.format.suffix if self.forced else "")
        if self.route.query and self.raw_query:
            path += f"?{quote(self.raw_query, safe=_QUERY_CHARACTERS)}"
        return redirect(path, cache_control, self.format.content_type)


Handler = Callable[[ViewRequest], Awaitable[Reply]]


def redirect(location: str, cache_control: str = PUBLIC, content_type: str = TEXT) -> Reply:
    """Return a permanent redirect to *location*, a path: no Host header and no proxy can lead it elsewhere."""
    headers = (("Location", location),)
    return Reply(b"", content_type, 308, cache_control, headers=headers, cross_origin_readable=True)
