"""What stands at which address: one table, which the app, the description for programs (openapi.py) and the tests read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .http.negotiation import Format

TEXT, HTML, JSON, VCARD = Format.TEXT, Format.HTML, Format.JSON, Format.VCARD
ATOM, FEED, JRD, XRD = Format.ATOM, Format.FEED, Format.JRD, Format.XRD
SVG, XML = Format.SVG, Format.XML
READ = ("GET",)  # and HEAD, which werkzeug adds


@dataclass(frozen=True)
class Route:
    """*path* as Klein takes it, answered by the App's method *handler*.

    *formats*: what it may be answered in, the first to who takes anything; none: a redirect, or a file of any kind.
    *audience*: "asker" where each gets what that one may see. *endings*: may the address force a format? *query*: the
    keys of its query string. *says*: what it is, in a line.
    """

    path: str
    handler: str
    says: str
    formats: tuple[Format, ...] = ()
    audience: Literal["everyone", "asker"] = "everyone"
    endings: bool = False
    query: tuple[str, ...] = ()
    methods: tuple[str, ...] = READ

    @property
    def paths(self) -> Iterator[str]:
        """All that Klein has to know. A name as the last part holds its ending itself."""
        yield self.path
        if self.endings and not self.path.endswith(">"):
            yield from (self.path + format.ending for format in self.formats if format.ending)


ROUTES = (
    Route("/", "front", "About this site, the newest plans, and who is online", (TEXT, HTML, JSON), "asker"),
    Route("/users", "listed", "List people, or search", (TEXT, HTML, JSON), "asker", query=("q", "after")),
    Route("/online", "listed", "Who is online", (TEXT, HTML, JSON), "asker", query=("after",)),
    Route("/users/<name>", "person", "A person", (TEXT, HTML, JSON, VCARD), "asker", endings=True),
    Route("/users/<name>/plan", "plan", "A person's plan, as written", (TEXT,), "asker"),
    Route("/users/<name>/status", "status", "A person's status", (TEXT,), "asker"),
    Route(
        "/users/<name>/history",
        "history",
        "Earlier plans, and what changed",
        (TEXT, HTML, JSON),
        "asker",
        endings=True,
        query=("before",),
    ),
    Route("/users/<name>/feed", "feed", "A person's plans as a feed", (ATOM, FEED), endings=True),
    Route("/users/<name>/qr.svg", "qr", "A person's card as a QR code", (SVG,), "asker"),
    Route("/users/<name>/face.svg", "face", "A person's avatar: initials on a colour", (SVG,)),
    Route("/~<name>", "home", "Redirect to a person's page"),
    Route("/feed", "common_feed", "The newest plans as a feed", (ATOM, FEED), endings=True),
    Route("/policy", "what_is_shown", "Who sees what", (TEXT, HTML, JSON), endings=True),
    Route("/.well-known/webfinger", "webfinger", "Who an account is (RFC 7033)", (JRD,), query=("resource", "rel")),
    Route("/.well-known/host-meta", "host_meta", "Where accounts are looked up (RFC 6415)", (XRD, JRD), endings=True),
    Route("/.well-known/security.txt", "security", "Security contact (RFC 9116)", (TEXT,)),
    Route("/robots.txt", "robots", "Rules for crawlers (RFC 9309)", (TEXT,)),
    Route("/sitemap.xml", "sitemap", "Pages of listed people", (XML,)),
    Route("/openapi.json", "openapi", "This description", (JSON,)),
    Route("/healthz", "lives", "Liveness check", (TEXT, JSON)),
    Route("/readyz", "ready", "Readiness check", (TEXT, JSON)),
    Route("/static/<name>", "static", "Style sheet and images"),
)
