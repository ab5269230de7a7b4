"""Names near to one that nobody has: what the asker may have meant. Only those whom a list would show them count.

Candidates are those who share the first letters, a bounded number of them; whose login, name, or a word of it comes
nearest is told by difflib.
"""

from collections.abc import Iterable
from difflib import SequenceMatcher

from ..directory.answers import Listing, Page
from ..directory.names import fold_name
from ..directory.privacy import Profile
from ..directory.search_terms import split_words
from ..directory.service import DirectoryService
from ..directory.viewers import Viewer

MOST = 3  # near names in one answer
LONGEST = 64  # characters of a name that is worth the work
LETTERS = (3, 2)  # that candidates share at the beginning: those who share more are not lost among many others
CANDIDATES = 100
NEAR = 0.7  # of 1, as SequenceMatcher has it


async def near(name: str, viewer: Viewer, directory: DirectoryService) -> list[Profile]:
    """At most three people, the nearest first; nobody when the directory cannot answer."""
    asked = fold_name(name)
    beginning = next(iter(split_words(asked)), "")
    if not beginning or len(asked) > LONGEST:
        return []
    candidates: dict[str, Profile] = {}
    for letters in LETTERS:
        if letters < len(beginning):
            answer = await directory.list_people(beginning[:letters], viewer, Page(limit=CANDIDATES))
            if not isinstance(answer, Listing):
                return []
            candidates |= {profile.login: profile for profile in answer.profiles}
    return _nearest(asked, candidates.values())


def _nearest(asked: str, candidates: Iterable[Profile]) -> list[Profile]:
    matcher = SequenceMatcher(b=asked, autojunk=False)
    scored = [(score, each) for each in candidates if (score := _score(matcher, each)) >= NEAR]
    scored.sort(key=lambda pair: (-pair[0], pair[1].login))
    return [profile for _, profile in scored[:MOST]]


def _score(matcher: "SequenceMatcher[str]", profile: Profile) -> float:
    best = 0.0
    full = fold_name(profile.name)
    for text in {profile.login, full, *full.split()}:
        matcher.set_seq1(text)
        least = max(best, NEAR)
        if matcher.real_quick_ratio() >= least and matcher.quick_ratio() >= least:
            best = max(best, matcher.ratio())
    return best
