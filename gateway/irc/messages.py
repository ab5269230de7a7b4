"""Sentences that the bot says and that are too short for a template. Filled by str.format."""

import math

FORWARDING = "Finger forwarding service denied"
UNKNOWN = "no such user: {name}"
UNAVAILABLE = "the directory cannot be asked just now; please try again in a moment"
REFUSED = "that is not for you to ask"
LIMITED = "too many questions; ask again in {seconds} seconds"
LIMITED_1 = "too many questions; ask again in 1 second"
ERROR = "internal error, reference {reference}"
USAGE = "say: {usage}"
LOST = "({count} more of your questions could not be answered; ask them again, slowly)"
LOST_1 = "(1 more of your questions could not be answered; ask it again)"

REAL_NAME = "finger gateway of {site}; /msg {nick} help"
QUIT = "finger gateway is going down"

HELP_FINGER = "who is NAME, a login or a full name"
HELP_HELP = "this help"


def limited(seconds: float) -> str:
    whole = math.ceil(seconds)
    return LIMITED_1 if whole == 1 else LIMITED.format(seconds=whole)


def lost(count: int) -> str:
    return LOST_1 if count == 1 else LOST.format(count=count)
