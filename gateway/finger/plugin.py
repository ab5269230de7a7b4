"""Finger as a protocol of the gateway."""

from collections.abc import Iterable
from typing import Any

from ..dependencies import ProtocolDependencies
from ..rendering.templates import TemplateSet
from .protocol import FingerService
from .settings import FingerSettings
from .template_check import find_template_problems


class FingerPlugin:
    """Finger (RFC 1288): one line in, text out."""

    title = "finger"
    settings_type = FingerSettings
    verbs = ("lookup", "list")

    def make(self, settings: FingerSettings, deps: ProtocolDependencies) -> FingerService:
        return FingerService(settings, deps)

    def check_settings(self, settings: FingerSettings, reactor: Any, file: str, key: str) -> Iterable[str]:
        return ()

    def check_templates(self, templates: TemplateSet) -> Iterable[str]:
        return find_template_problems(templates)

    def contact(self, settings: FingerSettings) -> str | None:
        return None
