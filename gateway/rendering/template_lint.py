"""What can be found in an operator's own templates without filling them: unused templates, and undefined names.

For `check`. A template that fails when it is filled is found by filling it, see template_check.py of finger and web.
"""

import difflib
from collections.abc import Iterator

from jinja2 import meta, nodes

from .templates import BUILT_IN, TemplateSet


def unused_templates(templates: TemplateSet) -> Iterator[tuple[str, str]]:
    """Yield the operator's own templates that have no built-in name and are not included.

    Each comes with the nearest built-in name, or "".
    """
    if templates.own is None:
        return
    included = {each for name in templates.names() for each in meta.find_referenced_templates(templates.parse(name))}
    if None in included:  # a template is included by a computed name
        return
    ours = [name for name in templates.names() if _is_built_in(name)]
    for name in templates.names():
        if not _is_built_in(name) and name not in included:
            yield name, next(iter(difflib.get_close_matches(name, ours, 1)), "")


def undefined_names(templates: TemplateSet) -> Iterator[tuple[str, str]]:
    """Yield the operator's own templates, and the names in them that are defined in no template of the same folder."""
    known: dict[str, set[str]] = {}
    own = []
    for name in templates.names():
        parsed, protocol = templates.parse(name), name.partition("/")[0]
        if templates.own is not None and (templates.own / name).is_file():
            own.append((name, protocol, meta.find_undeclared_variables(parsed)))
            known.setdefault(protocol, set()).update(_names_in_built_in(name), _own_names(parsed))
        else:
            known.setdefault(protocol, set()).update(meta.find_undeclared_variables(parsed), _own_names(parsed))
    for name, protocol, used in own:
        for each in sorted(used - known[protocol] - templates.global_names):
            yield name, each


def _names_in_built_in(name: str) -> set[str]:
    return meta.find_undeclared_variables(TemplateSet().parse(name)) if _is_built_in(name) else set()


def _own_names(parsed: nodes.Template) -> Iterator[str]:
    """Yield the names that a template, and so those that include it, defines."""
    for name in parsed.find_all(nodes.Name):
        if name.ctx != "load":
            yield name.name
    for macro in parsed.find_all(nodes.Macro):
        yield macro.name
    for taken in parsed.find_all(nodes.FromImport):
        yield from (each if isinstance(each, str) else each[1] for each in taken.names)


def _is_built_in(name: str) -> bool:
    return (BUILT_IN / name).is_file()
