"""From an answer to text: which template shows which kind of answer in which view. What one audience's profile looks
like is kept beside it, as long as the directory gives the same object."""

from typing import Any

from ..directory.privacy import Audience, Profile
from .templates import Texts

MOST_KEPT = 4096
MOST_LONG = 16 * 1024  # characters of a text that is kept


class Renderer:
    """Renders by *texts*. *site* (house.Site) is known to every template."""

    def __init__(self, texts: Texts, site: Any) -> None:
        self._texts = texts
        texts.share(site=site)
        self._kept: dict[tuple[int, str], tuple[Profile, str]] = {}

    def profile(self, profile: Profile, template: str) -> str:
        """*profile* by *template*, which may use nothing else that changes. Kept for what everyone may see."""
        if profile.audience is not Audience.EVERYONE:
            return self._texts.render(template, person=profile)
        key = (id(profile), template)
        kept = self._kept.get(key)
        if kept is not None and kept[0] is profile:
            return kept[1]
        text = self._texts.render(template, person=profile)
        if len(text) <= MOST_LONG:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[key] = (profile, text)
        return text

    def text(self, template: str, /, **values: Any) -> str:
        """*template* filled with *values*."""
        return self._texts.render(template, **values)
