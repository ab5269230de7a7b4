"""The privacy canary: people with a unique word in every field, and what must be true of every word.

Fields come from the field table, routes from the web app's map, commands from the bot's registry: new ones are found,
and those that cannot be classified fail the test. What each viewer may see is written down here a second time, from
the rule as operators read it, not from the code.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gateway.directory.fields import FIELDS, Field
from gateway.directory.person import Login

EVERYONE, MEMBERS, NOBODY = 0, 1, 2
RANKS = {"stranger": 0, "member": 1, "self": 2, "administrator": 2}

# What the preset "open" shows of a person who chose nothing.
OPEN = dict.fromkeys(
    ("name", "aliases", "pronouns", "pronunciation", "title", "project", "plan", "status", "links", "fediverse"),
    EVERYONE,
)
OPEN |= dict.fromkeys(
    (
        "organisation",
        "office",
        "office_phone",
        "home_phone",
        "email",
        "location",
        "timezone",
        "keys",
        "presence",
        "idle",
    ),
    MEMBERS,
)
OPEN |= dict.fromkeys(("last_seen", "irc", "former", "terminal", "origin"), NOBODY)
ZONES: tuple[str, ...] = (
    "Pacific/Chatham",
    "Asia/Kathmandu",
    "Indian/Cocos",
    "America/Nome",
    "Atlantic/Faroe",
    "Australia/Eucla",
    "Asia/Pyongyang",
)
TIME_FIELDS = ("presence", "idle", "last_seen")  # fields whose value is a time
PRESENCE_FIELDS = ("presence", "terminal", "origin", "idle")  # what only the running gateway knows
LEVELS = {EVERYONE: "everyone", MEMBERS: "members", NOBODY: "nobody"}


@dataclass(frozen=True)
class Canary:
    """A person. *levels* are the chosen levels by field (missing: the default), *name* is the level of the name."""

    login: str
    name: int | None
    levels: dict[str, int]
    listed: bool = True

    def word(self, name: str) -> str:
        """Return the content of field *name*."""
        if name in TIME_FIELDS:
            return f"{self.time(name):%Y-%m-%d}"
        return ZONES[self.number] if name == "timezone" else f"zq{name.replace('_', '')}{self.number}x"

    @property
    def number(self) -> int:
        return [each.login for each in CANARIES].index(self.login)

    def words(self, name: str) -> tuple[str, ...]:
        """Return all texts that reveal field *name*: its word, and the idle time in days as lists show it."""
        if name != "idle":
            return (self.word(name),)
        days = (datetime.now(UTC) - self.time(name)).days
        return (self.word(name), f" {days}d", f" {days - 1}d")

    def time(self, name: str) -> datetime:
        """Return a time that only field *name* of this person has."""
        return datetime(2001 + self.number, 1 + TIME_FIELDS.index(name), 17, tzinfo=UTC)

    def logins(self) -> list[Login]:
        """Return this person's logins."""
        return [Login(self.word("terminal"), self.word("origin"), self.time("presence"), self.time("idle"))]

    def level(self, name: str) -> int:
        """Return how far the rule lets *name* be shown."""
        whole = OPEN["name"] if self.name is None else self.name
        return whole if name == "name" else max(whole, self.levels.get(name, OPEN[name]))

    def document(self) -> dict[str, Any]:
        """Return the person as the import takes it."""
        filled = {each.name: _field_value(self, each) for each in FIELDS.values() if each.stored}
        visibility = {name: LEVELS[level] for name, level in self.levels.items() if name != "name"}
        if self.name is not None:
            visibility["name"] = LEVELS[self.name]
        return {"login": self.login, **filled, "visibility": visibility, "listed": self.listed}


def _field_value(canary: Canary, each: Field) -> Any:
    """Return the word in the shape of the field. An unknown shape fails here."""
    word = canary.word(each.name)
    shapes: dict[str, Any] = {
        "line": f"{word} Canary" if each.name == "name" else word,
        "lines": f"{word}\nand so on\n",
        "names": [word],
        "links": [{"label": word, "url": f"https://{word}.example/", "me": True}],
        "keys": [{"kind": "ssh", "label": word, "text": f"ssh-ed25519 {word}"}],
        "status": {"text": word, "until": "2099-01-01T00:00:00Z"},
        "accounts": [{"network": "demo", "account": word}],
    }
    return shapes[each.shape]


ALL_FIELDS = tuple(FIELDS)
CANARIES = (
    Canary("qopen", EVERYONE, dict.fromkeys(ALL_FIELDS, EVERYONE)),
    Canary("qmembers", EVERYONE, dict.fromkeys(ALL_FIELDS, MEMBERS)),
    Canary("qnobody", EVERYONE, dict.fromkeys(ALL_FIELDS, NOBODY)),
    Canary("qinner", MEMBERS, dict.fromkeys(ALL_FIELDS, EVERYONE)),
    Canary("qhidden", NOBODY, dict.fromkeys(ALL_FIELDS, EVERYONE)),
    Canary("qdefault", None, {}),
    Canary("qunlisted", EVERYONE, dict.fromkeys(ALL_FIELDS, EVERYONE), listed=False),
)


def all_names() -> tuple[str, ...]:
    """Return every name by which a person could be requested."""
    names = [
        name
        for each in CANARIES
        for name in (
            each.login,
            each.word("aliases"),
            each.word("former"),
            f"{each.word('name')} Canary",
            each.word("name"),
        )
    ]
    return (*names, "Canary", "nobodyatall")


@dataclass
class AudienceAnswers:
    """The answers that one audience got. The query is removed from them, since echoing it reveals nothing."""

    audience: str
    texts: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, source: str, query: str, text: str) -> None:
        forms = {query, *query.split()}  # finger looks up single words if nobody has the whole name
        forms |= {form.lower() for form in forms} | {query.replace(" ", "%20"), query.replace(" ", "+")}
        for own in sorted(forms, key=len, reverse=True):
            text = text.replace(own, "\N{BULLET}") if own else text
        self.texts.append((source, query, text))

    def leaks(self) -> Iterator[str]:
        """Yield words that this audience may not see, and unlisted people in lists."""
        rank = RANKS[self.audience]
        for source, query, text in self.texts:
            for canary in CANARIES:
                if canary.login in text and rank < canary.level("name"):
                    yield f"{self.audience}: {source} {query!r}: the login {canary.login}"
                asked_by_name = query in (canary.login, canary.word("aliases"), canary.word("former"))
                if not canary.listed and canary.login in text and not asked_by_name:
                    yield f"{self.audience}: {source} {query!r}: {canary.login}, who is not listed"
                for each in FIELDS.values():
                    if rank < canary.level(each.name) and any(word in text for word in canary.words(each.name)):
                        yield f"{self.audience}: {source} {query!r}: {each.name} of {canary.login}"

    def missing(self, level: int) -> Iterator[str]:
        """Yield words that this audience is the least to see and that no answer contains."""
        text_of_all = "\n".join(text for _, _, text in self.texts)
        for canary in CANARIES:
            for each in FIELDS.values():
                if each.name in PRESENCE_FIELDS and level == NOBODY:
                    continue  # the command line has no presence, and there is no sign-in over the network yet
                if each.name == "last_seen":
                    continue  # all of them are logged in
                if canary.level(each.name) == level and canary.word(each.name) not in text_of_all:
                    yield f"{self.audience} never gets {each.name} of {canary.login}"
