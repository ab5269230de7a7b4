"""The [finger] settings for texts: a renderer for terminals. Web and IRC keep their own."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from ..dependencies import ProtocolDependencies
from ..text.sanitize import sanitize, sanitize_keeping_colour, to_ascii
from .settings import FingerSettings

OUTPUT_FILTERS: Mapping[str, Callable[[str], str]] = {"strip": sanitize, "sgr": sanitize_keeping_colour}
TRANSLITERATIONS: Mapping[str, Callable[[str], str]] = {"utf-8": str, "ascii": to_ascii}
HEADER, FOOTER = "finger/header.txt", "finger/footer.txt"


def with_finger_output(settings: FingerSettings, deps: ProtocolDependencies) -> ProtocolDependencies:
    """Return *deps* with a renderer that writes texts as *settings* say."""
    shown, spelled = OUTPUT_FILTERS[settings.ansi], TRANSLITERATIONS[settings.charset]
    renderer = deps.renderer.for_terminals(shown, spelled, settings.max_plan_bytes, HEADER, FOOTER)
    return replace(deps, renderer=renderer)
