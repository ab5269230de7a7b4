"""Fill the operator's own finger templates with sample people, before any client does."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, get_args

from ..directory.sample_profiles import FULL, SAMPLES
from ..rendering.templates import BrokenTemplate, TemplateSet
from .listing import make_table
from .settings import ListColumn

PERSON_TEMPLATES = ("person", "long", "entry", "head", "now", "address", "plan")
PLAIN_TEMPLATES = ("header", "footer", "row")
MORE_URL = "https://dir.test/users"


def find_template_problems(texts: TemplateSet) -> list[str]:
    """Return what is wrong with the templates of finger, with file and line, each problem once."""
    found: dict[str, None] = {}
    for name, values in _sample_views():
        try:
            texts.render_own(f"finger/{name}.txt", **values)
        except BrokenTemplate as broken:
            found[str(broken)] = None
    return list(found)


def _sample_views() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every finger template with the values it is given."""
    for name in PLAIN_TEMPLATES:
        yield name, {}
    for lists_online in (True, False):
        yield "help", {"lists_online": lists_online}
    for name in PERSON_TEMPLATES:
        for person in SAMPLES:
            yield name, {"person": person}
    yield "truncated", {"person": FULL, "url": MORE_URL}
    columns = make_table(SAMPLES, get_args(ListColumn), datetime.now(UTC))
    for more in ("", MORE_URL):
        yield "list", {"columns": columns, "profiles": SAMPLES, "more": more}
        yield "list_long", {"entries": ["Login: alice\n", "Login: bob\n"], "more": more}
    yield "names", {"profiles": SAMPLES}
    for count in (len(SAMPLES), 100):
        yield "ambiguous", {"profiles": SAMPLES, "count": count}
