"""From what the directory answers to replies: HTML, JSON, text, and the errors in each. Knows no route and no socket."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
from twisted.logger import Logger

from ..dependencies import ProtocolDependencies, SiteInfo
from ..directory.answers import Ambiguous, LookupResult, Unavailable
from ..directory.privacy import Audience, Profile
from ..formats.person_json import encode_json
from ..formats.profile_json import FrontDocument, PeopleDocument, make_list_documents, make_profile_document
from ..text.sanitize import sanitize
from . import markup, messages
from .assets import Assets
from .http.negotiation import ACCEPT, Format
from .http.reply import PRIVATE, PROBLEM, PUBLIC, TEXT, Reply

MOST_KEPT = 1024  # replies
KEPT_SIZE = 32 * 1024  # bytes of one that is kept
MOST_PAGE = 30 * 1024  # bytes of a page
AGAIN = "5"  # seconds until one may ask again, where nobody knows
# The asker's address decides too, which no Vary can say: what is not for everyone is therefore never kept.
VIEWER = "Cookie, Authorization"

Headers = tuple[tuple[str, str], ...]
UNINDEXED: Headers = (("X-Robots-Tag", "noindex"),)


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem document (RFC 9457)."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    reference: str | None = None


class Pages:
    """Replies are kept for what everyone may see, as long as the directory gives the same profile."""

    def __init__(self, deps: ProtocolDependencies, assets: Assets) -> None:
        self._deps, self._assets = deps, assets
        self._kept: dict[tuple[int, str], tuple[Profile, Reply]] = {}
        self._log = Logger(namespace="gateway.web")

    # people

    def not_one(self, answer: LookupResult, format: Format, forced: bool) -> Reply:
        """What a lookup came to that found not one person. Unknown and hidden are one case already, and get the same
        bytes."""
        if isinstance(answer, Ambiguous):
            return self._several(answer, format, forced)
        if isinstance(answer, Unavailable):
            return self.unavailable(format)
        return self.error(404, format)

    def person(self, profile: Profile, format: Format, forced: bool) -> Reply:
        """*profile* for programs; the page for people is person.py's."""
        vary = varying(forced)
        return self.kept(
            profile,
            f"person {format.name} {forced}",
            lambda: self.about(profile, self._person_body(profile, format), format.kind, vary),
        )

    def plan(self, profile: Profile) -> Reply:
        """The plan alone, empty where none is shown."""
        return self.kept(profile, "plan", lambda: self._field(profile, "plan", sanitize(profile.plan)))

    def status(self, profile: Profile) -> Reply:
        """The status alone, empty where none is shown."""
        text = sanitize(profile.status.text) if profile.status else ""
        return self.kept(profile, "status", lambda: self._field(profile, "status", text))

    def _field(self, profile: Profile, name: str, text: str) -> Reply:
        body = f"{text}\n" if text and not text.endswith("\n") else text
        reply = self.dated(profile, body.encode(), TEXT, VIEWER, profile.changed.get(name))
        return replace(reply, exact=True)

    def about(
        self,
        profile: Profile,
        body: bytes,
        kind: str,
        vary: str = VIEWER,
        updated: datetime | None = None,
        headers: Headers = (),
    ) -> Reply:
        """*body*, which tells of *profile* and of nothing else that changes, last at *updated* (the profile's own)."""
        return self.dated(profile, body, kind, vary, updated or profile.updated, headers)

    def dated(
        self, profile: Profile, body: bytes, kind: str, vary: str, updated: datetime | None, headers: Headers = ()
    ) -> Reply:
        """The same with a date of its own, or none. Each page of a person passes here: who is not to be listed is not to
        be found by search engines either."""
        cache = PUBLIC if profile.audience is Audience.EVERYONE else PRIVATE
        headers = headers if profile.indexed else (*headers, *UNINDEXED)
        return Reply(body, kind, 200, cache, vary, updated, profile.audience.value, headers)

    def kept(self, profile: Profile, what: str, make: Callable[[], Reply]) -> Reply:
        """What *make* tells of *profile*, called *what*: made once as long as it is true, where everyone may see it."""
        return self.already(profile, what) or self.keep(profile, what, make())

    def already(self, profile: Profile, what: str) -> Reply | None:
        """What is kept of *profile* by the name *what*, if that is still true."""
        kept = self._kept.get((id(profile), what))
        if kept is not None and kept[0] is profile and (kept[1].until is None or self._deps.now() < kept[1].until):
            return kept[1]
        return None

    def keep(self, profile: Profile, what: str, reply: Reply) -> Reply:
        """*reply*, which holds as long as the directory gives the same *profile*."""
        key = (id(profile), what)
        if profile.audience is Audience.EVERYONE and len(reply.body) <= KEPT_SIZE:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[key] = (profile, reply)
        return reply

    def _person_body(self, profile: Profile, format: Format) -> bytes:
        if format is Format.JSON:
            return encode_json(make_profile_document(profile, self._deps.site))
        return self._deps.renderer.render_profile(profile, "finger/person.txt").encode()

    def _several(self, answer: Ambiguous, format: Format, forced: bool) -> Reply:
        everyone = all(profile.audience is Audience.EVERYONE for profile in answer.profiles)

        def document(site: SiteInfo) -> PeopleDocument:
            return PeopleDocument(make_list_documents(answer.profiles, site))

        shown, count = answer.profiles, len(answer.profiles)
        while True:
            reply = self.listed("ambiguous", document, format, everyone, forced, profiles=shown, count=count)
            if format is not Format.HTML or not shown or len(reply.body) <= MOST_PAGE:
                return replace(reply, code=300)
            shown = shown[: len(shown) // 2]

    # lists

    def listed(
        self,
        name: str,
        document: Callable[[SiteInfo], PeopleDocument | FrontDocument],
        format: Format,
        everyone: bool,
        forced: bool = False,
        headers: Headers = (),
        **values: Any,
    ) -> Reply:
        """The page *name*, of *values*; *document* makes the same for programs. *everyone*: is it what everyone may see?"""
        if format is Format.JSON:
            body = encode_json(document(self._deps.site))
        elif format is Format.HTML:
            body = self.html(f"{name}.html", **values)
        else:
            body = self._deps.renderer.render(f"web/{name}.txt", **values).encode()
        mark = "everyone" if everyone else "members"
        cache = PUBLIC if everyone else PRIVATE
        return Reply(body, format.kind, cache=cache, vary=varying(forced), mark=mark, headers=headers)

    # errors

    def error(self, code: int, format: Format, headers: Headers = ()) -> Reply:
        return self._problem(code, messages.sentence(code), format, headers)

    def unavailable(self, format: Format) -> Reply:
        return self.error(503, format, (("Retry-After", AGAIN),))

    def crowded(self, format: Format) -> Reply:
        return self._problem(503, messages.CROWDED, format, (("Retry-After", AGAIN),))

    def limited(self, seconds: float, format: Format) -> Reply:
        whole = max(1, math.ceil(seconds))
        return self._problem(429, messages.too_often(whole), format, (("Retry-After", str(whole)),))

    def internal(self, format: Format, reference: str) -> Reply:
        return self._problem(500, messages.internal(reference), format, reference=reference)

    def _problem(
        self, code: int, sentence: str, format: Format, headers: Headers = (), reference: str | None = None
    ) -> Reply:
        format = format.told
        kind, body = PROBLEM if format is Format.JSON else format.kind, (sentence + "\n").encode()
        if format is Format.JSON:
            body = encode_json(Problem(messages.title(code), code, sentence, reference=reference))
        elif format is Format.HTML:
            try:
                body = self.html("error.html", code=code, title=messages.title(code), sentence=sentence)
            except Exception:  # an operator's own template, perhaps the very one that failed before
                self._log.failure("the error page cannot be made")
                kind = TEXT
        return Reply(body, kind, code, PRIVATE, ACCEPT, headers=headers)

    def html(self, name: str, **values: Any) -> bytes:
        """The template web/*name* filled with *values*."""
        return self._deps.renderer.render(f"web/{name}", asset=self._assets.url, **GIVEN, **values).encode()


def moment(at: datetime) -> str:
    """A time as people read it."""
    return at.strftime("%-d %B %Y, %H:%M UTC")


def iso(at: datetime) -> str:
    """A time as programs read it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


GIVEN: Mapping[str, Any] = {"markup": markup, "moment": moment, "iso": iso}  # to every page


def varying(forced: bool) -> str:
    """What of a request a page of people depends on."""
    return VIEWER if forced else f"{ACCEPT}, {VIEWER}"
