"""Which checks there are. What each does stands in the modules of checks, what it is called in messages.py.

The level is what the RFC says: MUST where RFC 1288 has that word, or where its grammar has the form, SHOULD likewise and
for the forms of the RFCs before it (742, 1194, 1196). All else, useful as it may be, is practice: what clients send, what
good servers do, what attackers try. The ids are those of the project's list of behaviours."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from . import messages

Level = Literal["MUST", "SHOULD", "practice"]
LEVELS: tuple[Level, ...] = ("MUST", "SHOULD", "practice")


@dataclass(frozen=True, slots=True)
class Check:
    """*section*: where it comes from, or nothing; *login*: somebody who exists is needed; *aggressive*: a flood;
    *waiting*: takes long by its nature; *unseen*: why it can never be tested from outside, or nothing."""

    id: str
    level: Level
    section: str
    title: str
    expected: str
    aggressive: bool = False
    login: bool = False
    waiting: bool = False
    unseen: str = ""


# level, section, ids with what they need: l a login, a aggressive, w waiting
_ROWS: tuple[tuple[Level, str, str], ...] = (
    ("practice", "RFC 1288 2.1", "F001 F002 F003 F004 F005 F006 F007 F008 F009 F010 F011w F012w F013"),
    ("practice", "", "F014a F015a F016a F017 F018 F019l F020 F021"),
    ("MUST", "RFC 1288 2.2", "F022 F023 F024 F025 F026 F028"),
    ("practice", "RFC 1288 2.2", "F027"),
    ("practice", "RFC 1288 3.3", "F029 F030 F031 F032 F033 F034"),
    ("practice", "", "F035 F036 F037 F038"),
    ("MUST", "RFC 1288 2.5.1", "F039 F092"),
    ("SHOULD", "RFC 742", "F040 F055l F057l"),
    ("MUST", "RFC 1288 2.3", "F041 F045l F047l F052"),
    ("practice", "RFC 1288 2.3", "F042 F043 F046l F048l F049l F050l F053l F054"),
    ("MUST", "RFC 1288 2.5.3", "F044l F058l"),
    ("SHOULD", "RFC 1196 2.3", "F051l"),
    ("practice", "", "F056l F061l F062l F063l F064l F065 F066 F067 F069l F070 F071 F072a F073 F074 F075"),
    ("practice", "RFC 742", "F068l"),
    ("SHOULD", "RFC 1288 2.5.3", "F059l"),
    ("SHOULD", "RFC 1288 3.2.6", "F060"),
    ("MUST", "RFC 1288 3.2.1", "F076 F077"),
    ("practice", "", "F078l F079 F080l F081l F083l F084 F085l F086l F089 F090 F091"),
    ("MUST", "RFC 1288 2.4", "F082 F087 F088"),
    ("SHOULD", "RFC 1288 2.5.1", "F093"),
    ("practice", "RFC 1288 2.5.1", "F094"),
    ("MUST", "RFC 1288 3.2.2", "F095"),
    ("MUST", "RFC 1288 2.5.2", "F096l F097l"),
    ("SHOULD", "RFC 1288 2.5.2", "F098l F099"),
    ("SHOULD", "RFC 1288 2.5.4", "F100l"),
    ("SHOULD", "RFC 1288 3.2.3", "F101"),
    ("practice", "", "F102 F103 F104 F105 F108 F116 F117 F118 F119 F122"),
    ("practice", "RFC 1288 3.2.4", "F106 F107 F109 F110 F111"),
    ("MUST", "RFC 1288 3.2.5", "F112 F113"),
    ("SHOULD", "RFC 1288 2.5.5", "F114"),
    ("SHOULD", "RFC 1288 3.2.7", "F115"),
    ("SHOULD", "RFC 1288 3.1", "F120a"),
    ("SHOULD", "RFC 1288 3.3", "F121"),
)

_UNSEEN = {
    messages.PLAN: "F023 F024 F026 F032 F034 F035 F036 F037",
    messages.SETTING: "F020 F028 F093 F099 F101",
    messages.LOG: "F115 F117 F118",
    messages.FORWARDING: "F087 F088 F089 F090 F091",
    messages.FILES: "F106 F107 F109 F110 F111",
    messages.DOCUMENTATION: "F112 F119",
    messages.CLIENT: "F121 F122",
    messages.LARGE: "F013",
    messages.RESOLVER: "F021",
    messages.MAPPED: "F018",
    messages.OTHERS: "F105",
    messages.SERVICE: "F114",
}


def _made() -> Iterator[Check]:
    unseen = {name: why for why, names in _UNSEEN.items() for name in names.split()}
    for level, section, names in _ROWS:
        for each in names.split():
            name, needs = each[:4], each[4:]
            title, expected = messages.TITLES[name]
            yield Check(
                name,
                level,
                section,
                title,
                expected,
                aggressive="a" in needs,
                login="l" in needs,
                waiting="w" in needs,
                unseen=unseen.get(name, ""),
            )


CHECKS: dict[str, Check] = {check.id: check for check in sorted(_made(), key=lambda check: check.id)}
