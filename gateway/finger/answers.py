"""From a query to the text of its answer: ask the directory, fill templates/finger. Independent of connections.

A line may hold several names. A comma or a space may also be part of one full name, so the whole line is tried as one
name first.
"""

import re
from collections.abc import Sequence

from ..dependencies import ProtocolDependencies
from ..directory.privacy import Profile
from ..directory.results import Ambiguous, Found, LookupResult, NotFound, Unavailable
from ..directory.viewers import Viewer
from ..ops.request_tracker import Outcome
from ..text.sanitize import escape_controls
from . import messages
from .listing import MAX_LISTED, answer_list
from .query import HttpRequest, ListQuery, UserQuery, percent_decode, split_names
from .settings import FingerSettings

HELP_NAMES = ("help", "?", ".help", "/help")  # show the help, unless somebody has that name
_PLAIN_PATH = re.compile("(?:/[A-Za-z0-9._~-]*)+")

NamedResult = tuple[str, LookupResult]  # a name as typed, and its result


async def answer_query(
    query: ListQuery | UserQuery | HttpRequest, viewer: Viewer, settings: FingerSettings, deps: ProtocolDependencies
) -> tuple[str, Outcome]:
    """Return the answer's text, with LF as line end, and its outcome."""
    if isinstance(query, ListQuery):
        text, outcome = await answer_list(query, viewer, settings, deps)
        return deps.renderer.frame(text), outcome
    if isinstance(query, HttpRequest):
        return messages.not_a_web_server(
            deps.site.url + (query.path if _PLAIN_PATH.fullmatch(query.path) else "/")
        ), "refused"
    answered = await _look_up_names(query.name, viewer, settings.max_names, deps)
    if query.name.lower() in HELP_NAMES and all(isinstance(answer, NotFound) for _, answer in answered):
        return deps.renderer.frame(
            deps.renderer.render("finger/help.txt", lists_online=settings.empty_query == "online")
        ), "served"
    return deps.renderer.frame(_render_results(answered, query.verbose, settings, deps)), _combined_outcome(
        answered, settings
    )


async def _look_up_names(text: str, viewer: Viewer, max_names: int, deps: ProtocolDependencies) -> list[NamedResult]:
    """Look up *text* as one name, else the names between its commas, and the words of each name that is not found.

    Returns at most one result more than *max_names*.
    """
    whole = await _look_up(text, viewer, deps)
    if not isinstance(whole, NotFound):
        return [(text, whole)]
    answered: list[NamedResult] = []
    words_left = max_names + 1
    for name in split_names(text)[: max_names + 1]:
        answer = whole if name == text else await _look_up(name, viewer, deps)
        words = list(dict.fromkeys(name.split()))[:words_left] if isinstance(answer, NotFound) else []
        words_left -= len(words)
        parts = [(word, await _look_up(word, viewer, deps)) for word in words if word != name]
        if any(not isinstance(part, NotFound) for _, part in parts):
            answered += parts
        else:
            answered.append((name, answer))
        if len(answered) > max_names:
            break
    return answered[: max_names + 1] or [(text, whole)]


async def _look_up(name: str, viewer: Viewer, deps: ProtocolDependencies) -> LookupResult:
    """Look up *name* as it is, else percent-decoded."""
    answer = await deps.directory.lookup(name, viewer)
    if isinstance(answer, NotFound) and (plain := percent_decode(name)) is not None:
        return await deps.directory.lookup(plain, viewer)
    return answer


def _render_results(
    answered: Sequence[NamedResult], verbose: bool, settings: FingerSettings, deps: ProtocolDependencies
) -> str:
    """Join the texts of all results, with empty lines between them; nobody is shown twice."""
    template = "finger/long.txt" if verbose else "finger/person.txt"
    texts: dict[object, str] = {}
    for name, answer in answered:
        people = _profiles_to_show(answer, settings)
        for profile in people:
            texts[profile.login, True] = deps.renderer.render_profile(profile, template)
        if not people:
            texts[name, False] = _render_without_profile(name, answer, settings, deps)
    answers = list(texts.values())
    if len(answers) > settings.max_names:
        answers[settings.max_names :] = [messages.AND_MORE]
    return "\n".join(text if text.endswith("\n") else text + "\n" for text in answers)


def _profiles_to_show(answer: LookupResult, settings: FingerSettings) -> tuple[Profile, ...]:
    """Return the people of a result who are shown in full."""
    if isinstance(answer, Found):
        return (answer.profile,)
    if isinstance(answer, Ambiguous) and settings.ambiguous == "full" and len(answer.profiles) <= settings.max_names:
        return answer.profiles
    return ()


def _render_without_profile(
    name: str, answer: LookupResult, settings: FingerSettings, deps: ProtocolDependencies
) -> str:
    if isinstance(answer, Ambiguous):
        if settings.ambiguous == "deny":
            return messages.ambiguous(escape_controls(name))
        count = len(answer.profiles)
        return deps.renderer.render("finger/ambiguous.txt", profiles=answer.profiles[:MAX_LISTED], count=count)
    if isinstance(answer, Unavailable):
        return messages.UNAVAILABLE
    return messages.no_such_user(escape_controls(name))


def _combined_outcome(answered: Sequence[NamedResult], settings: FingerSettings) -> Outcome:
    """Return the outcome of several lookups together: the best one."""
    outcomes = {
        "refused" if isinstance(answer, Ambiguous) and settings.ambiguous == "deny" else answer.outcome
        for _, answer in answered
    }
    order: tuple[Outcome, ...] = ("found", "ambiguous", "unavailable", "refused")
    return next((each for each in order if each in outcomes), "not_found")
