"""Replies from the directory's answers: HTML, JSON, text, and errors in each. Knows no route and no socket."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
from twisted.logger import Logger

from ..dependencies import ProtocolDependencies, SiteInfo
from ..directory.privacy import Audience, Profile
from ..directory.results import Ambiguous, LookupResult, Unavailable
from ..formats.person_json import encode_json
from ..formats.profile_json import FrontDocument, PeopleDocument, make_list_documents, make_profile_document
from ..text.sanitize import sanitize
from . import markup, messages
from .assets import Assets
from .http.negotiation import ACCEPT, Format
from .http.reply import PRIVATE, PROBLEM, PUBLIC, TEXT, Reply, outcome_of_status

MAX_KEPT_REPLIES = 1024
MAX_KEPT_BYTES = 32 * 1024  # of one reply that is kept
MAX_PAGE_BYTES = 30 * 1024
RETRY_AFTER = "5"  # seconds, if nothing is known about how long the trouble lasts
# The client's address decides too, which Vary cannot express: so a reply that is not for everyone is never cacheable.
VARY_BY_VIEWER = "Cookie, Authorization"

Headers = tuple[tuple[str, str], ...]
NO_INDEX: Headers = (("X-Robots-Tag", "noindex"),)


class ProblemDocument(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem document (RFC 9457)."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    reference: str | None = None


class ReplyBuilder:
    """Makes replies from the directory's answers.

    Replies that everyone may see are kept beside the profile that they were made from.
    """

    def __init__(self, deps: ProtocolDependencies, assets: Assets) -> None:
        self._deps, self._assets = deps, assets
        self._kept: dict[tuple[int, str], tuple[Profile, Reply]] = {}
        self._log = Logger(namespace="gateway.web")

    # people

    def no_single_person(self, answer: LookupResult, format: Format, forced: bool) -> Reply:
        """Return the reply to a lookup that did not find exactly one person, its errors in *format*.

        A hidden and a missing person are one answer of the directory already, and get the same bytes. *forced*: does the
        path decide the format?
        """
        if isinstance(answer, Ambiguous):
            return self._ambiguous(answer, format, forced)
        if isinstance(answer, Unavailable):
            return self.unavailable(format)
        return self.error(404, format)

    def person(self, profile: Profile, format: Format, forced: bool) -> Reply:
        """Return *profile* as JSON or text. The HTML page is made in views/person.py."""
        return self.get_or_make(
            profile,
            f"person {format.name} {forced}",
            lambda: self.profile_reply(
                profile, self._person_body(profile, format), format.content_type, vary_header(forced)
            ),
        )

    def plan(self, profile: Profile) -> Reply:
        """Return the plan alone, empty if none is shown."""
        return self.get_or_make(profile, "plan", lambda: self._field_reply(profile, "plan", sanitize(profile.plan)))

    def status(self, profile: Profile) -> Reply:
        """Return the status alone, empty if none is shown."""
        text = sanitize(profile.status.text) if profile.status else ""
        return self.get_or_make(profile, "status", lambda: self._field_reply(profile, "status", text))

    def _field_reply(self, profile: Profile, name: str, text: str) -> Reply:
        body = f"{text}\n" if text and not text.endswith("\n") else text
        reply = self.dated_reply(profile, body.encode(), TEXT, VARY_BY_VIEWER, profile.changed.get(name))
        return replace(reply, exact_date=True)

    def profile_reply(
        self,
        profile: Profile,
        body: bytes,
        content_type: str,
        vary: str = VARY_BY_VIEWER,
        last_modified: datetime | None = None,
        headers: Headers = (),
    ) -> Reply:
        """Return *body*, which depends on *profile* alone. *last_modified* is the profile's by default."""
        return self.dated_reply(profile, body, content_type, vary, last_modified or profile.updated, headers)

    def dated_reply(
        self,
        profile: Profile,
        body: bytes,
        content_type: str,
        vary: str,
        last_modified: datetime | None,
        headers: Headers = (),
    ) -> Reply:
        """Return *body*, which is about one person, with a date of its own or without one.

        Every reply about a person passes here: an unlisted person is kept out of search engines too.
        """
        cache_control = PUBLIC if profile.audience is Audience.EVERYONE else PRIVATE
        headers = headers if profile.indexed else (*headers, *NO_INDEX)
        variant = profile.audience.value
        return Reply(body, content_type, 200, cache_control, vary, last_modified, variant, headers, outcome="found")

    def get_or_make(self, profile: Profile, key: str, make: Callable[[], Reply]) -> Reply:
        """Return the reply kept under *key* for *profile*, else the one that *make* makes."""
        return self.get_kept(profile, key) or self.keep(profile, key, make())

    def get_kept(self, profile: Profile, key: str) -> Reply | None:
        """Return the reply kept under *key* for this very *profile*, None if there is none or it has expired."""
        kept = self._kept.get((id(profile), key))
        if kept is None or kept[0] is not profile:
            return None
        reply = kept[1]
        return reply if reply.expires_at is None or self._deps.now() < reply.expires_at else None

    def keep(self, profile: Profile, key: str, reply: Reply) -> Reply:
        """Keep *reply* as long as the directory returns this very *profile*, if everyone may see it; return it."""
        if profile.audience is Audience.EVERYONE and len(reply.body) <= MAX_KEPT_BYTES:
            if len(self._kept) >= MAX_KEPT_REPLIES:
                self._kept.clear()
            self._kept[id(profile), key] = (profile, reply)
        return reply

    def _person_body(self, profile: Profile, format: Format) -> bytes:
        if format is Format.JSON:
            return encode_json(make_profile_document(profile, self._deps.site))
        return self._deps.renderer.render_profile(profile, "finger/person.txt").encode()

    def _ambiguous(self, answer: Ambiguous, format: Format, forced: bool) -> Reply:
        everyone = all(profile.audience is Audience.EVERYONE for profile in answer.profiles)

        def document(site: SiteInfo) -> PeopleDocument:
            return PeopleDocument(make_list_documents(answer.profiles, site))

        shown, count = answer.profiles, len(answer.profiles)
        while True:
            reply = self.list_reply("ambiguous", document, format, everyone, forced, profiles=shown, count=count)
            if format is not Format.HTML or not shown or len(reply.body) <= MAX_PAGE_BYTES:
                return replace(reply, code=300, outcome="ambiguous")
            shown = shown[: len(shown) // 2]

    # lists

    def list_reply(
        self,
        name: str,
        document: Callable[[SiteInfo], PeopleDocument | FrontDocument],
        format: Format,
        everyone: bool,
        forced: bool = False,
        headers: Headers = (),
        **values: Any,
    ) -> Reply:
        """Return the list *name* in *format*: its template filled with *values*, or *document* as JSON.

        *everyone*: does it show only what everyone may see?
        """
        if format is Format.JSON:
            body = encode_json(document(self._deps.site))
        elif format is Format.HTML:
            body = self.html(f"{name}.html", **values)
        else:
            body = self._deps.renderer.render(f"web/{name}.txt", **values).encode()
        variant = "everyone" if everyone else "members"
        cache_control = PUBLIC if everyone else PRIVATE
        vary = vary_header(forced)
        return Reply(
            body, format.content_type, cache_control=cache_control, vary=vary, variant=variant, headers=headers
        )

    # errors

    def error(self, code: int, format: Format, headers: Headers = ()) -> Reply:
        """Return the error *code* in the format for errors that belongs to *format*."""
        return self._problem(code, messages.sentence(code), format, headers)

    def unavailable(self, format: Format) -> Reply:
        """Return 503 for a directory that cannot answer."""
        return self.error(503, format, (("Retry-After", RETRY_AFTER),))

    def too_many_connections(self, format: Format) -> Reply:
        """Return 503 for a client over the connection limit."""
        return self._problem(503, messages.TOO_MANY_CONNECTIONS, format, (("Retry-After", RETRY_AFTER),))

    def too_many_requests(self, seconds: float, format: Format) -> Reply:
        """Return 429 for a client that has to wait *seconds*."""
        whole = max(1, math.ceil(seconds))
        return self._problem(429, messages.too_many_requests(whole), format, (("Retry-After", str(whole)),))

    def internal_error(self, format: Format, reference: str) -> Reply:
        """Return 500 with the reference number of the log entry."""
        return self._problem(500, messages.internal_error(reference), format, reference=reference)

    def _problem(
        self, code: int, sentence: str, format: Format, headers: Headers = (), reference: str | None = None
    ) -> Reply:
        format = format.for_errors
        content_type, body = format.content_type, (sentence + "\n").encode()
        if format is Format.JSON:
            content_type = PROBLEM
            body = encode_json(ProblemDocument(messages.title(code), code, sentence, reference=reference))
        elif format is Format.HTML:
            try:
                body = self.html("error.html", code=code, title=messages.title(code), sentence=sentence)
            except Exception:  # in an operator's template, perhaps the very one that failed before
                self._log.failure("the error page cannot be rendered")
                content_type = TEXT
        outcome = outcome_of_status(code)
        return Reply(body, content_type, code, PRIVATE, ACCEPT, headers=headers, outcome=outcome)

    def html(self, name: str, **values: Any) -> bytes:
        """Render the template web/*name* with *values*."""
        return self._deps.renderer.render(
            f"web/{name}", assets=self._assets.urls, **TEMPLATE_GLOBALS, **values
        ).encode()


TEMPLATE_GLOBALS: Mapping[str, Any] = {"markup": markup}


def vary_header(forced: bool) -> str:
    """Return Vary for a reply about people. *forced*: the path decides the format, not Accept."""
    return VARY_BY_VIEWER if forced else f"{ACCEPT}, {VARY_BY_VIEWER}"
