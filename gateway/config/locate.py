"""Find gateway.toml."""

import os
from pathlib import Path

from .problems import BadSettings, Problem

FILE_NAME = "gateway.toml"
SEARCH_PATHS = (Path(FILE_NAME), Path("/etc/finger-gateway") / FILE_NAME)


def find_settings_file(named: str | os.PathLike[str] | None) -> Path:
    """Return the settings file: *named*, else $FINGER_GATEWAY_CONFIG, else here, else in /etc. Raises BadSettings."""
    chosen = named or os.environ.get("FINGER_GATEWAY_CONFIG")
    if chosen:
        return Path(chosen).absolute()
    for place in SEARCH_PATHS:
        if place.exists():
            return place.absolute()
    places = " or ".join(map(str, SEARCH_PATHS))
    message = f"no such file; create {places} with `finger-gateway init`, or name another file with -c FILE"
    raise BadSettings([Problem(FILE_NAME, "", "", message)])
