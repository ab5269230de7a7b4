"""What can be told of the operator's own templates without filling them: which nobody asks for, and which ask for what
nobody gives. For `check`; a template that fails when it is filled is found by filling it."""

import difflib
from collections.abc import Iterator

from jinja2 import meta, nodes

from .templates import BUILT_IN, TemplateSet


def unused_templates(texts: TemplateSet) -> Iterator[tuple[str, str]]:
    """The operator's own templates that have no name of ours and that none includes, each with the name of ours that comes
    nearest, or ""."""
    if texts.own is None:
        return
    included = {each for name in texts.names() for each in meta.find_referenced_templates(texts.parsed(name))}
    if None in included:  # one that is called by a name made on the way
        return
    ours = [name for name in texts.names() if _is_ours(name)]
    for name in texts.names():
        if not _is_ours(name) and name not in included:
            yield name, next(iter(difflib.get_close_matches(name, ours, 1)), "")


def undefined_names(texts: TemplateSet) -> Iterator[tuple[str, str]]:
    """The operator's own templates and the names in them that no template of that room is given."""
    given: dict[str, set[str]] = {}
    own = []
    for name in texts.names():
        parsed, room = texts.parsed(name), name.partition("/")[0]
        if texts.own is not None and (texts.own / name).is_file():
            own.append((name, room, meta.find_undeclared_variables(parsed)))
            given.setdefault(room, set()).update(_asked_by_ours(name), _made(parsed))
        else:
            given.setdefault(room, set()).update(meta.find_undeclared_variables(parsed), _made(parsed))
    for name, room, asked in own:
        for each in sorted(asked - given[room] - texts.given):
            yield name, each


def _asked_by_ours(name: str) -> set[str]:
    return meta.find_undeclared_variables(TemplateSet().parsed(name)) if _is_ours(name) else set()


def _made(parsed: nodes.Template) -> Iterator[str]:
    """The names that a template gives itself, and so those that it includes."""
    for name in parsed.find_all(nodes.Name):
        if name.ctx != "load":
            yield name.name
    for macro in parsed.find_all(nodes.Macro):
        yield macro.name
    for taken in parsed.find_all(nodes.FromImport):
        yield from (each if isinstance(each, str) else each[1] for each in taken.names)


def _is_ours(name: str) -> bool:
    return (BUILT_IN / name).is_file()
