"""Import an operator's own class, named in gateway.toml as "module:Class"."""

import importlib
import sys
from pathlib import Path
from typing import Any

from .problems import describe_problem


class CannotImport(Exception):
    """A class that cannot be imported: what was found, and what is allowed."""

    def __init__(self, found: str, allowed: str) -> None:
        super().__init__(describe_problem(found, allowed))
        self.found, self.allowed = found, allowed


def import_class(path: str, folder: Path) -> Any:
    """Import *path* ("module:Class") from *folder*, where gateway.toml is, or from Python's path. Raises CannotImport."""
    module_name, _, class_name = path.partition(":")
    if not module_name or not class_name:
        raise CannotImport(repr(path), 'a module and a class, e.g. "my_sources:VendingMachine"')
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        return getattr(importlib.import_module(module_name), class_name)
    except Exception as error:
        found = f"{path!r}, which cannot be imported ({type(error).__name__}: {error})"
        raise CannotImport(found, f"in a module in {folder} or on Python's path") from error
