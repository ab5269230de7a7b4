"""The operator's own templates, tried before anybody asks: each view of this room is filled for people as there may be."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, get_args

from ..directory.sample_profiles import FULL, SAMPLES
from ..rendering.templates import BrokenTemplate, TemplateSet
from .listing import table
from .settings import Column

OF_ONE = ("person", "long", "entry", "head", "now", "address", "plan")
OF_NOBODY = ("header", "footer", "row", "help")
MORE = "https://dir.test/users"


def find_template_problems(texts: TemplateSet) -> list[str]:
    """What is wrong with the templates of [finger], file and line first, each mistake once."""
    found: dict[str, None] = {}
    for name, values in _views():
        try:
            texts.render_own(f"finger/{name}.txt", **values)
        except BrokenTemplate as broken:
            found[str(broken)] = None
    return list(found)


def _views() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every template of the room, and what it is given."""
    for name in OF_NOBODY:
        yield name, {}
    for name in OF_ONE:
        for person in SAMPLES:
            yield name, {"person": person}
    yield "truncated", {"person": FULL, "url": MORE}
    columns = table(SAMPLES, get_args(Column), datetime.now(UTC))
    for more in ("", MORE):
        yield "list", {"columns": columns, "profiles": SAMPLES, "more": more}
        yield "list_long", {"entries": ["Login: alice\n", "Login: bob\n"], "more": more}
    yield "names", {"profiles": SAMPLES}
    for count in (len(SAMPLES), 100):
        yield "ambiguous", {"profiles": SAMPLES, "count": count}
