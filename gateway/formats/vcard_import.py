"""Convert vCards to person documents.

A card has no login: the first nickname that can be one is taken, else the part of the first email address before the @.
Properties that no field can hold are skipped and listed in RawPerson.ignored. Some properties are read only from the cards
that card.py writes, because in other cards they mean something else: NOTE (the plan), NICKNAME (aliases), X-SOCIALPROFILE,
and the extended part of ADR (the office).
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from typing import Any

from ..config.problems import MAX_SHOWN_CHARACTERS, Problem
from ..directory import fields
from ..directory.names import canonical_login_or_none
from . import vcard_syntax
from .raw import RawPerson
from .vcard_syntax import VCard, VCardProperty
from .vcard_writer import PRODUCT_ID

_NOT_REPORTED = {
    "VERSION", "PRODID", "SOURCE", "REV", "UID", "N", "KIND", "NICKNAME", "X-ABLABEL", "X-ABADR", "SORT-STRING", "PROFILE",
}  # fmt: skip
_NOT_VOICE = {"fax", "pager", "modem", "video", "textphone", "bbs", "x400", "isdn", "pcs"}
_TEXT_PROPERTIES = (("FN", "name"), ("TITLE", "title"), ("PRONOUNS", "pronouns"), ("X-PRONOUNS", "pronouns"))
_KEY_KINDS = {"pgp", "ssh", "age"}


def read_people(data: bytes) -> Iterator[RawPerson | Problem]:
    """Yield the person of each card, and every problem."""
    number = 0
    for number, card in enumerate(vcard_syntax.parse_cards(data), 1):  # noqa: B007  # used after the loop
        yield card if isinstance(card, Problem) else _convert_card(card)
    if not number:
        yield Problem("line 1", "", "", "no card; a card is BEGIN:VCARD ... END:VCARD")


def _convert_card(card: VCard) -> RawPerson | Problem:
    name = next((each.text.strip() for each in card.find_all("FN")), "")
    where = f"card in line {card.line} ({name[:MAX_SHOWN_CHARACTERS]})" if name else f"card in line {card.line}"
    kind = next((each.text.strip().lower() for each in card.find_all("KIND")), "individual")
    if kind != "individual":
        return Problem(where, "KIND", repr(kind[:MAX_SHOWN_CHARACTERS]), "individual, the card of one person")
    login, source = _find_login(card)
    if not login:
        return Problem(
            where, "login", "", f"none can be taken from {source}; add a NICKNAME that can be a login, or an EMAIL"
        )
    tree: dict[str, Any] = {"login": login}
    readers: list[Callable[[VCard, dict[str, Any]], list[VCardProperty]]]
    readers = [_take_texts, _take_phones, _take_links, _take_place, _take_keys]
    if _is_own(card):
        readers = [_take_texts, _take_phones, _take_own_links, _take_place, _take_own_keys, _take_own_properties]
    taken = {id(each) for take in readers for each in take(card, tree)}
    ignored = (
        each.name
        for each in card.properties
        if each.name not in _NOT_REPORTED and each.raw.strip(" ;") and id(each) not in taken
    )
    return RawPerson(where, tree, login_source=source, ignored=tuple(dict.fromkeys(ignored)))


def _is_own(card: VCard) -> bool:
    """Return whether card.py wrote the card."""
    return any(each.text.strip() == PRODUCT_ID for each in card.find_all("PRODID"))


def _find_login(card: VCard) -> tuple[str, str]:
    """Return the login and the property that it was taken from; "" and what was found instead if there is none."""
    rejected: list[str] = []
    for each in card.find_all("NICKNAME"):
        for nickname in each.split(","):
            if canonical_login_or_none(nickname.strip()):
                return nickname.strip(), "NICKNAME"
            rejected.append(f"NICKNAME {nickname.strip()[:MAX_SHOWN_CHARACTERS]!r}")
    for each in (each for each in card.properties if each.name == "EMAIL" and each.raw.strip()):
        local = _email_address(each).rpartition("@")[0]
        if canonical_login_or_none(local):
            return local, "EMAIL"
        rejected.append(f"EMAIL {_email_address(each)[:MAX_SHOWN_CHARACTERS]!r}")
        break
    return "", ", ".join(rejected) or "a card without NICKNAME and EMAIL"


def _email_address(email: VCardProperty) -> str:
    return re.sub("(?i)^mailto:", "", email.text.strip())


def _take_texts(card: VCard, tree: dict[str, Any]) -> list[VCardProperty]:
    taken = []

    def take_first(name: str, key: str, value: Callable[[VCardProperty], str]) -> None:
        for each in card.find_all(name):
            if text := value(each):
                tree[key] = text
                taken.append(each)
                return

    for name, key in _TEXT_PROPERTIES:
        take_first(name, key, lambda each: " ".join(each.text.split()))
    take_first("EMAIL", "email", _email_address)
    take_first("ORG", "organisation", lambda each: ", ".join(part.strip() for part in each.split(";") if part.strip()))
    return taken


def _take_phones(card: VCard, tree: dict[str, Any]) -> list[VCardProperty]:
    """Take numbers that the card marks as work or home; others could be either."""
    taken = []
    for each in card.find_all("TEL"):
        if each.types & _NOT_VOICE:
            continue
        for kind, key in (("work", "office_phone"), ("home", "home_phone")):
            if kind in each.types and key not in tree:
                number, _, extension = re.sub("(?i)^tel:", "", each.text.strip()).partition(";ext=")
                tree[key] = f"{number} ext. {extension}" if extension else number
                taken.append(each)
                break
    return taken


def _labels(card: VCard) -> dict[str, str]:
    """Return the label of each group: Apple and others put it into a property of the same group."""
    labels = {each.group: each.text.strip() for each in card.properties if each.name == "X-ABLABEL" and each.group}
    return {group: re.sub(r"^_\$!<(.*)>!\$_$", r"\1", label) for group, label in labels.items()}


def _take_links(card: VCard, tree: dict[str, Any]) -> list[VCardProperty]:
    urls = card.find_all("URL")
    if urls:
        labels = _labels(card)
        tree["links"] = [{"url": each.text.strip(), "label": labels.get(each.group, "")} for each in urls]
    return urls


def _take_own_links(card: VCard, tree: dict[str, Any]) -> list[VCardProperty]:
    """Take links and which of them are the person's own (rel="me"), but not the address of the person's page here."""
    pages = {each.text.strip().removesuffix(".vcf") for each in card.find_all("SOURCE")}
    urls, labels = card.find_all("URL"), _labels(card)
    links = [
        {"url": each.text.strip(), "label": labels.get(each.group, ""), "me": "me" in each.parameters.get("X-REL", ())}
        for each in urls
        if each.group or each.text.strip() not in pages
    ]
    if links:
        tree["links"] = links
    return urls


def _take_place(card: VCard, tree: dict[str, Any]) -> list[VCardProperty]:
    taken = []
    for each in card.find_all("TZ"):
        name = each.text.strip()
        try:
            fields.check_value("timezone", name)
        except fields.BadValue:
            continue  # an offset, which does not say when daylight saving time holds
        tree["timezone"] = name
        taken.append(each)
        break
    for each in card.find_all("ADR"):
        parts = [part.strip() for part in each.split(";")]
        if len(parts) > 3 and parts[3]:
            tree["location"] = parts[3]
            taken.append(each)
            break
    return taken


def _take_own_properties(card: VCard, tree: dict[str, Any]) -> list[VCardProperty]:
    """Take what only the cards of card.py mean as a field: office, plan, fediverse account and aliases."""
    taken = []
    for each in card.find_all("ADR"):
        parts = [part.strip() for part in each.split(";")]
        if "work" in each.types and len(parts) > 1 and parts[1]:
            tree["office"] = parts[1]
            taken.append(each)
    for name, key in (("NOTE", "plan"), ("X-SOCIALPROFILE", "fediverse")):
        for each in card.find_all(name)[:1]:
            tree[key] = each.text
            taken.append(each)
    nicknames = [each.strip() for line in card.find_all("NICKNAME") for each in line.split(",")]
    if aliases := [each for each in nicknames if each != tree["login"]]:
        tree["aliases"] = aliases
    if tree.get("name") == tree["login"]:
        del tree["name"]  # FN is mandatory, so that card.py writes the login if there is no name
    return taken


def _take_keys(card: VCard, tree: dict[str, Any]) -> list[VCardProperty]:
    """Take keys that are text; binary ones have no field."""
    taken, keys = [], []
    for each in card.find_all("KEY"):
        text = _key_text(each)
        if text and (kind := _key_kind(each, text)):
            keys.append({"kind": kind, "text": text})
            taken.append(each)
    if keys:
        tree["keys"] = keys
    return taken


def _take_own_keys(card: VCard, tree: dict[str, Any]) -> list[VCardProperty]:
    taken, keys, labels = [], [], _labels(card)
    for each in card.find_all("KEY"):
        if kind := next(iter(each.parameters.get("TYPE", ())), "") or _key_kind(each, each.text):
            keys.append({"kind": kind, "text": each.text, "label": labels.get(each.group, "")})
            taken.append(each)
    if keys:
        tree["keys"] = keys
    return taken


def _key_kind(key: VCardProperty, text: str) -> str:
    """Return the kind that the card names, else the one that *text* looks like, else ""."""
    if named := sorted(key.types & _KEY_KINDS):
        return named[0]
    return "pgp" if "BEGIN PGP" in text else "ssh" if re.match("(ssh|ecdsa|sk)-", text) else ""


def _key_text(key: VCardProperty) -> str:
    """Return the key as text, decoded from base64 if it has to be; "" for a link or a binary key."""
    text = key.text.strip()
    if re.match("(?i)https?:", text):
        return ""
    data = re.fullmatch("(?is)data:[^,]*;base64,(.*)", text)
    encoded = data[1] if data else text if key.parameters.get("ENCODING", [""])[0].lower() in ("b", "base64") else None
    if encoded is None:
        return "" if text.lower().startswith("data:") else text
    try:
        decoded = base64.b64decode(encoded, validate=True).decode().strip()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
    return decoded if "\0" not in decoded else ""
