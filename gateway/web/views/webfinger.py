"""Which account a URI means (WebFinger, RFC 7033), and where that is asked (host-meta, RFC 6415).

Everyone gets what a stranger may see: other servers copy and republish it.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlencode, urlsplit

from msgspec.structs import replace

from ...dependencies import SiteInfo
from ...directory.names import canonical_login_or_none
from ...directory.privacy import Profile
from ...directory.results import Found, Unavailable
from ...formats.jrd import JrdDocument, make_host_meta, make_host_meta_xrd, make_jrd
from ...formats.person_json import encode_json
from ...outbound import webfinger_client as client  # noqa: F401  # imported at the start, or the first request would wait
from ..http import target
from ..http.negotiation import ACCEPT, Format
from ..http.reply import PUBLIC, Reply
from ..replies import NO_INDEX
from ..routing import ViewRequest
from .person import fediverse_account

MAX_RELS = 20
MAX_RESOURCE_LENGTH = 1024  # characters
ACTOR_TIMEOUT = 3.0  # seconds that the first request for a person waits for the server of their fediverse account
_PAGE_PREFIXES = ("/users/", "/~")


@dataclass(frozen=True, slots=True)
class ResourceQuery:
    """A WebFinger query: the *resource*, the relations that links are wanted of (all without any), and all *pairs*."""

    resource: str
    rels: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()

    @property
    def verb(self) -> str:
        """The access log's verb."""
        return "lookup"

    @property
    def text(self) -> str:
        """The access log's query."""
        return self.resource


def parse_resource_query(path: str, uri: str) -> ResourceQuery:
    """Parse the query string of *uri* (RFC 7033 section 4.1). Raises HttpRequestError."""
    parts = [each.partition("=") for each in uri.partition("?")[2].split("&", MAX_RELS + 2)]
    try:  # not as forms are decoded: a "+" is a plus sign here (RFC 7033 section 4.1)
        pairs = [(unquote(key, errors="strict"), unquote(value, errors="strict")) for key, _, value in parts]
    except UnicodeDecodeError:
        raise target.HttpRequestError(400) from None
    if len(pairs) > MAX_RELS + 2:
        raise target.HttpRequestError(400)
    resources = [value for key, value in pairs if key == "resource"]
    if len(resources) != 1 or len(resources[0]) > MAX_RESOURCE_LENGTH or not _has_scheme(resources[0]):
        raise target.HttpRequestError(400)
    return ResourceQuery(resources[0], tuple(value for key, value in pairs if key == "rel"), tuple(pairs))


def person_named_by(resource: str, site: SiteInfo) -> str | None:
    """Return the name of the person here that *resource* means; None if it is not of this site or not of a person."""
    scheme, rest = resource.split(":", 1)
    if scheme.lower() in ("acct", "mailto"):
        account, _, host = rest.rpartition("@")
        return unquote(account) or None if _is_ours(unquote(host), site) else None
    try:
        parts = urlsplit(resource)
        host, path = parts.hostname or "", unquote(parts.path, errors="strict")
    except ValueError:
        return None
    if not _is_ours(host, site) or parts.query:
        return None
    match parts.scheme:
        case "http" | "https":
            prefix = next((each for each in _PAGE_PREFIXES if path.startswith(each)), None)
            return path.removeprefix(prefix).removesuffix("/") or None if prefix else None
        case "finger":
            return path.removeprefix("/") or unquote(parts.username or "") or None
    return None


async def show_account(request: ViewRequest) -> Reply:
    """Return the make_jrd of the account, or a redirect to the server that the operator named."""
    deps, replies, site = request.deps, request.replies, request.deps.site
    query: ResourceQuery = request.query
    if site.webfinger is not None:
        location = f"{site.webfinger}/.well-known/webfinger?{urlencode(query.pairs, quote_via=quote)}"
        return Reply(b"", Format.JRD.content_type, 307, PUBLIC, headers=(("Location", location),))
    name = person_named_by(query.resource, site)
    if name is None:
        return replies.error(404, Format.JRD)
    found = await deps.directory.lookup(name, request.viewer)
    if isinstance(found, Unavailable):
        return replies.unavailable(Format.JRD)
    if not isinstance(found, Found) or not _is_account(name, found.profile):
        return replies.error(404, Format.JRD)
    account = fediverse_account(found.profile, site)
    actor = await deps.fediverse_accounts.wait_for_actor(account, ACTOR_TIMEOUT) if account else None
    document = _with_rels(make_jrd(found.profile, site, site.hosts.names, actor), query.rels)
    headers = () if found.profile.indexed else NO_INDEX
    return Reply(encode_json(document), Format.JRD.content_type, 200, PUBLIC, headers=headers, outcome="found")


async def show_host_meta(request: ViewRequest) -> Reply:
    """Return the template of WebFinger addresses (RFC 6415)."""
    site, format = request.deps.site, request.format
    body = encode_json(make_host_meta(site)) if format is Format.JRD else make_host_meta_xrd(site).encode()
    return Reply(body, format.content_type, cache_control=PUBLIC, vary="" if request.forced else ACCEPT)


def _has_scheme(resource: str) -> bool:
    """Return whether *resource* is a URI with a scheme (RFC 3986 section 3.1)."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*:.", resource) is not None


def _is_ours(host: str, site: SiteInfo) -> bool:
    return bool(host) and (host in site.hosts or host.lower() == urlsplit(site.url).hostname)


def _is_account(name: str, profile: Profile) -> bool:
    """Return whether *name* is the login or an alias that is shown; a full name that matches is no account."""
    return canonical_login_or_none(name) in (profile.login, *map(canonical_login_or_none, profile.aliases))


def _with_rels(document: JrdDocument, rels: tuple[str, ...]) -> JrdDocument:
    """Keep only the links of *rels*; all of them without any (RFC 7033 section 4.3)."""
    return replace(document, links=[link for link in document.links if link.rel in rels]) if rels else document
