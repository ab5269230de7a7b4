"""Suggestions for a name that nobody has: similar names of people who would appear in lists.

Candidates share the first letters, and their number is limited. difflib compares login, full name and its words.
"""

from collections.abc import Iterable
from difflib import SequenceMatcher

from ..directory.answers import Listing, Page
from ..directory.names import fold_name
from ..directory.privacy import Profile
from ..directory.search_terms import split_words
from ..directory.service import DirectoryService
from ..directory.viewers import Viewer

MAX_SUGGESTIONS = 3  # near names in one answer
MAX_NAME_LENGTH = 64  # characters of a name that is worth the work
PREFIX_LENGTHS = (3, 2)  # that candidates share at the beginning: those who share more are not lost among many others
MAX_CANDIDATES = 100
MIN_SIMILARITY = 0.7  # of 1, as SequenceMatcher has it


async def find_similar_names(name: str, viewer: Viewer, directory: DirectoryService) -> list[Profile]:
    """Return at most MAX_SUGGESTIONS people, the most similar first; none if the directory cannot answer."""
    asked = fold_name(name)
    beginning = next(iter(split_words(asked)), "")
    if not beginning or len(asked) > MAX_NAME_LENGTH:
        return []
    candidates: dict[str, Profile] = {}
    for letters in PREFIX_LENGTHS:
        if letters < len(beginning):
            answer = await directory.list_people(beginning[:letters], viewer, Page(limit=MAX_CANDIDATES))
            if not isinstance(answer, Listing):
                return []
            candidates |= {profile.login: profile for profile in answer.profiles}
    return _most_similar(asked, candidates.values())


def _most_similar(asked: str, candidates: Iterable[Profile]) -> list[Profile]:
    matcher = SequenceMatcher(b=asked, autojunk=False)
    scored = [(score, each) for each in candidates if (score := _similarity(matcher, each)) >= MIN_SIMILARITY]
    scored.sort(key=lambda pair: (-pair[0], pair[1].login))
    return [profile for _, profile in scored[:MAX_SUGGESTIONS]]


def _similarity(matcher: "SequenceMatcher[str]", profile: Profile) -> float:
    best = 0.0
    full = fold_name(profile.name)
    for text in {profile.login, full, *full.split()}:
        matcher.set_seq1(text)
        least = max(best, MIN_SIMILARITY)
        if matcher.real_quick_ratio() >= least and matcher.quick_ratio() >= least:
            best = max(best, matcher.ratio())
    return best
