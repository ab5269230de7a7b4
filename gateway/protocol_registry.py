"""The one list of protocols.

A row of PROTOCOLS is a protocol of the product: its table in gateway.toml and the class that makes its service. An
operator's own protocol is a class named in a table [protocols.NAME]. Settings, `check`, listeners, reload, metrics and
pages all go through `enabled_protocols`, so nothing else has to be changed for one more protocol.

The code of a protocol is imported when the settings ask for it: a gateway without IRC never loads twisted.words.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import msgspec
from twisted.application.service import IServiceCollection

from .config.import_class import CannotImport, import_class
from .config.loader import convert
from .config.problems import BadSettings, Problem
from .config.types import show_value
from .dependencies import ProtocolDependencies, ProtocolInfo
from .finger import settings as finger_settings
from .finger.settings import FingerSettings
from .irc import settings as irc_settings
from .irc.settings import NetworkSettings
from .rendering.templates import TemplateSet
from .web import settings as web_settings
from .web.settings import WebSettings


class ProtocolService(Protocol):
    """A protocol at work: a Twisted service (IService)."""

    def setName(self, name: str) -> None: ...  # noqa: N802  # Twisted's name
    def setServiceParent(self, parent: IServiceCollection) -> None: ...  # Twisted's name

    def prepare_reload(self, settings: Any, deps: ProtocolDependencies) -> Callable[[], None]:
        """Build everything that other *settings* need, which may fail.

        Returns a function that puts it in place, which cannot fail.
        """


class ListeningService(ProtocolService, Protocol):
    """The service of a protocol whose settings have `listen`."""

    factory: Any  # an IProtocolFactory, with the open connections as `connections`


class ProtocolPlugin(Protocol):
    """What the gateway needs to know of a protocol. A class without arguments; its instance has no state.

    A subclass needs the attributes and make(); the other methods have defaults.

    *title* is what people read ("IRC"); *settings_type* the msgspec struct of its table, with `listen` and
    `trusted_proxies` where it listens; *verbs* the access log's verbs of its requests.
    """

    title: str
    settings_type: type[msgspec.Struct]
    verbs: tuple[str, ...]

    def make(self, settings: Any, deps: ProtocolDependencies) -> ProtocolService:
        """Build the service. It opens nothing until it is started."""

    def check_settings(self, settings: Any, reactor: Any, file: str, key: str) -> Iterable[str]:
        """Yield a message for each thing in *settings* that would stop a start, and that no type can express."""
        return ()

    def check_templates(self, templates: TemplateSet) -> Iterable[str]:
        """Fill this protocol's templates with sample people; yield a message for each that fails."""
        return ()

    def contact(self, settings: Any) -> str | None:
        """Return the name under which people reach this protocol, e.g. a bot's nick; None where there is none."""
        return None


@dataclass(frozen=True)
class BuiltInProtocol:
    """A row of PROTOCOLS: the table *name* of gateway.toml, and the plugin's import path.

    *find_problems* takes the table, the site's host names and its url, and yields the values that no type can forbid:
    key, found, allowed (see `config.problems.describe_problem`). *repeated*: the table is written `[[name]]` and may be
    there more than once.
    """

    name: str
    settings_type: type[msgspec.Struct]
    plugin: str
    find_problems: Callable[[Any, Sequence[str], str], Iterable[tuple[str, str, str]]]
    repeated: bool = False


PROTOCOLS = (
    BuiltInProtocol("finger", FingerSettings, "gateway.finger.plugin:FingerPlugin", finger_settings.find_problems),
    BuiltInProtocol("web", WebSettings, "gateway.web.plugin:WebPlugin", web_settings.find_problems),
    BuiltInProtocol("irc", NetworkSettings, "gateway.irc.plugin:IrcPlugin", irc_settings.find_problems, repeated=True),
)


@dataclass(frozen=True)
class EnabledProtocol:
    """A protocol that the settings ask for.

    *key* is its table as messages name it; *settings* is the table as a struct, a list of structs if it is repeated.
    """

    name: str
    key: str
    settings: Any
    plugin: ProtocolPlugin

    @property
    def endpoints(self) -> Sequence[tuple[str, str]]:
        """The key and the value of each endpoint string to listen on."""
        listen = getattr(self.settings, "listen", ())
        return [(f"{self.key}.listen[{number}]", endpoint) for number, endpoint in enumerate(listen)]

    @property
    def trusted_proxies(self) -> Sequence[str]:
        return getattr(self.settings, "trusted_proxies", ())

    @property
    def info(self) -> ProtocolInfo:
        """Return what pages and texts say of this protocol."""
        return ProtocolInfo(self.name, self.plugin.title, self.plugin.contact(self.settings))


def enabled_protocols(settings: Any, folder: Path) -> list[EnabledProtocol]:
    """List the protocols that *settings* (settings.Settings) ask for, in the order of the registry.

    Imports their code. *folder* is where gateway.toml is. Raises BadSettings for an operator's own protocol that cannot
    be imported or whose table is wrong.
    """
    enabled = [
        EnabledProtocol(row.name, row.name, table, _built_in(row.plugin))
        for row in PROTOCOLS
        if (table := getattr(settings, row.name))
    ]
    problems: list[Problem] = []
    for name, table in settings.protocols.items():
        key = f"protocols.{name}"
        try:
            plugin, converted = _own(key, table, folder)
        except BadSettings as bad:
            problems += bad.problems
        else:
            enabled.append(EnabledProtocol(name, key, converted, plugin))
    if problems:
        raise BadSettings(problems)
    return enabled


def all_plugins(settings: Any, folder: Path) -> list[ProtocolPlugin]:
    """List every built-in plugin, enabled or not, and those of the operator's own protocols. Raises BadSettings."""
    own = [each.plugin for each in enabled_protocols(settings, folder) if each.name != each.key]
    return [*(_built_in(row.plugin) for row in PROTOCOLS), *own]


def own_protocol_problems(protocols: Mapping[str, Mapping[str, Any]], folder: Path) -> Iterator[Problem]:
    """Yield what is wrong with the tables [protocols.NAME]."""
    for name, table in protocols.items():
        key = f"protocols.{name}"
        if name in {row.name for row in PROTOCOLS}:
            yield Problem(
                "", key, "", f"{name} is a built-in protocol; use the table [{name}], or give yours another name"
            )
            continue
        try:
            _own(key, table, folder)
        except BadSettings as bad:
            yield from bad.problems


def _own(key: str, table: Mapping[str, Any], folder: Path) -> tuple[ProtocolPlugin, Any]:
    """Return the plugin and the settings of one table [protocols.NAME]. Raises BadSettings."""
    path = table.get("class")
    if not isinstance(path, str):
        allowed = 'the class of the protocol, e.g. "whois:Whois"'
        if path is None:
            raise BadSettings([Problem("", f"{key}.class", "", f"missing; must be {allowed}")])
        raise BadSettings([Problem("", f"{key}.class", show_value(path), allowed)])
    try:
        plugin: ProtocolPlugin = import_class(path, folder)()
        settings_type = plugin.settings_type
    except CannotImport as error:
        raise BadSettings([Problem("", f"{key}.class", error.found, error.allowed)]) from None
    except Exception as error:
        found = f"{path!r} ({type(error).__name__}: {error})"
        raise BadSettings([Problem("", f"{key}.class", found, "a class like that of examples/whois")]) from None
    rest = {name: value for name, value in table.items() if name != "class"}
    return plugin, convert("", rest, settings_type, key, "TOML")


@cache
def _built_in(path: str) -> ProtocolPlugin:
    module, _, name = path.partition(":")
    plugin: ProtocolPlugin = getattr(import_module(module), name)()
    return plugin
