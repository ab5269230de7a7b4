"""What WebFinger says of somebody: a JSON Resource Descriptor (RFC 7033 section 4.4), and the XRD and JRD of host-meta
(RFC 6415)."""

from collections.abc import Iterator
from typing import Protocol
from xml.sax.saxutils import quoteattr

from msgspec import Struct

from ..directory.privacy import Profile
from ..text.sanitize import one_line
from .addresses import acct, finger, uri

PROFILE_PAGE = "http://webfinger.net/rel/profile-page"
AVATAR = "http://webfinger.net/rel/avatar"
FEED = "http://schemas.google.com/g/2010#updates-from"


class Place(Protocol):
    """What is told of the site: house.Site has it."""

    @property
    def host(self) -> str: ...
    @property
    def url(self) -> str: ...
    def person_url(self, login: str) -> str: ...


class Account(Protocol):
    """A checked fediverse account: where it is for programs, and for people."""

    @property
    def href(self) -> str: ...
    @property
    def page(self) -> str: ...


class LinkDocument(Struct, frozen=True, omit_defaults=True):
    """A link of a descriptor (section 4.4.4)."""

    rel: str
    type: str = ""
    href: str = ""
    template: str = ""
    titles: dict[str, str] = {}


class Descriptor(Struct, frozen=True):
    """Whom *subject* names, by which other addresses, and where more is told."""

    subject: str
    aliases: list[str]
    links: list[LinkDocument]


class HostDescriptor(Struct, frozen=True):
    """Where accounts of this host are asked for."""

    links: list[LinkDocument]


def descriptor(profile: Profile, site: Place, hosts: tuple[str, ...], account: Account | None) -> Descriptor:
    """Of *profile*, known at *hosts*, and in the fediverse by *account*."""
    page, login = site.person_url(profile.login), profile.login
    subject = acct(login, site.host)
    accounts = [acct(name, host) for name in (login, *profile.aliases) for host in hosts]
    aliases = [page, *(each for each in accounts if each != subject), finger(login, site.host)]
    return Descriptor(subject, list(dict.fromkeys(aliases)), list(_links(profile, page, account)))


def _links(profile: Profile, page: str, account: Account | None) -> Iterator[LinkDocument]:
    yield LinkDocument(PROFILE_PAGE, "text/html", page)
    yield LinkDocument(AVATAR, "image/svg+xml", f"{page}/face.svg")
    yield LinkDocument("describedby", "text/vcard", f"{page}.vcf")
    yield LinkDocument("describedby", "application/json", f"{page}.json")
    yield LinkDocument(FEED, "application/atom+xml", f"{page}/feed.atom")
    yield LinkDocument("alternate", "application/feed+json", f"{page}/feed.json")
    for link in profile.links:
        if link.me:
            label = one_line(link.label)
            yield LinkDocument("me", href=uri(link.url), titles={"und": label} if label else {})
    if account is not None:
        if all(each.url != account.page for each in profile.links if each.me):
            yield LinkDocument("me", "text/html", account.page)
        yield LinkDocument("self", "application/activity+json", account.href)


def host_descriptor(site: Place) -> HostDescriptor:
    return HostDescriptor([LinkDocument("lrdd", "application/jrd+json", template=_template(site))])


def host_xrd(site: Place) -> str:
    """The same in XML."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">\n'
        f'  <Link rel="lrdd" type="application/jrd+json" template={quoteattr(_template(site))}/>\n'
        "</XRD>\n"
    )


def _template(site: Place) -> str:
    return f"{site.url}/.well-known/webfinger?resource={{uri}}"
