"""From an answer to text: fill templates, keep what everybody may see.

A text is cached as long as the directory gives the same Profile object: that is the path of nearly every answer.
"""

import sys
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from ..directory.privacy import Audience, Profile
from ..text.wrap import truncate_bytes
from .templates import TemplateSet

MAX_CACHED_TEXTS = 4096
MAX_CACHE_BYTES = 16 * 1024 * 1024  # of memory
MAX_CACHED_TEXT_BYTES = 256 * 1024  # of memory, for one text with its profile
TRUNCATION_TEMPLATE = "finger/truncated.txt"


class Renderer:
    """Fills *templates*, to all of which *site* (dependencies.SiteInfo) is known.

    A plan of more than *max_plan_bytes* is cut, with the address of the whole plan.
    """

    def __init__(self, templates: TemplateSet, site: Any, max_plan_bytes: int | None = None) -> None:
        self._templates, self._site, self._max_plan_bytes = templates, site, max_plan_bytes
        templates.add_globals(site=site)
        self._cache: dict[tuple[int, str], tuple[Profile, str]] = {}
        self._cache_bytes = 0
        self._header = self._footer = ""
        self._unframed = templates.transliterate is str

    def for_terminals(
        self,
        output_filter: Callable[[str], str],
        transliterate: Callable[[str], str],
        max_plan_bytes: int,
        header: str,
        footer: str,
    ) -> "Renderer":
        """Return a renderer for terminals, with the templates *header* and *footer* around each answer."""
        made = Renderer(self._templates.with_output_filters(output_filter, transliterate), self._site, max_plan_bytes)
        made._header, made._footer = _with_line_end(made.render(header)), _with_line_end(made.render(footer))
        made._unframed = made._unframed and not (made._header or made._footer)
        return made

    def render_profile(self, profile: Profile, template: str) -> str:
        """Render *profile* by a template that uses nothing else that changes. Cached for what everybody may see."""
        key = (id(profile), template)
        kept = self._cache.get(key)
        if kept is not None and kept[0] is profile:
            return kept[1]
        text = self._templates.render(template, person=self._with_short_plan(profile))
        if self._reserve(profile, text):
            self._cache[key] = (profile, text)
        return text

    def render(self, template: str, /, **values: Any) -> str:
        """Render a template with *values*."""
        return self._templates.render(template, **values)

    def frame(self, text: str) -> str:
        """Put header and footer around *text*, all transliterated."""
        if self._unframed and text.endswith("\n"):
            return text
        return self._header + self.transliterate(_with_line_end(text)) + self._footer

    def transliterate(self, text: str) -> str:
        """Return *text* in the character set of the answer."""
        return self._templates.transliterate(text)

    def _with_short_plan(self, profile: Profile) -> Profile:
        if self._max_plan_bytes is None or (plan := truncate_bytes(profile.plan, self._max_plan_bytes)) is None:
            return profile
        note = self._templates.render(TRUNCATION_TEMPLATE, person=profile, url=self._site.person_url(profile.login))
        return replace(profile, plan=f"{self._templates.output_filter(plan)}\n{note}")

    def _reserve(self, profile: Profile, made: str) -> bool:
        """Return whether *made* of *profile* may be cached; empty the cache if it is full."""
        size = sys.getsizeof(made) + sys.getsizeof(profile.plan) + sum(len(key.text) for key in profile.keys)
        if profile.audience is not Audience.EVERYONE or size > MAX_CACHED_TEXT_BYTES:
            return False
        if len(self._cache) >= MAX_CACHED_TEXTS or self._cache_bytes + size > MAX_CACHE_BYTES:
            self._cache.clear()
            self._cache_bytes = 0
        self._cache_bytes += size
        return True


def _with_line_end(text: str) -> str:
    """Return *text* with a line end."""
    return text if text.endswith("\n") or not text else text + "\n"
