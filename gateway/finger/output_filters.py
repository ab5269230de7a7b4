"""What [finger] says of texts, made: a house whose renderer writes for terminals. Web and IRC go on with their own."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from ..dependencies import ProtocolDependencies
from ..text.sanitize import sanitize, sanitize_keeping_colour, to_ascii
from .settings import FingerSettings

SHOWN: Mapping[str, Callable[[str], str]] = {"strip": sanitize, "sgr": sanitize_keeping_colour}
SPELLED: Mapping[str, Callable[[str], str]] = {"utf-8": str, "ascii": to_ascii}
ABOVE, BELOW = "finger/header.txt", "finger/footer.txt"


def with_finger_output(settings: FingerSettings, deps: ProtocolDependencies) -> ProtocolDependencies:
    """*house*, its texts as *settings* want them."""
    shown, spelled = SHOWN[settings.ansi], SPELLED[settings.charset]
    renderer = deps.renderer.for_terminals(shown, spelled, settings.max_plan_bytes, ABOVE, BELOW)
    return replace(deps, renderer=renderer)
