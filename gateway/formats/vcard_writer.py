"""Write a profile as a vCard 4.0 (RFC 6350), and as a short one that fits a QR code.

The office becomes the extended address of a work address, the location a locality, the plan a note. Fields without a vCard
property (status, project, pronunciation, IRC accounts) are left out. Properties of RFC 9554 (PRONOUNS, SOCIALPROFILE) get
X- names, because strict readers of RFC 6350 would reject the whole card. vcard_people.py reads these cards back.
"""

import re
from collections.abc import Iterator
from datetime import UTC

from ..directory.privacy import Profile
from ..text.sanitize import one_line, sanitize
from .addresses import SiteAddresses, acct_uri, as_uri

PRODUCT_ID = "-//finger-gateway//EN"
MAX_LINE_OCTETS = 75  # without the line end (RFC 6350 section 3.2)
MAX_SHORT_VALUE = 64  # characters of a value in a short card
_ESCAPES = str.maketrans({"\\": "\\\\", ",": "\\,", ";": "\\;", "\n": "\\n"})
_EXTENSION = re.compile(r"(?i)\s*(?:;ext=|\bext\.?|\bx)\s*([0-9]{1,10})$")


def make_vcard(profile: Profile, site: SiteAddresses) -> str:
    """Return *profile* as a vCard with CRLF line ends."""
    page = site.person_url(profile.login)
    lines = [
        "BEGIN:VCARD",
        "VERSION:4.0",
        "KIND:individual",
        f"PRODID:{PRODUCT_ID}",
        f"UID:{acct_uri(profile.login, site.host)}",
        f"SOURCE:{page}.vcf",
        *_identity_lines(profile),
        *_contact_lines(profile),
        *_place_lines(profile),
        *_link_lines(profile, page),
        *_key_lines(profile),
    ]
    if profile.plan:
        lines.append(f"NOTE:{_escape(sanitize(profile.plan))}")
    if profile.updated is not None:
        lines.append(f"REV:{profile.updated.astimezone(UTC):%Y%m%dT%H%M%SZ}")
    return "".join(f"{folded}\r\n" for line in (*lines, "END:VCARD") for folded in _fold(line))


def make_short_vcards(profile: Profile, site: SiteAddresses) -> Iterator[str]:
    """Yield texts for a QR code, from the most complete to the shortest; the last is the address of the person's page.

    Lines are not folded.
    """
    page = site.person_url(profile.login)
    name = f"FN:{_escape(_shorten(profile.name or profile.login))}"
    reached = [line for line in _contact_lines(profile) if len(line) <= 2 * MAX_SHORT_VALUE]
    work = [
        f"{key}:{_escape(_shorten(text))}"
        for key, text in (("ORG", profile.organisation), ("TITLE", profile.title))
        if text
    ]
    for lines in ([name, *work, *reached, f"URL:{page}"], [name, *reached, f"URL:{page}"], [name, f"URL:{page}"]):
        yield "\r\n".join(["BEGIN:VCARD", "VERSION:4.0", *lines, "END:VCARD", ""])
    yield page


def _identity_lines(profile: Profile) -> Iterator[str]:
    yield f"FN:{_escape(one_line(profile.name) or profile.login)}"
    yield "NICKNAME:" + ",".join(_escape(one_line(each)) for each in (profile.login, *profile.aliases))
    for name, text in (("X-PRONOUNS", profile.pronouns), ("TITLE", profile.title), ("ORG", profile.organisation)):
        if text:
            yield f"{name}:{_escape(one_line(text))}"


def _contact_lines(profile: Profile) -> Iterator[str]:
    if profile.email:
        yield f"EMAIL:{_escape(one_line(profile.email))}"
    for kind, number in (("work", profile.office_phone), ("home", profile.home_phone)):
        if number:
            yield f"TEL;{_phone_value(one_line(number), kind)}"


def _place_lines(profile: Profile) -> Iterator[str]:
    if profile.office:
        yield f"ADR;TYPE=work:;{_escape(one_line(profile.office))};;;;;"
    if profile.location:
        yield f"ADR:;;;{_escape(one_line(profile.location))};;;"
    if profile.timezone:
        yield f"TZ:{_escape(one_line(profile.timezone))}"


def _link_lines(profile: Profile, page: str) -> Iterator[str]:
    yield f"URL:{page}"
    for number, link in enumerate(profile.links, 1):
        label = one_line(link.label)
        yield f"{f'item{number}.' if label else ''}URL{';X-REL=me' if link.me else ''}:{as_uri(link.url)}"
        if label:
            yield f"item{number}.X-ABLABEL:{_escape(label)}"
    if profile.fediverse:
        yield f"X-SOCIALPROFILE:{_escape(one_line(profile.fediverse))}"


def _key_lines(profile: Profile) -> Iterator[str]:
    for number, key in enumerate(profile.keys, 1):
        kind, label = one_line(key.kind).replace('"', "'"), one_line(key.label)
        if not re.fullmatch("[A-Za-z0-9-]*", kind):
            kind = f'"{kind}"'
        group, parameter = f"key{number}." if label else "", f"TYPE={kind};" if kind else ""
        yield f"{group}KEY;{parameter}VALUE=text:{_escape(sanitize(key.text))}"
        if label:
            yield f"key{number}.X-ABLABEL:{_escape(label)}"


def _phone_value(number: str, kind: str) -> str:
    """Return the parameters and value of a TEL property: a tel: URI (RFC 3966) if the number has a country code, else text."""
    extension = _EXTENSION.search(number)
    digits = re.sub(r"[\s().-]", "", number[: extension.start()] if extension else number)
    if not re.fullmatch(r"\+[0-9]{3,15}", digits):
        return f"TYPE={kind};VALUE=text:{_escape(number)}"
    return f"TYPE={kind};VALUE=uri:tel:{digits}{f';ext={extension[1]}' if extension else ''}"


def _escape(text: str) -> str:
    """Escape a value of type text (RFC 6350 section 3.4)."""
    return text.translate(_ESCAPES)


def _shorten(text: str) -> str:
    return one_line(text)[:MAX_SHORT_VALUE]


def _fold(line: str) -> Iterator[str]:
    """Yield *line* in pieces of at most MAX_LINE_OCTETS octets, each but the first begun with a space.

    No piece ends inside a UTF-8 character.
    """
    octets, at, start = line.encode(), 0, ""
    while len(octets) - at > (octets_left := MAX_LINE_OCTETS - len(start)):
        end = at + octets_left
        while octets[end] & 0xC0 == 0x80:
            end -= 1
        yield start + octets[at:end].decode()
        at, start = end, " "
    yield start + octets[at:].decode()
