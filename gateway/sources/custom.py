"""An operator's own source: a class named in the settings as `class = "module:Class"`.

It is found beside gateway.toml or anywhere else on Python's path. What it has to offer is described by Source in
directory/interfaces.py.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from ..config.import_class import CannotImport, import_class
from ..config.problems import describe_problem
from ..directory.interfaces import Source

REQUIRED_ATTRIBUTES = ("get", "everyone", "restricts", "cache_ttl")


class BadSource(Exception):
    """A class that cannot be imported or is not a source: what was found, and what is allowed."""

    def __init__(self, found: str, allowed: str) -> None:
        super().__init__(describe_problem(found, allowed))
        self.found, self.allowed = found, allowed


def load_source(name: str, path: str, options: Mapping[str, Any], cache: timedelta | None, folder: Path) -> Source:
    """Make the source *name* by calling the class at *path* with *options*. Raises BadSource."""
    try:
        kind = import_class(path, folder)
    except CannotImport as error:
        raise BadSource(error.found, error.allowed) from error
    try:
        source = kind(**options)
    except Exception as error:
        raise BadSource(
            f"{path!r} ({type(error).__name__}: {error})", "a class that takes the keys of `options` as arguments"
        ) from error
    if missing := [each for each in REQUIRED_ATTRIBUTES if not hasattr(source, each)]:
        raise BadSource(
            f"{path!r}, which has no {', '.join(missing)}", f"a class with {', '.join(REQUIRED_ATTRIBUTES)}"
        )
    source.name = name
    if cache is not None:
        source.cache_ttl = cache
    made: Source = source
    return made
