"""The web side as a protocol plugin."""

from collections.abc import Iterable
from typing import Any

from ..dependencies import ProtocolDependencies
from ..rendering.templates import TemplateSet
from .app import WebService
from .settings import WebSettings
from .template_check import find_template_problems


class WebPlugin:
    """HTTP: pages for people, JSON for programs, text for curl."""

    title = "the web"
    settings_type = WebSettings
    verbs = ("lookup", "list", "search", "page", "probe")

    def make(self, settings: WebSettings, deps: ProtocolDependencies) -> WebService:
        return WebService(settings, deps)

    def check_settings(self, settings: WebSettings, reactor: Any, file: str, key: str) -> Iterable[str]:
        return ()

    def check_templates(self, templates: TemplateSet) -> Iterable[str]:
        return find_template_problems(templates)

    def contact(self, settings: WebSettings) -> str | None:
        return None
