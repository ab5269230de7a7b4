"""What a vCard says of a person, as the tree of a person document. A card has no login: a nickname that can be one is
taken, else what stands before the @ of the first address. What has no place here is left, and named.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from typing import Any

from ..config.problems import MAX_SHOWN_CHARACTERS, Problem
from ..directory import fields
from ..directory.names import canonical_login_or_none
from . import vcard
from .raw import Raw
from .vcard import Card, Property

_SILENT = {"VERSION", "PRODID", "REV", "UID", "N", "KIND", "NICKNAME", "X-ABLABEL", "X-ABADR", "SORT-STRING", "PROFILE"}
_NO_VOICE = {"fax", "pager", "modem", "video", "textphone", "bbs", "x400", "isdn", "pcs"}
_PLAIN = (("FN", "name"), ("TITLE", "title"), ("PRONOUNS", "pronouns"), ("X-PRONOUNS", "pronouns"))


def read(data: bytes) -> Iterator[Raw | Problem]:
    """A Raw for each card of a person, and every mistake."""
    number = 0
    for number, card in enumerate(vcard.read(data), 1):  # noqa: B007  # asked for behind the loop
        yield card if isinstance(card, Problem) else _person(card)
    if not number:
        yield Problem("line 1", "", "nothing", "BEGIN:VCARD ... END:VCARD")


def _person(card: Card) -> Raw | Problem:
    called = next((each.text.strip() for each in card.all("FN")), "")
    where = f"card in line {card.line} ({called[:MAX_SHOWN_CHARACTERS]})" if called else f"card in line {card.line}"
    kind = next((each.text.strip().lower() for each in card.all("KIND")), "individual")
    if kind != "individual":
        return Problem(where, "KIND", repr(kind[:MAX_SHOWN_CHARACTERS]), "individual: a card of one person")
    login, login_from = _login(card)
    if not login:
        return Problem(
            where, "login", login_from, "a NICKNAME, or an EMAIL whose part before the @ is, that can be a login"
        )
    tree: dict[str, Any] = {"login": login}
    taken = {id(each) for take in (_texts, _telephones, _links, _place, _keys) for each in take(card, tree)}
    left = (
        each.name
        for each in card.properties
        if each.name not in _SILENT and each.raw.strip(" ;") and id(each) not in taken
    )
    return Raw(where, tree, login_from=login_from, left=tuple(dict.fromkeys(left)))


def _login(card: Card) -> tuple[str, str]:
    """The login and what it was taken from; without one, what was found."""
    seen: list[str] = []
    for each in card.all("NICKNAME"):
        for nickname in each.parts(","):
            if canonical_login_or_none(nickname.strip()):
                return nickname.strip(), "NICKNAME"
            seen.append(f"NICKNAME {nickname.strip()[:MAX_SHOWN_CHARACTERS]!r}")
    for each in (each for each in card.properties if each.name == "EMAIL" and each.raw.strip()):
        local = _address(each).rpartition("@")[0]
        if canonical_login_or_none(local):
            return local, "EMAIL"
        seen.append(f"EMAIL {_address(each)[:MAX_SHOWN_CHARACTERS]!r}")
        break
    return "", ", ".join(seen) or "neither NICKNAME nor EMAIL"


def _address(email: Property) -> str:
    return re.sub("(?i)^mailto:", "", email.text.strip())


def _texts(card: Card, tree: dict[str, Any]) -> list[Property]:
    taken = []

    def first(name: str, key: str, value: Callable[[Property], str]) -> None:
        for each in card.all(name):
            if text := value(each):
                tree[key] = text
                taken.append(each)
                return

    for name, key in _PLAIN:
        first(name, key, lambda each: " ".join(each.text.split()))
    first("EMAIL", "email", _address)
    first("ORG", "organisation", lambda each: ", ".join(part.strip() for part in each.parts(";") if part.strip()))
    return taken


def _telephones(card: Card, tree: dict[str, Any]) -> list[Property]:
    """A number is somebody's at work or at home only where the card says so."""
    taken = []
    for each in card.all("TEL"):
        if each.types & _NO_VOICE:
            continue
        for kind, key in (("work", "office_phone"), ("home", "home_phone")):
            if kind in each.types and key not in tree:
                number, _, extension = re.sub("(?i)^tel:", "", each.text.strip()).partition(";ext=")
                tree[key] = f"{number} ext. {extension}" if extension else number
                taken.append(each)
                break
    return taken


def _links(card: Card, tree: dict[str, Any]) -> list[Property]:
    """Apple and others call a link by a line of the same group."""
    urls = card.all("URL")
    if urls:
        labels = {each.group: each.text.strip() for each in card.properties if each.name == "X-ABLABEL" and each.group}
        tree["links"] = [
            {"url": each.text.strip(), "label": re.sub(r"^_\$!<(.*)>!\$_$", r"\1", labels.get(each.group, ""))}
            for each in urls
        ]
    return urls


def _place(card: Card, tree: dict[str, Any]) -> list[Property]:
    taken = []
    for each in card.all("TZ"):
        name = each.text.strip()
        try:
            fields.check_value("timezone", name)
        except fields.BadValue:
            continue  # an offset, which says nothing of summer
        tree["timezone"] = name
        taken.append(each)
        break
    for each in card.all("ADR"):
        parts = [part.strip() for part in each.parts(";")]
        if len(parts) > 3 and parts[3]:
            tree["location"] = parts[3]
            taken.append(each)
            break
    return taken


def _keys(card: Card, tree: dict[str, Any]) -> list[Property]:
    """Keys that are text; one of octets has no place here."""
    taken, keys = [], []
    for each in card.all("KEY"):
        text = _key(each)
        if not text:
            continue
        said = sorted(each.types & {"pgp", "ssh", "age"})
        kind = said[0] if said else "pgp" if "BEGIN PGP" in text else "ssh" if re.match("(ssh|ecdsa|sk)-", text) else ""
        if kind:
            keys.append({"kind": kind, "text": text})
            taken.append(each)
    if keys:
        tree["keys"] = keys
    return taken


def _key(each: Property) -> str:
    text = each.text.strip()
    if re.match("(?i)https?:", text):
        return ""
    data = re.fullmatch("(?is)data:[^,]*;base64,(.*)", text)
    encoded = data[1] if data else text if each.parameters.get("ENCODING", [""])[0].lower() in ("b", "base64") else None
    if encoded is None:
        return "" if text.lower().startswith("data:") else text
    try:
        decoded = base64.b64decode(encoded, validate=True).decode().strip()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
    return decoded if "\0" not in decoded else ""
