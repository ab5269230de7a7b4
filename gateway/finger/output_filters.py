"""What [finger] says of texts, made: a house whose renderer writes for terminals. Web and IRC go on with their own."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from ..dependencies import House
from ..text.sanitize import clean, coloured, in_ascii
from .settings import Finger

SHOWN: Mapping[str, Callable[[str], str]] = {"strip": clean, "sgr": coloured}
SPELLED: Mapping[str, Callable[[str], str]] = {"utf-8": str, "ascii": in_ascii}
ABOVE, BELOW = "finger/header.txt", "finger/footer.txt"


def dressed(settings: Finger, house: House) -> House:
    """*house*, its texts as *settings* want them."""
    shown, spelled = SHOWN[settings.ansi], SPELLED[settings.charset]
    renderer = house.renderer.for_terminals(shown, spelled, settings.max_plan_bytes, ABOVE, BELOW)
    return replace(house, renderer=renderer)
