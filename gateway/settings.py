"""All of gateway.toml as one struct: the tables that belong to no protocol, and those of the protocols in the registry.

How a file is read into structs, and how problems are reported, is config's. What a protocol's table may hold is its own
settings.py's; what no type can express is checked here.
"""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta

from .config.base_url import is_base_url
from .config.loader import load_toml
from .config.problems import BadSettings, Problem, describe_unknown
from .config.types import Duration
from .directory.fields import FIELDS
from .directory.names import InvalidLogin, canonical_login
from .protocol_registry import PROTOCOLS, BuiltInProtocol, own_protocol_problems

LOGO_ENDINGS = (".svg", ".png", ".webp", ".jpg", ".jpeg")
MAX_LOGO_BYTES = 256 * 1024
LOGINS = "logins"  # the source that is not an operator's own class
Level = Literal["everyone", "members", "nobody"]


class LookSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[site] look: the accent colour ("#rgb" or "#rrggbb"), a logo before the name, a line at the foot of each page."""

    accent: str | None = None
    logo: str | None = None
    footer: str = ""


class SiteSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[site]: *hosts* are the host names of this site, the main one first; *url* is the web side's public address."""

    name: str = "Our people"
    hosts: Annotated[list[str], Meta(min_length=1)] = msgspec.field(default_factory=lambda: ["localhost"])
    url: str = "http://localhost:8080"
    members: list[str] = []
    administrators: list[str] = []
    templates: str | None = None
    look: LookSettings = LookSettings()


class PrivacySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[privacy]: a preset of RFC 1288, section 3.2.3, and the operator's own levels by field."""

    preset: Literal["open", "A", "B", "C"] = "open"
    default: dict[str, Level] = {}
    limit: dict[str, Level] = {}


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[store]: *url* is "sqlite:" and the path of the database."""

    url: str = "sqlite:people.db"


class SourceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[sources.logins] and [sources.NAME].

    The first polls *every* so often who is logged in on this machine. The second is an operator's own class, called with
    *options*.
    """

    class_: str | None = msgspec.field(name="class", default=None)
    options: dict[str, Any] = {}
    cache_ttl: Duration | None = None
    every: Duration | None = None


class LimitSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[limits]: *timeout* is for a query line, a request head and a PROXY header."""

    connections: Annotated[int, Meta(ge=1)] = 1000
    connections_per_address: Annotated[int, Meta(ge=1)] = 20
    queries_per_minute: Annotated[int, Meta(ge=1)] = 60
    timeout: Duration = msgspec.field(default_factory=lambda: Duration(seconds=10))  # a factory: not in the JSON Schema


class AccessLogSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[access_log]: *file* "-" is standard output. With *retention* there is one file per day, removed when it is older."""

    file: str = "-"
    addresses: Literal["full", "truncated", "hash", "none"] = "truncated"
    retention: Duration | None = None


class MetricsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[metrics]: *listen* is one Twisted endpoint string, for Prometheus and health checks."""

    listen: str = "tcp:9079:interface=127.0.0.1"
    trusted_proxies: list[str] = msgspec.field(default_factory=lambda: ["127.0.0.1", "::1"])


class ControlSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[control]: the socket by which commands on this machine reach the running gateway."""

    socket: Annotated[str, Meta(min_length=1)] = "control.sock"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of gateway.toml but the tables of the built-in protocols, which SettingsFile has besides.

    *protocols* are an operator's own, by name: the table as it was read, because only the class that it names knows what
    it may hold.
    """

    site: SiteSettings = SiteSettings()
    privacy: PrivacySettings = PrivacySettings()
    store: StoreSettings = StoreSettings()
    sources: dict[str, SourceSettings] = {}
    protocols: dict[str, dict[str, Any]] = {}
    limits: LimitSettings = msgspec.field(default_factory=LimitSettings)
    access_log: AccessLogSettings = AccessLogSettings()
    metrics: MetricsSettings | None = None
    control: ControlSettings = ControlSettings()

    def protocol(self, name: str) -> Any:
        """Return the settings of the built-in protocol *name*: a struct or None; a list of structs if it is repeated."""
        return getattr(self, name)


def _protocol_field(row: BuiltInProtocol) -> tuple[str, Any, Any]:
    if row.repeated:
        return row.name, list[row.settings_type], msgspec.field(default_factory=list)  # type: ignore[name-defined]
    return row.name, row.settings_type | None, None


SettingsFile = cast(
    type[Settings],
    msgspec.defstruct(
        "SettingsFile",
        [_protocol_field(row) for row in PROTOCOLS],
        bases=(Settings,),
        module=__name__,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    ),
)


def load_settings(file: Path) -> Settings:
    """Read the settings in *file*. Raises BadSettings with every problem."""
    settings = load_toml(file, SettingsFile)
    problems = [Problem(str(file), *each) for each in _find_value_problems(settings, file.parent)]
    for problem in own_protocol_problems(settings.protocols, file.parent):
        problems.append(replace(problem, file=str(file)))
    if problems:
        raise BadSettings(problems)
    return settings


def database_file(settings: Settings, folder: Path) -> Path:
    """Return the path of the SQLite file; a relative one is seen from *folder*."""
    return folder / settings.store.url.removeprefix("sqlite:")


def login_poll_interval(settings: Settings) -> timedelta | None:
    """Return how often to look who is logged in on this machine; None for never."""
    table = settings.sources.get(LOGINS)
    return None if table is None else table.every or timedelta(seconds=5)


def access_log_file(settings: Settings, folder: Path) -> Path | None:
    """Return the path of the access log, a relative one seen from *folder*; None is standard output."""
    return None if settings.access_log.file == "-" else folder / settings.access_log.file


def control_socket(settings: Settings, folder: Path) -> Path:
    """Return the path of the control socket; a relative one is seen from *folder*."""
    return folder / settings.control.socket


ValueProblem = tuple[str, str, str]  # key, found, allowed: see describe_problem


def _find_value_problems(settings: Settings, folder: Path) -> Iterator[ValueProblem]:
    yield from _find_site_problems(settings.site, folder)
    for row in PROTOCOLS:
        table = settings.protocol(row.name)
        if table:
            yield from row.find_problems(table, settings.site.hosts, settings.site.url)
    for key, networks in _trusted_proxies(settings):
        for number, proxy in enumerate(networks):
            try:
                ipaddress.ip_network(proxy)
            except ValueError:
                yield (
                    f"{key}.trusted_proxies[{number}]",
                    repr(proxy),
                    f"an IP address or {_network_like(proxy)}",
                )
    yield from _find_level_problems(settings.privacy)
    yield from _find_source_problems(settings.sources)
    yield from _find_access_log_problems(settings.access_log)
    if "\0" in settings.control.socket:
        yield "control.socket", repr(settings.control.socket), 'the path of a socket, e.g. "control.sock"'
    if not re.fullmatch(r"sqlite:[^\0]+", settings.store.url):
        yield "store.url", repr(settings.store.url), '"sqlite:" and the path of a file, e.g. "sqlite:people.db"'
    if not settings.protocols and not any(settings.protocol(row.name) for row in PROTOCOLS):
        tables = [f"[[{row.name}]]" if row.repeated else f"[{row.name}]" for row in PROTOCOLS]
        yield "", "", f"nothing to run; add at least one of the tables {', '.join(tables[:-1])} and {tables[-1]}"


def _trusted_proxies(settings: Settings) -> Iterator[tuple[str, list[str]]]:
    """Yield each table that has the key, and its value."""
    tables = {row.name: settings.protocol(row.name) for row in PROTOCOLS} | {"metrics": settings.metrics}
    for key, table in tables.items():
        yield key, getattr(table, "trusted_proxies", [])


def _find_site_problems(site: SiteSettings, folder: Path) -> Iterator[ValueProblem]:
    for number, host in enumerate(site.hosts):
        if not host or any(character in host for character in "/@ :"):
            yield f"site.hosts[{number}]", repr(host), 'a host name without port or path, e.g. "dir.test"'
    if not is_base_url(site.url):
        yield (
            "site.url",
            repr(site.url),
            'an http:// or https:// address without "/" at the end, e.g. "https://dir.test"',
        )
    for number, network in enumerate(site.members):
        try:
            ipaddress.ip_network(network)
        except ValueError:
            yield f"site.members[{number}]", repr(network), _network_like(network)
    for number, name in enumerate(site.administrators):
        try:
            canonical_login(name)
        except InvalidLogin as error:
            yield f"site.administrators[{number}]", repr(name), str(error)
    if site.templates is not None and not (folder / site.templates).is_dir():
        yield (
            "site.templates",
            repr(site.templates),
            "an existing folder, relative to gateway.toml",
        )
    if site.look.accent is not None and not re.fullmatch("#(?:[0-9a-fA-F]{3}){1,2}", site.look.accent):
        yield "site.look.accent", repr(site.look.accent), 'a colour, e.g. "#b33" or "#bb3333"'
    if site.look.logo is not None and not _is_logo(folder / site.look.logo):
        allowed = f"an image file that exists, at most {MAX_LOGO_BYTES // 1024} KiB, with the ending {', '.join(LOGO_ENDINGS)}"
        yield "site.look.logo", repr(site.look.logo), allowed


def _network_like(text: str) -> str:
    """Return what to write instead of *text* for a network."""
    try:
        return f'a network, e.g. "{ipaddress.ip_network(text, strict=False)}"'
    except ValueError:
        return 'a network, e.g. "192.0.2.0/24"'


def _is_logo(file: Path) -> bool:
    try:
        return file.suffix.lower() in LOGO_ENDINGS and file.is_file() and 0 < len(file.read_bytes()) <= MAX_LOGO_BYTES
    except (OSError, ValueError):  # ValueError: a null byte in the path
        return False


def _find_level_problems(privacy: PrivacySettings) -> Iterator[ValueProblem]:
    for table in ("default", "limit"):
        for field in getattr(privacy, table):
            if field not in FIELDS:
                yield f"privacy.{table}.{field}", "", describe_unknown("field", field, FIELDS)


def _find_source_problems(sources: dict[str, SourceSettings]) -> Iterator[ValueProblem]:
    for name, source in sources.items():
        if name == LOGINS and (source.class_ is not None or source.options or source.cache_ttl is not None):
            yield (
                f"sources.{name}",
                "",
                'takes only the key every, e.g. every = "5s"; a class of your own needs another name, e.g. [sources.mine]',
            )
        elif name != LOGINS and source.class_ is None:
            yield (
                f"sources.{name}.class",
                "",
                'missing; must be the class of the source, e.g. "my_sources:VendingMachine"',
            )
        elif name != LOGINS and source.every is not None:
            yield (
                f"sources.{name}.every",
                "",
                'only for [sources.logins]; remove it, or use cache_ttl, e.g. cache_ttl = "5s"',
            )


def _find_access_log_problems(log: AccessLogSettings) -> Iterator[ValueProblem]:
    if log.file in ("", ".") or "\0" in log.file:
        yield "access_log.file", repr(log.file), 'the path of a file, or "-" for standard output'
    if log.retention is None:
        return
    if log.retention < timedelta(days=1):
        yield "access_log.retention", "less than a day", '"1d" or more, because there is one log file a day'
    if log.file == "-":
        message = 'nothing to remove while access_log.file is "-" (standard output); set file = "access.jsonl"'
        yield "access_log.retention", "", f"{message}, or remove retention"
