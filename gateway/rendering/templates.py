"""The Jinja2 environments: plain text and HTML, the operator's own templates before ours. Everything that a template
puts out is cleaned here, once; HTML is escaped besides.

A text or a page that the operator's own templates fail to make is made by ours: the log tells why, and no client.
Templates are trusted as the settings are; they are given what the asker may see, and the site.
"""

import re
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import (
    BaseLoader,
    BytecodeCache,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
    nodes,
)
from jinja2.bccache import Bucket
from jinja2.sandbox import safe_range
from markupsafe import Markup
from twisted.logger import Logger

from ..text.sanitize import one_line, sanitize
from ..text.width import cut, pad, width
from ..text.wrap import hanging_indent

HTML = (".html", ".svg", ".xml")
BUILT_IN = next(
    folder
    for folder in (Path(__file__).parents[1] / "templates", Path(__file__).parents[2] / "templates")
    if folder.is_dir()
)


_OBJECT = re.compile(r"'(?:\w+\.)*(\w+) object'")  # as Python calls what it is given
MAX_OUTPUT_CHARACTERS = 1024 * 1024  # characters of a text by a template of the operator's


class BrokenTemplate(Exception):
    """A template that Jinja2 cannot read, or that fails with what it is given: names file, line and what is wrong."""


class TemplateOutputTooLong(Exception):
    """A template that has no end."""

    def __init__(self) -> None:
        super().__init__(f"its text is longer than {MAX_OUTPUT_CHARACTERS // 1024} KiB")


class TemplateSet:
    """Templates by name, as "finger/person.txt". *own* is the operator's folder. *shown* makes what a template puts out
    safe; *spelled* turns text into the letters that the reader has."""

    def __init__(
        self,
        own: Path | None = None,
        shown: Callable[[str], str] = sanitize,
        spelled: Callable[[str], str] = str,
        loader: BaseLoader | None = None,
    ) -> None:
        self.own, self.output_filter, self.transliterate = own, shown, spelled
        folders = [folder for folder in (own, BUILT_IN) if folder is not None]
        self._loader = loader or _Once(ChoiceLoader([FileSystemLoader(folder) for folder in folders]))
        self._plain = _environment(self._loader, shown, spelled)
        self._html = _environment(self._loader, shown, spelled, autoescape=True)
        self._ours = None if own is None else TemplateSet(None, shown, spelled)
        self._told: set[str] = set()
        self._log = Logger(namespace="gateway.rendering")

    def with_output_filters(self, shown: Callable[[str], str], spelled: Callable[[str], str]) -> "TemplateSet":
        """The same templates, as they were read, put out otherwise. What has been shared is not."""
        if (shown, spelled) == (self.output_filter, self.transliterate):
            return self
        return TemplateSet(self.own, shown, spelled, self._loader)

    def share(self, **values: Any) -> None:
        """*values* are known to every template."""
        self._plain.globals.update(values)
        self._html.globals.update(values)
        if self._ours is not None:
            self._ours.share(**values)

    def filter(self, name: str, function: Callable[..., Any]) -> None:
        """*function* is a filter in every template."""
        self._plain.filters[name] = self._html.filters[name] = function
        if self._ours is not None:
            self._ours.filter(name, function)

    def render(self, name: str, /, **values: Any) -> str:
        """Template *name* filled with *values*; HTML is escaped, everything cleaned."""
        if self._ours is None:
            text = self._environment_of(name).get_template(name).render(**values)
            return text if name.endswith(HTML) else self.transliterate(text)
        try:
            return self._by_own(name, values)
        except Exception as error:
            if not (BUILT_IN / name).is_file():
                raise
            broken = self._broken(name, error)
        text = self._ours.render(name, **values)
        if str(broken) not in self._told:
            self._told.add(str(broken))
            self._log.error("{broken}; our own template stands in", broken=broken)
        return text

    def attempt(self, name: str, /, **values: Any) -> str:
        """What render gives. Raises BrokenTemplate where ours would have had to stand in."""
        try:
            return self._by_own(name, values)
        except Exception as error:
            raise self._broken(name, error) from None

    def _by_own(self, name: str, values: Mapping[str, Any]) -> str:
        pieces, size = [], 0
        for piece in self._environment_of(name).get_template(name).generate(**values):
            pieces.append(piece)
            size += len(piece)
            if size > MAX_OUTPUT_CHARACTERS:
                raise TemplateOutputTooLong
        text = "".join(pieces)
        return text if name.endswith(HTML) else self.transliterate(text)

    def _environment_of(self, name: str) -> Environment:
        return self._html if name.endswith(HTML) else self._plain

    def check(self) -> None:
        """Reads every template that there is. Raises BrokenTemplate."""
        for name in self.names():
            try:
                self._environment_of(name).get_template(name)
            except (TemplateSyntaxError, UnicodeDecodeError, RecursionError, OSError, TemplateNotFound) as error:
                raise self._broken(name, error) from None

    def names(self) -> list[str]:
        """All templates that there are."""
        return self._plain.list_templates(filter_func=_may_be_asked_for)

    def parsed(self, name: str) -> nodes.Template:
        """Template *name*, as Jinja2 understands it."""
        return self._plain.parse(self._loader.get_source(self._plain, name)[0], name)

    @property
    def given(self) -> frozenset[str]:
        """The names that every template knows."""
        return frozenset(self._plain.globals)

    def _broken(self, name: str, error: Exception) -> BrokenTemplate:
        """What went wrong with *name*, and where."""
        where, what = name, str(error) or type(error).__name__
        if isinstance(error, TemplateSyntaxError):
            where, what = f"{error.filename or name}: line {error.lineno}", error.message or what
        elif isinstance(error, UnicodeDecodeError):
            what = f"byte {error.start} is not UTF-8"
        elif isinstance(error, RecursionError):
            what = "is nested too deep"
        elif isinstance(error, OSError) and getattr(error, "name", name) == name:  # TemplateNotFound is one, too
            what = "cannot be read"
        else:
            if isinstance(error, TemplateNotFound):
                what = f"there is no template {error.name}"
            frames = [each for each in traceback.extract_tb(error.__traceback__) if self._is_own(each.filename)]
            if frames:
                where = f"{frames[-1].filename}: line {frames[-1].lineno}"
            elif self.own is not None and (self.own / name).is_file():
                where = str(self.own / name)
        what = one_line(_OBJECT.sub(r"a \1", what))
        return BrokenTemplate(f"{where}: {what}")

    def _is_own(self, file: str) -> bool:
        return self.own is not None and Path(file).is_relative_to(self.own)


class _Once(BaseLoader):
    """Each source is read once, so that what has been checked is what is used."""

    def __init__(self, loader: BaseLoader) -> None:
        self._loader = loader
        self._read: dict[str, tuple[str, str | None, Callable[[], bool] | None]] = {}

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        found = self._read.get(template)
        if found is None:
            found = self._read[template] = self._loader.get_source(environment, template)
        return found

    def list_templates(self) -> list[str]:
        return self._loader.list_templates()


class _Compiled(BytecodeCache):
    """The code of each template, for all environments of a kind: to compile is what takes time."""

    def __init__(self) -> None:
        self._codes: dict[str, tuple[str, Any]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        checksum, code = self._codes.get(bucket.key, ("", None))
        if checksum == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._codes[bucket.key] = bucket.checksum, bucket.code


_COMPILED = {autoescape: _Compiled() for autoescape in (False, True)}


def _may_be_asked_for(name: str) -> bool:
    """What editors leave beside a file (locks that point nowhere, swap files) is no template."""
    return not name.startswith("web/static/") and not name.rpartition("/")[2].startswith(".")


def _environment(
    loader: BaseLoader, shown: Callable[[str], str], spelled: Callable[[str], str], autoescape: bool = False
) -> Environment:
    def finalize(value: Any) -> Any:
        return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    def cell(value: str) -> str:
        return spelled(sanitize(value))

    def on_one_line(value: str) -> str:
        return value if isinstance(value, Markup) else spelled(one_line(value))

    environment = Environment(
        loader=loader,
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=not autoescape,
        auto_reload=False,
        finalize=finalize,
        bytecode_cache=_COMPILED[autoescape],
    )
    environment.globals["range"] = safe_range
    environment.filters |= {
        "pad": lambda value, cells: pad(cell(value), cells),
        "cut": lambda value, cells: _cut(cell(value), cells, spelled),
        "width": lambda value: width(cell(value)),
        "hung": lambda value, indent, cells=80: hanging_indent(cell(value), indent, cells),
        "one_line": on_one_line,
    }
    return environment


def _cut(text: str, cells: int, spelled: Callable[[str], str]) -> str:
    """Where the ellipsis is spelled out it takes more room."""
    short = cut(text, cells)
    over = width(spelled(short)) - cells
    return spelled(short if over <= 0 else cut(text, cells - over))
