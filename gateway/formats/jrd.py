"""Write WebFinger's JSON Resource Descriptor (RFC 7033 section 4.4), and host-meta as XRD and JRD (RFC 6415)."""

from collections.abc import Iterator
from typing import Protocol
from xml.sax.saxutils import quoteattr

from msgspec import Struct

from ..directory.privacy import Profile
from ..text.sanitize import one_line
from .addresses import SiteAddresses, acct_uri, as_uri, finger_uri

PROFILE_PAGE = "http://webfinger.net/rel/profile-page"
AVATAR = "http://webfinger.net/rel/avatar"
FEED = "http://schemas.google.com/g/2010#updates-from"


class ActivityPubAccount(Protocol):
    """A verified fediverse account: *href* is its ActivityPub actor, *page* its page for people."""

    @property
    def href(self) -> str: ...
    @property
    def page(self) -> str: ...


class JrdLink(Struct, frozen=True, omit_defaults=True):
    """A link of a JRD (RFC 7033 section 4.4.4)."""

    rel: str
    type: str = ""
    href: str = ""
    template: str = ""
    titles: dict[str, str] = {}


class JrdDocument(Struct, frozen=True):
    """A person's account, the other URIs of the same person, and links to more."""

    subject: str
    aliases: list[str]
    links: list[JrdLink]


class HostMetaDocument(Struct, frozen=True):
    """The host-meta document: where to send WebFinger queries for this host."""

    links: list[JrdLink]


def make_jrd(
    profile: Profile, site: SiteAddresses, hosts: tuple[str, ...], account: ActivityPubAccount | None
) -> JrdDocument:
    """Return the JRD of *profile*. *hosts* are all host names of the site, *account* the verified fediverse account."""
    page, login = site.person_url(profile.login), profile.login
    subject = acct_uri(login, site.host)
    accounts = [acct_uri(name, host) for name in (login, *profile.aliases) for host in hosts]
    aliases = [page, *(each for each in accounts if each != subject), finger_uri(login, site.host)]
    return JrdDocument(subject, list(dict.fromkeys(aliases)), list(_links(profile, page, account)))


def _links(profile: Profile, page: str, account: ActivityPubAccount | None) -> Iterator[JrdLink]:
    yield JrdLink(PROFILE_PAGE, "text/html", page)
    yield JrdLink(AVATAR, "image/svg+xml", f"{page}/face.svg")
    yield JrdLink("describedby", "text/vcard", f"{page}.vcf")
    yield JrdLink("describedby", "application/json", f"{page}.json")
    yield JrdLink(FEED, "application/atom+xml", f"{page}/feed.atom")
    yield JrdLink("alternate", "application/feed+json", f"{page}/feed.json")
    for link in profile.links:
        if link.me:
            label = one_line(link.label)
            yield JrdLink("me", href=as_uri(link.url), titles={"und": label} if label else {})
    if account is not None:
        if all(each.url != account.page for each in profile.links if each.me):
            yield JrdLink("me", "text/html", account.page)
        yield JrdLink("self", "application/activity+json", account.href)


def make_host_meta(site: SiteAddresses) -> HostMetaDocument:
    """Return host-meta as a JRD."""
    return HostMetaDocument([JrdLink("lrdd", "application/jrd+json", template=_webfinger_template(site))])


def make_host_meta_xrd(site: SiteAddresses) -> str:
    """Return host-meta as an XRD, in XML."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">\n'
        f'  <Link rel="lrdd" type="application/jrd+json" template={quoteattr(_webfinger_template(site))}/>\n'
        "</XRD>\n"
    )


def _webfinger_template(site: SiteAddresses) -> str:
    return f"{site.url}/.well-known/webfinger?resource={{uri}}"
