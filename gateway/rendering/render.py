"""From an answer to text: which template shows which kind of answer in which view. What everyone may see of a person is
kept beside the profile, as long as the directory gives the same object: that is the path of nearly every answer."""

import sys
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from ..directory.privacy import Audience, Profile
from ..text.wrap import beginning
from .templates import TemplateSet

MAX_CACHED_TEXTS = 4096  # texts
MAX_CACHE_BYTES = 16 * 1024 * 1024  # of memory, for all that is kept
MAX_CACHED_TEXT_BYTES = 256 * 1024  # bytes of memory, for one text and its profile
TRUNCATED = "finger/truncated.txt"


class Renderer:
    """Renders by *texts*. *site* (house.Site) is known to every template. A plan of more than *most_plan* bytes is shown
    as far as they go, with the address of all of it."""

    def __init__(self, texts: TemplateSet, site: Any, most_plan: int | None = None) -> None:
        self._texts, self._site, self._most_plan = texts, site, most_plan
        texts.share(site=site)
        self._kept: dict[tuple[int, str], tuple[Profile, str]] = {}
        self._sent: dict[tuple[int, str], tuple[Profile, bytes]] = {}
        self._size = 0
        self._above = self._below = ""
        self._bare = texts.transliterate is str

    def for_terminals(
        self, shown: Callable[[str], str], spelled: Callable[[str], str], most_plan: int, above: str, below: str
    ) -> "Renderer":
        """The same templates for answers that a terminal prints; *above* and *below* are those round each answer. See
        templates.Texts for the others."""
        made = Renderer(self._texts.with_output_filters(shown, spelled), self._site, most_plan)
        made._above, made._below = _lines(made.text(above)), _lines(made.text(below))
        made._bare = made._bare and not (made._above or made._below)
        return made

    def profile(self, profile: Profile, template: str) -> str:
        """*profile* by *template*, which may use nothing else that changes. Kept for what everyone may see."""
        key = (id(profile), template)
        kept = self._kept.get(key)
        if kept is not None and kept[0] is profile:
            return kept[1]
        text = self._texts.render(template, person=self._bounded(profile))
        if self._has_room(profile, text):
            self._kept[key] = (profile, text)
        return text

    def sent(self, profile: Profile, template: str) -> bytes:
        """The same when it is all of an answer, as it goes over the wire: framed, each line ended by CRLF."""
        key = (id(profile), template)
        kept = self._sent.get(key)
        if kept is not None and kept[0] is profile:
            return kept[1]
        data = self.framed(self.profile(profile, template)).replace("\n", "\r\n").encode()
        if self._has_room(profile, data):
            self._sent[key] = (profile, data)
        return data

    def text(self, template: str, /, **values: Any) -> str:
        """*template* filled with *values*."""
        return self._texts.render(template, **values)

    def framed(self, text: str) -> str:
        """*text* as an answer: what stands above and below each, all in the letters that the reader has."""
        if self._bare and text.endswith("\n"):
            return text
        return self._above + self.spelled(_lines(text)) + self._below

    def spelled(self, text: str) -> str:
        """*text* in the letters that the reader has."""
        return self._texts.transliterate(text)

    def _bounded(self, profile: Profile) -> Profile:
        if self._most_plan is None or (plan := beginning(profile.plan, self._most_plan)) is None:
            return profile
        note = self._texts.render(TRUNCATED, person=profile, url=self._site.person_url(profile.login))
        return replace(profile, plan=f"{self._texts.output_filter(plan)}\n{note}")

    def _has_room(self, profile: Profile, made: str | bytes) -> bool:
        """May *made* of *profile* be kept? Makes room, if that is all."""
        size = sys.getsizeof(made) + sys.getsizeof(profile.plan) + sum(len(key.text) for key in profile.keys)
        if profile.audience is not Audience.EVERYONE or size > MAX_CACHED_TEXT_BYTES:
            return False
        if len(self._kept) + len(self._sent) >= MAX_CACHED_TEXTS or self._size + size > MAX_CACHE_BYTES:
            self._kept.clear()
            self._sent.clear()
            self._size = 0
        self._size += size
        return True


def _lines(text: str) -> str:
    """*text*, its last line ended as well."""
    return text if text.endswith("\n") or not text else text + "\n"
