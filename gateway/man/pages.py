"""The manual pages by file."""

from collections.abc import Callable, Mapping
from pathlib import Path

from .command_page import command_page
from .settings_page import settings_page

_FOLDER = Path(__file__).parent

PAGES: Mapping[Path, Callable[[], str]] = {
    _FOLDER / "finger-gateway.1": command_page,
    _FOLDER / "gateway.toml.5": settings_page,
}
