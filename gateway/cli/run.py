"""finger-gateway init, check, run, demo, schema: the settings and what they start."""

import ipaddress
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec

from ..application import Gateway, serve
from ..builders import check_templates, make_directory, make_renderer
from ..config.loader import BadSettings, CannotStart, Duration
from ..directory.names import HostNames
from ..formats import person_json
from ..net.endpoints import NotInheritedFromSystemd, server_endpoint, trusts_any_proxy
from ..net.steady_clock import steady_clock
from ..outbound.ip_addresses import is_public, parse_ip_literal
from ..protocol_registry import enabled_protocols
from ..rendering.templates import TemplateSet
from ..settings import Settings, SettingsFile, database_file, load_settings
from ..store import database, sqlite_store
from . import messages
from .common import Failed, configured, full_log, settings_file, utf8
from .explain import explained


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
def init(folder: Path) -> None:
    """Write a commented gateway.toml and an empty people.db into FOLDER.

    \b
    Example:
      finger-gateway init /srv/finger
    """
    for name in ("gateway.toml", "people.db"):
        if (folder / name).exists():
            raise Failed(messages.exists(str(folder / name)), 2)
    text = TemplateSet().render("gateway.toml", host=socket.gethostname().lower() or "localhost")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        database.create(folder / "people.db")
        (folder / "gateway.toml").write_text(text)
    except OSError as error:
        raise Failed(f"{folder}: {error.strerror}", 2) from None
    click.echo(messages.initialised(str(folder)))


@click.command(short_help="Read the settings, name every mistake, bind nothing.")
@configured
@click.option("--explain", "login", type=utf8, metavar="LOGIN", help="Who sees each field of this person, and why.")
@click.option("--json", "as_json", is_flag=True, help="With --explain: for programs.")
def check(login: str | None, as_json: bool) -> None:
    """Read the settings and templates, open what they name, bind nothing. Exit 0, or 2 and a message for each mistake.

    \b
    Example:
      finger-gateway check -c /etc/finger-gateway/gateway.toml
      finger-gateway check --explain alice
    """
    from twisted.internet import reactor

    if login is not None:
        click.echo(explained(login, as_json))
        return

    file = settings_file()
    settings = load_settings(file)
    wrong: list[str] = []
    _noted(wrong, lambda: make_renderer(settings, file.parent))
    if settings.site.templates and not wrong:
        mistakes, strays, unknown = check_templates(settings, file.parent)
        wrong += mistakes
        for name, nearest in strays:
            click.echo(messages.stray_template(name, nearest), err=True)
        for name, each in unknown:
            if not name.startswith(("finger/", "web/")):  # those have been filled
                click.echo(messages.unknown_in_template(name, each), err=True)
    _noted(wrong, lambda: database.inspect(database_file(settings, file.parent)))
    store = sqlite_store.SQLiteStore(database_file(settings, file.parent), reactor)
    _noted(wrong, lambda: make_directory(settings, file, store, reactor))
    protocols = enabled_protocols(settings, file.parent)
    endpoints = [each for protocol in protocols for each in protocol.endpoints]
    if settings.metrics is not None:
        endpoints.append(("metrics.listen", settings.metrics.listen))
    for key, endpoint in endpoints:
        _noted(wrong, partial(server_endpoint, reactor, str(file), key, endpoint))
    for key, endpoint in endpoints:
        with suppress(CannotStart):
            if trusts_any_proxy(endpoint):
                click.echo(messages.open_to_all(key, endpoint), err=True)
    for protocol in protocols:
        wrong += protocol.plugin.check_settings(protocol.settings, reactor, str(file), protocol.key)
    for network in settings.site.members:
        if ipaddress.ip_network(network).is_loopback:
            click.echo(messages.loopback_members(network), err=True)
    for warning in _of_forwarding(settings):
        click.echo(warning, err=True)
    if wrong:
        raise Failed("\n".join(wrong), 2)
    click.echo(messages.fine(str(file)))


def _of_forwarding(settings: Settings) -> Iterator[str]:
    """What [finger] forward_to allows in vain. No name is looked up."""
    ours = HostNames(settings.site.hosts)
    finger = settings.protocol("finger")
    for entry in () if finger is None else finger.forward_to:
        address = parse_ip_literal(entry)
        if entry in ours:
            yield messages.forwards_to_itself(entry)
        elif address is not None and not is_public(address):
            yield messages.forwards_to_nobody(entry)


def _noted(wrong: list[str], look: Callable[[], object]) -> None:
    try:
        look()
    except NotInheritedFromSystemd:  # a command has no sockets of systemd; a gateway that has none is told at its start
        pass
    except (CannotStart, BadSettings, database.UnusableDatabase) as error:
        wrong.append(str(error))


@click.command()
@configured
def run() -> None:
    """The gateway, in the foreground, until SIGTERM or Ctrl-C. Records go where the settings say, the log to standard error.

    \b
    Example:
      finger-gateway run -c /etc/finger-gateway/gateway.toml
    """
    from twisted.internet import reactor

    steady_clock(reactor)
    file = settings_file()
    settings = load_settings(file)
    serve(Gateway(settings, file, reactor), reactor, full_log)  # the log begins when nothing can go wrong any more


@click.command(short_help="Sample people on finger, web and IRC, to try.")
@click.option("--dir", "folder", type=click.Path(path_type=Path, file_okay=False), help="Keep everything here.")
@click.option("--finger", default="tcp:1079:interface=127.0.0.1", show_default=True, metavar="ENDPOINT")
@click.option("--web", default="tcp:8080:interface=127.0.0.1", show_default=True, metavar="ENDPOINT")
@click.option("--irc", default="tcp:6667:interface=127.0.0.1", show_default=True, metavar="ENDPOINT")
def demo(folder: Path | None, finger: str, web: str, irc: str) -> None:
    """Sample people on finger, web and a small IRC network of its own, on loopback, until Ctrl-C.

    \b
    Example:
      finger-gateway demo --web tcp:8081:interface=127.0.0.1
    """
    from ..demo import show

    full_log("warn")
    show(folder, finger, web, irc, click.echo)


@click.command(short_help="JSON Schema of the settings or of a person.")
@click.argument("what", type=click.Choice(["settings", "person"]))
def schema(what: str) -> None:
    """JSON Schema of gateway.toml or of a person document, on standard output.

    \b
    Example:
      finger-gateway schema person > person.schema.json
    """
    if what == "person":
        described = person_json.schema()
    else:
        described = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | msgspec.json.schema(
            SettingsFile, schema_hook=_schema_of
        )
    click.echo(person_json.encode(described), nl=False)


def _schema_of(kind: type) -> dict[str, Any]:
    if issubclass(kind, Duration):
        return {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?\s*(ms|s|m|h|d)$"}
    raise NotImplementedError
