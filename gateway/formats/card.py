"""A profile as a vCard 4.0 (RFC 6350), and the short one that fits a QR code.

An office is the extended address of a place of work, a location a locality, the plan a note. What vCard has no property for
(status, project, how to say the name) is left out. What later RFCs name (9554: PRONOUNS, SOCIALPROFILE) goes by X- names,
since strict readers of 6350 refuse the whole card otherwise. vcard_people.py reads the same back.
"""

import re
from collections.abc import Iterator
from datetime import UTC
from typing import Protocol

from ..directory.privacy import Profile
from ..text.sanitize import one_line, sanitize
from .addresses import acct, uri

MOST_LINE = 75  # octets of a line, without its end (RFC 6350 section 3.2)
SHORT = 64  # characters of a value in the short card
_ESCAPED = str.maketrans({"\\": "\\\\", ",": "\\,", ";": "\\;", "\n": "\\n"})
_EXTENSION = re.compile(r"(?i)\s*(?:;ext=|\bext\.?|\bx)\s*([0-9]{1,10})$")


class Place(Protocol):
    """What a card tells of the site: house.Site has it."""

    @property
    def host(self) -> str: ...
    def person_url(self, login: str) -> str: ...


def card(profile: Profile, site: Place) -> str:
    """All that is shown of *profile*, lines ended by CRLF."""
    page = site.person_url(profile.login)
    lines = [
        "BEGIN:VCARD",
        "VERSION:4.0",
        "KIND:individual",
        "PRODID:-//finger-gateway//EN",
        f"UID:{acct(profile.login, site.host)}",
        f"SOURCE:{page}.vcf",
        *_who(profile),
        *_reached(profile),
        *_placed(profile),
        *_linked(profile, page),
        *(f"KEY;VALUE=text:{_text(sanitize(key.text))}" for key in profile.keys),
    ]
    if profile.plan:
        lines.append(f"NOTE:{_text(sanitize(profile.plan))}")
    if profile.updated is not None:
        lines.append(f"REV:{profile.updated.astimezone(UTC):%Y%m%dT%H%M%SZ}")
    return "".join(f"{folded}\r\n" for line in (*lines, "END:VCARD") for folded in _folded(line))


def short_cards(profile: Profile, site: Place) -> Iterator[str]:
    """What a telephone's camera can take of *profile*: ever less, the page's address last. Nothing is folded."""
    page = site.person_url(profile.login)
    name = f"FN:{_text(_cut(profile.name or profile.login))}"
    reached = [line for line in _reached(profile) if len(line) <= 2 * SHORT]
    work = [
        f"{key}:{_text(_cut(text))}" for key, text in (("ORG", profile.organisation), ("TITLE", profile.title)) if text
    ]
    for lines in ([name, *work, *reached, f"URL:{page}"], [name, *reached, f"URL:{page}"], [name, f"URL:{page}"]):
        yield "\r\n".join(["BEGIN:VCARD", "VERSION:4.0", *lines, "END:VCARD", ""])
    yield page


def _who(profile: Profile) -> Iterator[str]:
    yield f"FN:{_text(one_line(profile.name) or profile.login)}"
    yield "NICKNAME:" + ",".join(_text(one_line(each)) for each in (profile.login, *profile.aliases))
    for name, text in (("X-PRONOUNS", profile.pronouns), ("TITLE", profile.title), ("ORG", profile.organisation)):
        if text:
            yield f"{name}:{_text(one_line(text))}"


def _reached(profile: Profile) -> Iterator[str]:
    if profile.email:
        yield f"EMAIL:{_text(one_line(profile.email))}"
    for kind, number in (("work", profile.office_phone), ("home", profile.home_phone)):
        if number:
            yield f"TEL;{_telephone(one_line(number), kind)}"


def _placed(profile: Profile) -> Iterator[str]:
    if profile.office:
        yield f"ADR;TYPE=work:;{_text(one_line(profile.office))};;;;;"
    if profile.location:
        yield f"ADR:;;;{_text(one_line(profile.location))};;;"
    if profile.timezone:
        yield f"TZ:{_text(one_line(profile.timezone))}"


def _linked(profile: Profile, page: str) -> Iterator[str]:
    yield f"URL:{page}"
    for number, link in enumerate(profile.links, 1):
        label = one_line(link.label)
        yield f"{f'item{number}.' if label else ''}URL:{uri(link.url)}"
        if label:
            yield f"item{number}.X-ABLABEL:{_text(label)}"
    if profile.fediverse:
        yield f"X-SOCIALPROFILE:{_text(one_line(profile.fediverse))}"


def _telephone(number: str, kind: str) -> str:
    """As an address (RFC 3966) where the number has its country, else as it is written."""
    extension = _EXTENSION.search(number)
    digits = re.sub(r"[\s().-]", "", number[: extension.start()] if extension else number)
    if not re.fullmatch(r"\+[0-9]{3,15}", digits):
        return f"TYPE={kind};VALUE=text:{_text(number)}"
    return f"TYPE={kind};VALUE=uri:tel:{digits}{f';ext={extension[1]}' if extension else ''}"


def _text(text: str) -> str:
    """A value of type text (section 3.4)."""
    return text.translate(_ESCAPED)


def _cut(text: str) -> str:
    return one_line(text)[:SHORT]


def _folded(line: str) -> Iterator[str]:
    """*line* in pieces of at most MOST_LINE octets, none of which cuts a character; each but the first begins with a
    blank."""
    octets, at, start = line.encode(), 0, ""
    while len(octets) - at > (room := MOST_LINE - len(start)):
        end = at + room
        while octets[end] & 0xC0 == 0x80:
            end -= 1
        yield start + octets[at:end].decode()
        at, start = end, " "
    yield start + octets[at:].decode()
