"""Whois (RFC 3912) as a protocol of one's own: the same people and the same privacy as on finger and the web."""

from collections.abc import Callable

import msgspec

from gateway.dependencies import ProtocolDependencies
from gateway.directory.results import Ambiguous, Found, NotFound
from gateway.directory.viewers import Viewer
from gateway.one_line_server import OneLineHandler, OneLineRequest, OneLineService
from gateway.ops.request_tracker import Outcome
from gateway.protocol_registry import ProtocolPlugin


class WhoisSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table [protocols.whois] of gateway.toml."""

    listen: list[str] = msgspec.field(default_factory=lambda: ["tcp:43"])
    trusted_proxies: list[str] = []


class WhoisHandler(OneLineHandler):
    """Answers one line with one person, or with why there is none."""

    name = "whois"

    def parse(self, line: bytes, is_local_host: Callable[[str], bool]) -> OneLineRequest:
        text = line.decode("utf-8", "replace").strip()
        return OneLineRequest("lookup", text, text)

    async def answer(
        self, request: OneLineRequest, viewer: Viewer, write: Callable[[str], None]
    ) -> tuple[str, Outcome]:
        answer = await self.deps.directory.lookup(request.query, viewer)
        if isinstance(answer, Found):
            return self.deps.renderer.render_profile(answer.profile, "finger/person.txt"), answer.outcome
        if isinstance(answer, Ambiguous):
            return "".join(f"{profile.login}\n" for profile in answer.profiles), answer.outcome
        return "No match.\n" if isinstance(answer, NotFound) else "Try again later.\n", answer.outcome


class Whois(ProtocolPlugin):
    """The plugin that gateway.toml names."""

    title, settings_type, verbs = "whois", WhoisSettings, ("lookup",)

    def make(self, settings: WhoisSettings, deps: ProtocolDependencies) -> OneLineService:
        return OneLineService(WhoisHandler, settings, deps)
