"""Where gateway.toml is looked for."""

import os
from pathlib import Path

from .loader import BadSettings, Problem

NAME = "gateway.toml"
PLACES = (Path(NAME), Path("/etc/finger-gateway") / NAME)


def find_settings_file(named: str | os.PathLike[str] | None) -> Path:
    """The settings file: *named*, else $FINGER_GATEWAY_CONFIG, else here, else in /etc. Raises BadSettings."""
    said = named or os.environ.get("FINGER_GATEWAY_CONFIG")
    if said:
        return Path(said).absolute()
    for place in PLACES:
        if place.exists():
            return place.absolute()
    allowed = " or ".join(map(str, PLACES)) + "; `finger-gateway init` writes one, -c names another"
    raise BadSettings([Problem(NAME, "", "no such file", allowed)])
