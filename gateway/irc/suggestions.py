"""Suggestions for a name that nobody has: similar names of people who would appear in lists.

Candidates share the first letters, and their number is limited. difflib compares login, full name and its words.
"""

from collections.abc import Iterable
from difflib import SequenceMatcher

from ..directory.names import fold_name
from ..directory.privacy import Profile
from ..directory.results import Listing, Page
from ..directory.search_terms import split_words
from ..directory.service import DirectoryService
from ..directory.viewers import Viewer

MAX_SUGGESTIONS = 3
MAX_NAME_LENGTH = 64  # characters; longer names are not compared
PREFIX_LENGTHS = (3, 2)  # letters that candidates share; three first, as MAX_CANDIDATES with two may leave out the best
MAX_CANDIDATES = 100
MIN_SIMILARITY = 0.7  # SequenceMatcher.ratio, from 0 to 1


async def find_similar_names(name: str, viewer: Viewer, directory: DirectoryService) -> list[Profile]:
    """Return at most MAX_SUGGESTIONS people, the most similar first; none if the directory cannot answer."""
    folded = fold_name(name)
    beginning = next(iter(split_words(folded)), "")
    if not beginning or len(folded) > MAX_NAME_LENGTH:
        return []
    candidates: dict[str, Profile] = {}
    for letters in PREFIX_LENGTHS:
        if letters < len(beginning):
            answer = await directory.list_people(beginning[:letters], viewer, Page(limit=MAX_CANDIDATES))
            if not isinstance(answer, Listing):
                return []
            candidates |= {profile.login: profile for profile in answer.profiles}
    return _most_similar(folded, candidates.values())


def _most_similar(folded: str, candidates: Iterable[Profile]) -> list[Profile]:
    matcher = SequenceMatcher(b=folded, autojunk=False)
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
