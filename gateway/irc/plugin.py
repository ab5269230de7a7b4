"""The IRC bot as a protocol plugin."""

from collections.abc import Iterable, Sequence
from typing import Any

from ..config.problems import CannotStart
from ..dependencies import ProtocolDependencies
from ..net.endpoints import client_endpoint
from ..rendering.templates import TemplateSet
from . import commands  # noqa: F401  # importing it registers the commands
from .command_registry import COMMANDS
from .service import IrcService
from .settings import NetworkSettings


class IrcPlugin:
    """IRC: a bot on each network, for private messages and channels."""

    title = "IRC"
    settings_type = NetworkSettings
    verbs = tuple(dict.fromkeys(command.verb for command in COMMANDS))

    def make(self, settings: Sequence[NetworkSettings], deps: ProtocolDependencies) -> IrcService:
        return IrcService(settings, deps)

    def check_settings(self, settings: Sequence[NetworkSettings], reactor: Any, file: str, key: str) -> Iterable[str]:
        for number, network in enumerate(settings):
            try:
                client_endpoint(reactor, file, f"{key}[{number}].server", network.server)
            except CannotStart as error:
                yield str(error)

    def check_templates(self, templates: TemplateSet) -> Iterable[str]:
        return ()

    def contact(self, settings: Sequence[NetworkSettings]) -> str | None:
        return settings[0].nick if settings else None
