"""Sample people for trying out templates: one with every field, one with none, and one in which everything is odd."""

from datetime import UTC, datetime, timedelta

from .fields import FIELDS
from .person import Account, Key, Link, Login, Status
from .privacy import Audience, Profile

_AT = datetime(2026, 11, 23, 18, 4, tzinfo=UTC)
_ALL = frozenset(FIELDS)

FULL = Profile(
    login="alice",
    name="Alice Adams",
    aliases=("ally", "al"),
    pronouns="she/her",
    pronunciation="AL-iss",
    title="Keeper of the kettle",
    organisation="The Tea Club",
    office="B12",
    office_phone="+420 555 0100",
    home_phone="+420 555 0199",
    email="alice@dir.test",
    location="Prague",
    timezone="Europe/Prague",
    links=(Link("Blog", "https://alice.example/", True), Link("", "gemini://alice.example/")),
    keys=(Key("ssh", "laptop", "ssh-ed25519 AAAA"),),
    project="A better teapot",
    plan="First line\nSecond line\n",
    status=Status("at the kettle", _AT),
    irc=(Account("libera", "alice"),),
    fediverse="@alice@social.example",
    former=("al.adams",),
    audience=Audience.EVERYONE,
    shown=_ALL,
    changed=dict.fromkeys(FIELDS, _AT),
    updated=_AT,
    online=True,
    logins=(Login("pts/0", "tea.example", _AT - timedelta(hours=8), _AT), Login()),
    last_seen=_AT,
    until=_AT,
)
EMPTY = Profile(
    login="bob", name="Bob", audience=Audience.EVERYONE, shown=frozenset({"name"}), changed={}, updated=None
)
ODD = Profile(
    login="小明",
    name="\x1b[31m" + "Ž" * 128,
    title="'; {{ x }} <b>\t%s",
    links=(Link("", "https://e.example/" + "x" * 200),),
    keys=(Key("age", "", "\n\n"),),
    plan="\r\n \x00" + "y" * 500,
    status=Status("🫖", None),
    audience=Audience.MEMBER,
    shown=_ALL,
    changed={"name": _AT},
    updated=_AT,
    online=False,
    last_seen=None,
)
SAMPLES = (FULL, EMPTY, ODD)
