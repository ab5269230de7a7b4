"""The Jinja2 environments: plain text and HTML, the operator's own templates before ours. Everything that a template
puts out is cleaned here, once; HTML is escaped besides."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
)
from markupsafe import Markup

from .cells import cut, pad, width
from .clean import clean, one_line

HTML = (".html", ".svg", ".xml")
OURS = next(
    folder
    for folder in (Path(__file__).parents[1] / "templates", Path(__file__).parents[2] / "templates")
    if folder.is_dir()
)


class BrokenTemplate(Exception):
    """A template that Jinja2 cannot read: names file, line and what is wrong."""


class Texts:
    """Templates by name, as "finger/person.txt". *own* is the operator's folder."""

    def __init__(self, own: Path | None = None) -> None:
        folders = [folder for folder in (own, OURS) if folder is not None]
        loader: BaseLoader = ChoiceLoader([FileSystemLoader(folder) for folder in folders])
        self._plain = _environment(loader, autoescape=False)
        self._html = _environment(loader, autoescape=True)

    def share(self, **values: Any) -> None:
        """*values* are known to every template."""
        self._plain.globals.update(values)
        self._html.globals.update(values)

    def filter(self, name: str, function: Callable[..., Any]) -> None:
        """*function* is a filter in every template."""
        self._plain.filters[name] = self._html.filters[name] = function

    def render(self, name: str, /, **values: Any) -> str:
        """Template *name* filled with *values*; HTML is escaped, everything cleaned."""
        environment = self._html if name.endswith(HTML) else self._plain
        return environment.get_template(name).render(**values)

    def check(self) -> None:
        """Reads every template that there is. Raises BrokenTemplate."""
        for name in self._plain.list_templates(filter_func=_may_be_asked_for):
            environment = self._html if name.endswith(HTML) else self._plain
            try:
                environment.get_template(name)
            except TemplateSyntaxError as error:
                raise BrokenTemplate(f"{error.filename or name}: line {error.lineno}: {error.message}") from None
            except UnicodeDecodeError as error:
                raise BrokenTemplate(f"{name}: byte {error.start} is not UTF-8") from None
            except RecursionError:
                raise BrokenTemplate(f"{name}: is nested too deep") from None
            except (OSError, TemplateNotFound):
                raise BrokenTemplate(f"{name}: cannot be read") from None


def _may_be_asked_for(name: str) -> bool:
    """What editors leave beside a file (locks that point nowhere, swap files) is no template."""
    return not name.startswith("web/static/") and not name.rpartition("/")[2].startswith(".")


def _environment(loader: BaseLoader, autoescape: bool) -> Environment:
    environment = Environment(
        loader=loader,
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=not autoescape,
        auto_reload=False,
        finalize=_finalize,
    )
    environment.filters |= {"pad": pad, "cut": cut, "width": width, "one_line": _one_line}
    return environment


def _finalize(value: Any) -> Any:
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _one_line(value: str) -> str:
    return value if isinstance(value, Markup) else one_line(value)
