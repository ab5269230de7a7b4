"""An operator's own source: a class named in the settings as `class = "module:Class"`, found beside gateway.toml or
anywhere else on Python's path. What it has to offer stands in directory/ports.py, class Source."""

import importlib
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from ..directory.interfaces import Source

NEEDED = ("get", "everyone", "restricts", "cache_ttl")


class BadSource(Exception):
    """A class that cannot be had or is no source: what was found, and what is allowed."""

    def __init__(self, found: str, allowed: str) -> None:
        super().__init__(f"found {found}; allowed: {allowed}")
        self.found, self.allowed = found, allowed


def load(name: str, path: str, options: Mapping[str, Any], cache: timedelta | None, folder: Path) -> Source:
    """The source *name*, made by calling the class at *path* with *options*. Raises BadSource."""
    module_name, _, class_name = path.partition(":")
    if not module_name or not class_name:
        raise BadSource(repr(path), '"module:Class"')
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        kind = getattr(importlib.import_module(module_name), class_name)
        source = kind(**options)
    except Exception as error:
        raise BadSource(
            f"{path!r} ({type(error).__name__}: {error})", "a class that can be imported and made"
        ) from error
    if missing := [each for each in NEEDED if not hasattr(source, each)]:
        raise BadSource(f"{path!r} without {', '.join(missing)}", f"a class with {', '.join(NEEDED)}")
    source.name = name
    if cache is not None:
        source.cache_ttl = cache
    made: Source = source
    return made
