"""The Jinja2 environments, for plain text and markup; the operator's own templates come before the built-in ones.

Everything that a template outputs is sanitized here, once; markup is escaped as well. If an own template fails, the
built-in one is used: the log says why, the client sees nothing of it. Templates are trusted like the settings; they are
given what the viewer may see, and the site.
"""

import re
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime
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

from ..directory.fields import FIELDS
from ..text.sanitize import one_line, sanitize
from ..text.width import cut, pad, width
from ..text.wrap import hanging_indent

LABELS = {name: field.label for name, field in FIELDS.items()}  # what people read, in every template as `labels`
MARKUP_ENDINGS = (".html", ".svg", ".xml")
BUILT_IN = next(
    folder
    for folder in (Path(__file__).parents[1] / "templates", Path(__file__).parents[2] / "templates")
    if folder.is_dir()
)


_OBJECT_REPR = re.compile(r"'(?:\w+\.)*(\w+) object'")  # Python's name for an object in a message
MAX_OUTPUT_CHARACTERS = 1024 * 1024  # of a text by an own template


class BrokenTemplate(Exception):
    """A template that cannot be read or filled: the message names file, line and what is wrong."""


class TemplateOutputTooLong(Exception):
    """A template without an end."""

    def __init__(self) -> None:
        super().__init__(f"its text is longer than {MAX_OUTPUT_CHARACTERS // 1024} KiB")


class TemplateSet:
    """Templates by name, like "finger/person.txt".

    *own* is the operator's folder. *output_filter* makes safe what a template outputs; *transliterate* turns text into
    the reader's character set.
    """

    def __init__(
        self,
        own: Path | None = None,
        output_filter: Callable[[str], str] = sanitize,
        transliterate: Callable[[str], str] = str,
        loader: BaseLoader | None = None,
    ) -> None:
        self.own, self.output_filter, self.transliterate = own, output_filter, transliterate
        folders = [folder for folder in (own, BUILT_IN) if folder is not None]
        self._loader = loader or _CachingLoader(ChoiceLoader([FileSystemLoader(folder) for folder in folders]))
        self._plain = _make_environment(self._loader, output_filter, transliterate)
        self._html = _make_environment(self._loader, output_filter, transliterate, autoescape=True)
        self._built_in = None if own is None else TemplateSet(None, output_filter, transliterate)
        self._reported: set[str] = set()
        self._log = Logger(namespace="gateway.rendering")

    def with_output_filters(
        self, output_filter: Callable[[str], str], transliterate: Callable[[str], str]
    ) -> "TemplateSet":
        """Return the same templates, as they were read, with other filters and without the added globals."""
        if (output_filter, transliterate) == (self.output_filter, self.transliterate):
            return self
        return TemplateSet(self.own, output_filter, transliterate, self._loader)

    def add_globals(self, **values: Any) -> None:
        """Make *values* known to every template."""
        self._plain.globals.update(values)
        self._html.globals.update(values)
        if self._built_in is not None:
            self._built_in.add_globals(**values)

    def render(self, name: str, /, **values: Any) -> str:
        """Fill the template *name* with *values*; fall back to the built-in one."""
        if self._built_in is None:
            text = self._environment_of(name).get_template(name).render(**values)
            return text if name.endswith(MARKUP_ENDINGS) else self.transliterate(text)
        try:
            return self._render_bounded(name, values)
        except Exception as error:
            if not (BUILT_IN / name).is_file():
                raise
            broken = self._describe_failure(name, error)
        text = self._built_in.render(name, **values)
        if str(broken) not in self._reported:
            self._reported.add(str(broken))
            self._log.error("{broken}; the built-in template is used instead", broken=broken)
        return text

    def render_own(self, name: str, /, **values: Any) -> str:
        """Fill the template *name*. Raises BrokenTemplate instead of falling back."""
        try:
            return self._render_bounded(name, values)
        except Exception as error:
            raise self._describe_failure(name, error) from None

    def _render_bounded(self, name: str, values: Mapping[str, Any]) -> str:
        pieces, size = [], 0
        for piece in self._environment_of(name).get_template(name).generate(**values):
            pieces.append(piece)
            size += len(piece)
            if size > MAX_OUTPUT_CHARACTERS:
                raise TemplateOutputTooLong
        text = "".join(pieces)
        return text if name.endswith(MARKUP_ENDINGS) else self.transliterate(text)

    def _environment_of(self, name: str) -> Environment:
        return self._html if name.endswith(MARKUP_ENDINGS) else self._plain

    def check(self) -> None:
        """Read every template. Raises BrokenTemplate."""
        for name in self.names():
            try:
                self._environment_of(name).get_template(name)
            except (TemplateSyntaxError, UnicodeDecodeError, RecursionError, OSError, TemplateNotFound) as error:
                raise self._describe_failure(name, error) from None

    def names(self) -> list[str]:
        """List all templates."""
        return self._plain.list_templates(filter_func=_is_template)

    def parse(self, name: str) -> nodes.Template:
        """Return the syntax tree of the template *name*."""
        return self._plain.parse(self._loader.get_source(self._plain, name)[0], name)

    @property
    def global_names(self) -> frozenset[str]:
        """The names that every template knows."""
        return frozenset(self._plain.globals)

    def _describe_failure(self, name: str, error: Exception) -> BrokenTemplate:
        """Return what went wrong with *name*, and where."""
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
        what = one_line(_OBJECT_REPR.sub(r"a \1", what))
        return BrokenTemplate(f"{where}: {what}")

    def _is_own(self, file: str) -> bool:
        return self.own is not None and Path(file).is_relative_to(self.own)


class _CachingLoader(BaseLoader):
    """Reads each source once, so that what was checked is what is used."""

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


class _SharedBytecode(BytecodeCache):
    """The code of each template, for all environments of a kind: compiling is what takes time."""

    def __init__(self) -> None:
        self._codes: dict[str, tuple[str, Any]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        checksum, code = self._codes.get(bucket.key, ("", None))
        if checksum == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._codes[bucket.key] = bucket.checksum, bucket.code


_BYTECODE = {autoescape: _SharedBytecode() for autoescape in (False, True)}


def _is_template(name: str) -> bool:
    """Return whether a file is a template; what editors leave beside it (locks, swap files) is not."""
    return not name.startswith("web/static/") and not name.rpartition("/")[2].startswith(".")


def _make_environment(
    loader: BaseLoader,
    output_filter: Callable[[str], str],
    transliterate: Callable[[str], str],
    autoescape: bool = False,
) -> Environment:
    def finalize(value: Any) -> Any:
        return output_filter(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    def cell(value: str) -> str:
        return transliterate(sanitize(value))

    def on_one_line(value: str) -> str:
        return value if isinstance(value, Markup) else transliterate(one_line(value))

    environment = Environment(
        loader=loader,
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=not autoescape,
        auto_reload=False,
        finalize=finalize,
        bytecode_cache=_BYTECODE[autoescape],
    )
    environment.globals["range"] = safe_range
    environment.globals["labels"] = LABELS
    environment.filters |= {
        "pad": lambda value, cells: pad(cell(value), cells),
        "cut": lambda value, cells: _cut_to_width(cell(value), cells, transliterate),
        "width": lambda value: width(cell(value)),
        "hanging_indent": lambda value, indent, cells=80: hanging_indent(cell(value), indent, cells),
        "one_line": on_one_line,
        "moment": format_moment,
        "iso": format_iso,
    }
    return environment


def _cut_to_width(text: str, cells: int, spelled: Callable[[str], str]) -> str:
    """Cut *text* to *cells*; the ellipsis may be longer once it is transliterated."""
    short = cut(text, cells)
    over = width(spelled(short)) - cells
    return spelled(short if over <= 0 else cut(text, cells - over))


def format_moment(at: datetime) -> str:
    """Return a time for people, as in "30 November 2026, 09:30 UTC"."""
    return at.strftime("%-d %B %Y, %H:%M UTC")


def format_iso(at: datetime) -> str:
    """Return a time for programs (RFC 3339)."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
