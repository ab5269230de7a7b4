"""finger-gateway init, check, run, demo and schema: the settings and what they start."""

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
from ..config.problems import BadSettings, CannotStart
from ..config.types import Duration
from ..directory.names import HostNames
from ..formats import person_json
from ..net.endpoints import NotInheritedFromSystemd, server_endpoint, trusts_any_proxy
from ..net.twisted_patches import use_monotonic_clock
from ..outbound.ip_addresses import is_public, parse_ip_literal
from ..protocol_registry import enabled_protocols
from ..rendering.templates import TemplateSet
from ..settings import Settings, SettingsFile, database_file, load_settings
from ..store import database, sqlite_store
from . import messages
from .common import CommandFailed, config_option, log_everything, settings_file, utf8
from .explain import explain_login


@click.command(short_help="Write a gateway.toml and an empty people.db.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
def init(folder: Path) -> None:
    """Write a commented gateway.toml and an empty people.db into FOLDER.

    \b
    Example:
      finger-gateway init /srv/finger
    """
    for name in ("gateway.toml", "people.db"):
        if (folder / name).exists():
            raise CommandFailed(messages.already_exists(str(folder / name)), 2)
    text = TemplateSet().render("gateway.toml", host=socket.gethostname().lower() or "localhost")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        database.create(folder / "people.db")
        (folder / "gateway.toml").write_text(text)
    except OSError as error:
        raise CommandFailed(f"{folder}: {error.strerror}", 2) from None
    click.echo(messages.initialised(str(folder)))


@click.command(short_help="Check the settings and report every error.")
@config_option
@click.option(
    "--explain", "login", type=utf8, metavar="LOGIN", help="Show who sees each field of this person, and why."
)
@click.option("--json", "as_json", is_flag=True, help="With --explain: print JSON.")
def check(login: str | None, as_json: bool) -> None:
    """Check the settings and templates and open what they name, without binding a port.

    Exit status: 0 if there are no errors; otherwise 2, and every error is printed.

    \b
    Example:
      finger-gateway check -c /etc/finger-gateway/gateway.toml
      finger-gateway check --explain alice
    """
    from twisted.internet import reactor

    if login is not None:
        click.echo(explain_login(login, as_json))
        return

    file = settings_file()
    settings = load_settings(file)
    wrong: list[str] = []
    _collect_problems(wrong, lambda: make_renderer(settings, file.parent))
    if settings.site.templates and not wrong:
        errors, unused, undefined = check_templates(settings, file.parent)
        wrong += errors
        for name, nearest in unused:
            click.echo(messages.unused_template(name, nearest), err=True)
        for name, each in undefined:
            if not name.startswith(("finger/", "web/")):  # those have been filled
                click.echo(messages.undefined_in_template(name, each), err=True)
    _collect_problems(wrong, lambda: database.inspect(database_file(settings, file.parent)))
    store = sqlite_store.SQLiteStore(database_file(settings, file.parent), reactor)
    _collect_problems(wrong, lambda: make_directory(settings, file, store, reactor))
    protocols = enabled_protocols(settings, file.parent)
    endpoints = [each for protocol in protocols for each in protocol.endpoints]
    if settings.metrics is not None:
        endpoints.append(("metrics.listen", settings.metrics.listen))
    for key, endpoint in endpoints:
        _collect_problems(wrong, partial(server_endpoint, reactor, str(file), key, endpoint))
    for key, endpoint in endpoints:
        with suppress(CannotStart):
            if trusts_any_proxy(endpoint):
                click.echo(messages.trusts_any_proxy(key, endpoint), err=True)
    for protocol in protocols:
        wrong += protocol.plugin.check_settings(protocol.settings, reactor, str(file), protocol.key)
    for network in settings.site.members:
        if ipaddress.ip_network(network).is_loopback:
            click.echo(messages.loopback_members(network), err=True)
    for warning in _forwarding_warnings(settings):
        click.echo(warning, err=True)
    if wrong:
        raise CommandFailed("\n".join(wrong), 2)
    click.echo(messages.no_problems(str(file)))


def _forwarding_warnings(settings: Settings) -> Iterator[str]:
    """Yield warnings about hosts in [finger] forward_to that can never be asked. No name is looked up."""
    ours = HostNames(settings.site.hosts)
    finger = settings.protocol("finger")
    for entry in () if finger is None else finger.forward_to:
        address = parse_ip_literal(entry)
        if entry in ours:
            yield messages.forwards_to_itself(entry)
        elif address is not None and not is_public(address):
            yield messages.forwards_to_nobody(entry)


def _collect_problems(wrong: list[str], look: Callable[[], object]) -> None:
    try:
        look()
    except NotInheritedFromSystemd:  # a command does not inherit systemd's sockets; `run` reports missing ones
        pass
    except (CannotStart, BadSettings, database.UnusableDatabase) as error:
        wrong.append(str(error))


@click.command()
@config_option
def run() -> None:
    """Run the gateway in the foreground until SIGTERM or Ctrl-C. The log goes to standard error.

    \b
    Example:
      finger-gateway run -c /etc/finger-gateway/gateway.toml
    """
    from twisted.internet import reactor

    use_monotonic_clock(reactor)
    file = settings_file()
    settings = load_settings(file)
    serve(Gateway(settings, file, reactor), reactor, log_everything)  # the log starts when nothing can fail any more


@click.command(short_help="Run sample people on finger, web and IRC.")
@click.option("--dir", "folder", type=click.Path(path_type=Path, file_okay=False), help="Keep the data in this folder.")
@click.option("--finger", default="tcp:1079:interface=127.0.0.1", show_default=True, metavar="ENDPOINT")
@click.option("--web", default="tcp:8080:interface=127.0.0.1", show_default=True, metavar="ENDPOINT")
@click.option("--irc", default="tcp:6667:interface=127.0.0.1", show_default=True, metavar="ENDPOINT")
def demo(folder: Path | None, finger: str, web: str, irc: str) -> None:
    """Run sample people on finger, web and a small IRC network, on loopback, until Ctrl-C.

    \b
    Example:
      finger-gateway demo --web tcp:8081:interface=127.0.0.1
    """
    from ..demo import run_demo

    log_everything("warn")
    run_demo(folder, finger, web, irc, click.echo)


@click.command(short_help="Print the JSON Schema of the settings or of a person.")
@click.argument("what", type=click.Choice(["settings", "person"]))
def schema(what: str) -> None:
    """Print the JSON Schema of gateway.toml or of a person document.

    \b
    Example:
      finger-gateway schema person > person.schema.json
    """
    if what == "person":
        described = person_json.person_schema()
    else:
        described = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | msgspec.json.schema(
            SettingsFile, schema_hook=_schema_of_duration
        )
    click.echo(person_json.encode_json(described), nl=False)


def _schema_of_duration(kind: type) -> dict[str, Any]:
    if issubclass(kind, Duration):
        return {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?\s*(ms|s|m|h|d)$"}
    raise NotImplementedError
