"""gateway.toml as structs: the tables of all rooms put together, and what no type can say about them.

How a file is read and how mistakes are told stands in configuration.py.
"""

import difflib
import ipaddress
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from .config.loader import BadSettings, Duration, Problem, load_toml
from .directory.fields import FIELDS
from .directory.names import InvalidLogin, canonical_login
from .finger.settings import FingerSettings
from .irc.settings import NetworkSettings
from .outbound.fediverse_address import parse_account
from .outbound.host_names import BadPattern, HostPatterns, canonical_host
from .web.settings import WebSettings

LOGOS = (".svg", ".png", ".webp", ".jpg", ".jpeg")
MOST_LOGO = 256 * 1024  # bytes
LOGINS = "logins"  # the source that is not an operator's own class
Level = Literal["everyone", "members", "nobody"]


class LookSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[site] look: a colour for what is pointed out ("#rgb" or "#rrggbb"), a picture before the name, a line below each
    page."""

    accent: str | None = None
    logo: str | None = None
    footer: str = ""


class SiteSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[site]: *hosts* are our own names, the first is the main one; *url* the web side's public address."""

    name: str = "Our people"
    hosts: Annotated[list[str], Meta(min_length=1)] = msgspec.field(default_factory=lambda: ["localhost"])
    url: str = "http://localhost:8080"
    members: list[str] = []
    administrators: list[str] = []
    templates: str | None = None
    look: LookSettings = LookSettings()


class PrivacySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[privacy]: PRIVACY's presets, and the operator's own levels by field."""

    preset: Literal["open", "A", "B", "C"] = "open"
    default: dict[str, Level] = {}
    limit: dict[str, Level] = {}


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    url: str = "sqlite:people.db"


class SourceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[sources.logins]: this machine's logins, looked at *every* so often. [sources.NAME]: an operator's own class, made
    with *options*."""

    class_: str | None = msgspec.field(name="class", default=None)
    options: dict[str, Any] = {}
    cache_ttl: Duration | None = None
    every: Duration | None = None


class LimitSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    connections: Annotated[int, Meta(ge=1)] = 1000
    connections_per_address: Annotated[int, Meta(ge=1)] = 20
    queries_per_minute: Annotated[int, Meta(ge=1)] = 60
    timeout: Duration = msgspec.field(default_factory=lambda: Duration(seconds=10))  # JSON Schema has no words for one


class AccessLogSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[access_log]: *file* "-" is standard output; *keep*: with it a file a day, removed when all of it is older."""

    file: str = "-"
    addresses: Literal["full", "truncated", "hash", "none"] = "truncated"
    retention: Duration | None = None


class MetricsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[metrics]: *listen* is one endpoint string of Twisted, for Prometheus and for probers; *proxies* as finger's."""

    listen: str = "tcp:9079:interface=127.0.0.1"
    trusted_proxies: list[str] = msgspec.field(default_factory=lambda: ["127.0.0.1", "::1"])


class ControlSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[control]: where the commands of this machine reach the gateway that runs."""

    socket: Annotated[str, Meta(min_length=1)] = "control.sock"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of gateway.toml. A protocol whose table is missing does not run."""

    site: SiteSettings = SiteSettings()
    privacy: PrivacySettings = PrivacySettings()
    store: StoreSettings = StoreSettings()
    sources: dict[str, SourceSettings] = {}
    finger: FingerSettings | None = None
    web: WebSettings | None = None
    irc: list[NetworkSettings] = []
    limits: LimitSettings = msgspec.field(default_factory=LimitSettings)
    access_log: AccessLogSettings = AccessLogSettings()
    metrics: MetricsSettings | None = None
    control: ControlSettings = ControlSettings()


def load_settings(file: Path) -> Settings:
    """The settings in *file*. Raises BadSettings with every mistake."""
    settings = load_toml(file, Settings)
    mistakes = [Problem(str(file), *each) for each in _impossible(settings, file.parent)]
    if mistakes:
        raise BadSettings(mistakes)
    return settings


def database_file(settings: Settings, folder: Path) -> Path:
    """The path of the SQLite file, relative ones seen from *folder*."""
    return folder / settings.store.url.removeprefix("sqlite:")


def login_poll_interval(settings: Settings) -> timedelta | None:
    """How often this machine's logins are looked at; None: not at all."""
    table = settings.sources.get(LOGINS)
    return None if table is None else table.every or timedelta(seconds=5)


def access_log_file(settings: Settings, folder: Path) -> Path | None:
    """The file of the records, relative ones seen from *folder*; None is standard output."""
    return None if settings.access_log.file == "-" else folder / settings.access_log.file


def control_socket(settings: Settings, folder: Path) -> Path:
    """The path of the control socket, relative ones seen from *folder*."""
    return folder / settings.control.socket


def _is_base(text: str) -> bool:
    """Can paths be hung on *text*, an address of the web?"""
    try:
        url = urlsplit(text)
        _ = url.port  # raises for what is no number
    except ValueError:
        return False
    web = url.scheme in ("http", "https") and bool(url.hostname)
    return web and not (url.query or url.fragment or text.endswith("/"))


def _is_logo(file: Path) -> bool:
    try:
        return file.suffix.lower() in LOGOS and file.is_file() and 0 < len(file.read_bytes()) <= MOST_LOGO
    except (OSError, ValueError):  # ValueError: a null byte in the path
        return False


def _elsewhere(web: WebSettings, site: SiteSettings) -> Iterator[tuple[str, str, str]]:
    """Servers of [web] that could never be asked."""
    if web.fediverse is not None:
        named = parse_account(web.fediverse.replace("{login}", "alice")) if "{login}" in web.fediverse else None
        if named is None or named[1] in map(canonical_host, site.hosts):
            yield (
                "web.fediverse",
                repr(web.fediverse),
                'an account with {login} in it at a host that is not this one, as in "@{login}@social.example"',
            )
    if web.webfinger is not None:
        written = web.webfinger.isascii() and web.webfinger.isprintable() and " " not in web.webfinger
        bare = written and _is_base(web.webfinger) and not urlsplit(web.webfinger).path
        if not bare or (_is_base(site.url) and _origin(web.webfinger) == _origin(site.url)):
            allowed = 'the address of a server that is not this one, without a path, as in "https://social.example"'
            yield "web.webfinger", repr(web.webfinger), allowed


def _origin(address: str) -> tuple[str | None, int]:
    """The server that *address* leads to."""
    url = urlsplit(address)
    return url.hostname, url.port or (443 if url.scheme == "https" else 80)


def _impossible(settings: Settings, folder: Path) -> Iterator[tuple[str, str, str] | tuple[str, str, str, str]]:
    site = settings.site
    for number, host in enumerate(site.hosts):
        if not host or any(character in host for character in "/@ :"):
            yield f"site.hosts[{number}]", repr(host), 'a host name, as in "dir.test"'
    if not _is_base(site.url):
        yield "site.url", repr(site.url), 'an address that begins with https:// or http://, no "/" at its end'
    for number, network in enumerate(site.members):
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            yield f"site.members[{number}]", f"{network!r} ({error})", 'a network, as in "192.0.2.0/24"'
    for listens, its in (("finger", settings.finger), ("web", settings.web), ("metrics", settings.metrics)):
        for number, proxy in enumerate(() if its is None else its.trusted_proxies):
            try:
                ipaddress.ip_network(proxy)
            except ValueError as error:
                yield (
                    f"{listens}.trusted_proxies[{number}]",
                    f"{proxy!r} ({error})",
                    'an address or a network, as in "192.0.2.7"',
                )
    if settings.web is not None:
        yield from _elsewhere(settings.web, site)
    for number, pattern in enumerate(() if settings.finger is None else settings.finger.forward_to):
        try:
            HostPatterns([pattern])
        except BadPattern:
            yield (
                f"finger.forward_to[{number}]",
                repr(pattern),
                'a host, as in "dir.example.org", or all below one, as in "*.example.org"; the port is 79',
            )
    for number, name in enumerate(site.administrators):
        try:
            canonical_login(name)
        except InvalidLogin as error:
            yield f"site.administrators[{number}]", repr(name), f"a login name: {error}"
    if site.templates is not None and not (folder / site.templates).is_dir():
        yield "site.templates", repr(site.templates), "a folder that is there"
    if site.look.accent is not None and not re.fullmatch("#(?:[0-9a-fA-F]{3}){1,2}", site.look.accent):
        yield "site.look.accent", repr(site.look.accent), 'a colour, as in "#b33" or "#bb3333"'
    if site.look.logo is not None and not _is_logo(folder / site.look.logo):
        allowed = f"a file that can be read, of at most {MOST_LOGO // 1024} KiB, ending in {', '.join(LOGOS)}"
        yield "site.look.logo", repr(site.look.logo), allowed
    for table in ("default", "limit"):
        for field in getattr(settings.privacy, table):
            if field not in FIELDS:
                near = difflib.get_close_matches(field, FIELDS, 1, 0.5)
                hint = f"did you mean {near[0]}?" if near else ""
                yield f"privacy.{table}.{field}", "an unknown field", ", ".join(FIELDS), hint
    for name, source in settings.sources.items():
        if name == LOGINS and (source.class_ is not None or source.options or source.cache_ttl is not None):
            yield (
                f"sources.{name}",
                "keys of a class of one's own",
                'every, as in every = "5s"; or another name for the class',
            )
        elif name != LOGINS and source.class_ is None:
            yield f"sources.{name}.class", "nothing", 'the class of the source, as in "my_sources:VendingMachine"'
        elif name != LOGINS and source.every is not None:
            yield f"sources.{name}.every", "a key of [sources.logins]", "class, options, cache_ttl"
    if settings.access_log.file in ("", ".") or "\0" in settings.access_log.file:
        yield "access_log.file", repr(settings.access_log.file), 'the path of a file, or "-" for standard output'
    if settings.access_log.retention is not None:
        if settings.access_log.retention < timedelta(days=1):
            yield (
                "access_log.retention",
                str(settings.access_log.retention),
                '"1d" or more: records are put aside by the day',
            )
        if settings.access_log.file == "-":
            yield (
                "access_log.retention",
                'set, though access_log.file is "-"',
                "access_log.retention where access_log.file names a file",
            )
    if "\0" in settings.control.socket:
        yield "control.socket", repr(settings.control.socket), "the path of a socket"
    if not re.fullmatch(r"sqlite:[^\0]+", settings.store.url):
        yield "store.url", repr(settings.store.url), '"sqlite:" and the path of a file, as in "sqlite:people.db"'
    networks = [network.network for network in settings.irc]
    for number, each in enumerate(networks):
        if each in networks[:number]:
            yield f"irc[{number}].network", f"{each!r} again", "a name of its own for each network"
    if settings.finger is None and settings.web is None and not settings.irc:
        yield "", "none of [finger], [web] and [[irc]]", "at least one of them: there is nothing to run"
