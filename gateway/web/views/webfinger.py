"""Who an account is (WebFinger, RFC 7033), and where that is asked (host-meta, RFC 6415).

Whoever asks is answered as a stranger: what is told here is copied by other servers.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlencode, urlsplit

from msgspec.structs import replace

from ...dependencies import ProtocolDependencies, SiteInfo
from ...directory.answers import Found, Unavailable
from ...directory.names import canonical_login_or_none
from ...directory.privacy import Profile
from ...directory.viewers import Viewer
from ...formats.jrd import JrdDocument, make_host_meta, make_host_meta_xrd, make_jrd
from ...formats.person_json import encode_json
from ...ops.request_tracker import Outcome, outcome_of
from ...outbound import webfinger_client as client  # noqa: F401  # loaded at the start: the first to name an account would wait
from ..http import target
from ..http.negotiation import ACCEPT, Format
from ..http.reply import PUBLIC, Reply
from ..pages import UNINDEXED, Pages
from .person import fediverse

MOST_RELS = 20
MOST_RESOURCE = 1024  # characters
PATIENCE = 3.0  # seconds that the first question for somebody waits for the host of their fediverse account
_WAYS = ("/users/", "/~")


@dataclass(frozen=True, slots=True)
class Asked:
    """*resource* as it was asked for; *rels* are those that the links are to have, all where there is none; *given* is
    the whole query."""

    resource: str
    rels: tuple[str, ...] = ()
    given: tuple[tuple[str, str], ...] = ()


def asked(uri: str) -> Asked:
    """What *uri* asks (RFC 7033 section 4.1). Raises target.Bad where it is no question."""
    pairs = [each.partition("=") for each in uri.partition("?")[2].split("&", MOST_RELS + 2)]
    try:  # not as forms have it: a "+" is one (RFC 7033 section 4.1)
        given = [(unquote(key, errors="strict"), unquote(value, errors="strict")) for key, _, value in pairs]
    except UnicodeDecodeError:
        raise target.HttpRequestError(400) from None
    if len(given) > MOST_RELS + 2:
        raise target.HttpRequestError(400)
    resources = [value for key, value in given if key == "resource"]
    if len(resources) != 1 or len(resources[0]) > MOST_RESOURCE or not _scheme(resources[0]):
        raise target.HttpRequestError(400)
    return Asked(resources[0], tuple(value for key, value in given if key == "rel"), tuple(given))


def name(resource: str, site: SiteInfo) -> str | None:
    """The name of somebody here that *resource* means, None where it is of another place or of no person."""
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
            way = next((each for each in _WAYS if path.startswith(each)), None)
            return path.removeprefix(way).removesuffix("/") or None if way else None
        case "finger":
            return path.removeprefix("/") or unquote(parts.username or "") or None
    return None


async def answer(deps: ProtocolDependencies, pages: Pages, asked: Asked, stranger: Viewer) -> tuple[Reply, Outcome]:
    """The description of who is asked for, as everyone may see it."""
    site = deps.site
    if site.webfinger is not None:
        location = f"{site.webfinger}/.well-known/webfinger?{urlencode(asked.given, quote_via=quote)}"
        return Reply(b"", Format.JRD.kind, 307, PUBLIC, headers=(("Location", location),)), "served"
    named = name(asked.resource, site)
    if named is None:
        return pages.error(404, Format.JRD), "not_found"
    found = await deps.directory.lookup(named, stranger)
    if isinstance(found, Unavailable):
        return pages.unavailable(Format.JRD), outcome_of(found)
    if not isinstance(found, Found) or not _by_login(named, found.profile):
        return pages.error(404, Format.JRD), "not_found"
    account = fediverse(found.profile, site)
    actor = await deps.fediverse_accounts.wait_for_actor(account, PATIENCE) if account else None
    told = make_jrd(found.profile, site, site.hosts.names, actor)
    headers = () if found.profile.indexed else UNINDEXED
    return Reply(encode_json(_chosen(told, asked.rels)), Format.JRD.kind, 200, PUBLIC, headers=headers), outcome_of(
        found
    )


def host_meta(site: SiteInfo, format: Format, forced: bool) -> Reply:
    """The template by which an account's address is made."""
    body = encode_json(make_host_meta(site)) if format is Format.JRD else make_host_meta_xrd(site).encode()
    return Reply(body, format.kind, cache=PUBLIC, vary="" if forced else ACCEPT)


def _scheme(resource: str) -> bool:
    """Is *resource* a URI? What has no scheme is none (RFC 3986 section 3.1)."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*:.", resource) is not None


def _is_ours(host: str, site: SiteInfo) -> bool:
    return bool(host) and (host in site.hosts or host.lower() == urlsplit(site.url).hostname)


def _by_login(named: str, profile: Profile) -> bool:
    """A full name that happens to match is no account: logins and aliases that are shown are."""
    return canonical_login_or_none(named) in (profile.login, *map(canonical_login_or_none, profile.aliases))


def _chosen(told: JrdDocument, rels: tuple[str, ...]) -> JrdDocument:
    """Only links of *rels* (section 4.3), all else as it is."""
    return replace(told, links=[link for link in told.links if link.rel in rels]) if rels else told
