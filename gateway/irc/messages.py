"""Texts of the bot that are too short for a template, for str.format."""

import math
from collections.abc import Sequence

FORWARDING = "Finger forwarding service denied"
NOT_FOUND = "no such user: {name}"
NOT_FOUND_WITH_SUGGESTIONS = "no such user: {name}; did you mean {near}?"
SUGGESTION = "{login} ({name})"
OR = " or "
NOBODY_ONLINE = "nobody is online"
NO_MATCH = "nobody matches {words}"
UNAVAILABLE = "the directory is unavailable; try again in a moment"
FORBIDDEN = "not allowed"
RATE_LIMITED = "too many requests; try again in {seconds} seconds"
RATE_LIMITED_1 = "too many requests; try again in 1 second"
INTERNAL_ERROR = "internal error, reference {reference}"
USAGE = "usage: {usage}"
DROPPED = "({count} more of your requests could not be answered; send them again, slowly)"
DROPPED_1 = "(1 more of your requests could not be answered; send it again)"

REAL_NAME = "finger gateway of {site}; /msg {nick} help"
QUIT = "finger gateway is going down"

HELP_FINGER = "look up NAME, a login or a full name"
HELP_WHO = "who is online (also: online)"
HELP_SEARCH = "find people by the start of their names"
HELP_HELP = "this help"


def rate_limited(seconds: float) -> str:
    whole = math.ceil(seconds)
    return RATE_LIMITED_1 if whole == 1 else RATE_LIMITED.format(seconds=whole)


def answers_dropped(count: int) -> str:
    return DROPPED_1 if count == 1 else DROPPED.format(count=count)


def not_found(name: str, suggestions: Sequence[tuple[str, str]] = ()) -> str:
    """Return "no such user"; *suggestions* has login and name of people who may be meant."""
    if not suggestions:
        return NOT_FOUND.format(name=name)
    *others, last = (SUGGESTION.format(login=login, name=full) if full else login for login, full in suggestions)
    return NOT_FOUND_WITH_SUGGESTIONS.format(name=name, near=OR.join([", ".join(others), last] if others else [last]))
