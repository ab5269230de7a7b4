"""Sentences that the bot says and that are too short for a template. Filled by str.format."""

import math
from collections.abc import Sequence

FORWARDING = "Finger forwarding service denied"
UNKNOWN = "no such user: {name}"
UNKNOWN_NEAR = "no such user: {name}; did you mean {near}?"
NEAR = "{login} ({name})"
OR = " or "
NOBODY_ON = "nobody is online"
NOBODY_FOUND = "nobody matches {words}"
UNAVAILABLE = "the directory is unavailable; try again in a moment"
REFUSED = "you may not ask that"
LIMITED = "too many requests; try again in {seconds} seconds"
LIMITED_1 = "too many requests; try again in 1 second"
ERROR = "internal error, reference {reference}"
USAGE = "usage: {usage}"
LOST = "({count} more of your requests could not be answered; send them again, slowly)"
LOST_1 = "(1 more of your requests could not be answered; send it again)"

REAL_NAME = "finger gateway of {site}; /msg {nick} help"
QUIT = "finger gateway is going down"

HELP_FINGER = "look up NAME, a login or a full name"
HELP_WHO = "who is online (also: online)"
HELP_SEARCH = "find people by the start of their names"
HELP_HELP = "this help"


def limited(seconds: float) -> str:
    whole = math.ceil(seconds)
    return LIMITED_1 if whole == 1 else LIMITED.format(seconds=whole)


def lost(count: int) -> str:
    return LOST_1 if count == 1 else LOST.format(count=count)


def unknown(name: str, near: Sequence[tuple[str, str]] = ()) -> str:
    """*near* has login and name of those who may be meant."""
    if not near:
        return UNKNOWN.format(name=name)
    *others, last = (NEAR.format(login=login, name=full) if full else login for login, full in near)
    return UNKNOWN_NEAR.format(name=name, near=OR.join([", ".join(others), last] if others else [last]))
