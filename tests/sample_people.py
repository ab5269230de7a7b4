"""Fifty varied people: every field present or missing, in many scripts, with characters that are special in other
formats. The same seed gives the same people."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

WORDS = (
    "Alice", "Žofie", "Łukasz", "Ngô", "Иван", "Σωκράτης", "张伟", "山田", "太郎", "김민수",
    "محمد", "שרה", "नेहा", "O'Neil",
    "de la Cruz", "Smith; Sons, Ltd.", "a\\b", "<b>bold</b>", "Q&A", '"quoted"', "100 %", "x=y", "☕", "👩‍👩‍👧‍👦", "🇨🇿",
    "é", "ﬁ", "B 12", "#4", "—",
)  # fmt: skip
ZONES = ("Europe/Prague", "Asia/Kathmandu", "America/Nome", "Pacific/Chatham", "UTC")
FIELDS = ("pronouns", "pronunciation", "title", "organisation", "office", "location", "project")
LINES = (
    "First line", "  indented", "", "a;b,c\\d: e", "* item", "日本語の行です。", "سطر", "https://plan.example/x?a=b&c=d",
    "\ttab", "1 < 2 > 0",
)  # fmt: skip


def people(seed: int = 5, count: int = 50) -> list[dict[str, Any]]:
    """Return person documents with all fields visible to everyone."""
    chance = random.Random(seed)
    return [_person(chance, number) for number in range(count)]


def _person(chance: random.Random, number: int) -> dict[str, Any]:
    def words(most: int = 4) -> str:
        return " ".join(chance.choice(WORDS) for _ in range(chance.randint(1, most)))

    login = f"person{number}"
    person: dict[str, Any] = {"login": login, "name": f"{words()} {number}"}
    person |= {name: words() for name in FIELDS if chance.random() < 0.7}
    filled: dict[str, Any] = {
        "aliases": [f"alias{number}", f"other{number}"],
        "office_phone": chance.choice([f"+420 555 {number:04}", f"x{number}", f"+1 (555) 010-{number:04} ext. 7"]),
        "home_phone": f"+43 1 555 {number:04}",
        "email": f"{login}@dir.test",
        "timezone": chance.choice(ZONES),
        "links": [
            {
                "url": f"https://{login}.example/?a=1&b={each}",
                "label": chance.choice(["", words(2)]),
                "me": bool(each % 2),
            }
            for each in range(chance.randint(1, 4))
        ],
        "keys": [{"kind": "ssh", "label": "laptop", "text": f"ssh-ed25519 AAAA{number} {login}@laptop"}],
        # vcard4 takes a note that begins with an address for one, and leaves it as it is
        "plan": "Now\n" + "\n".join(chance.choice(LINES) for _ in range(chance.randint(1, 12))) + "\nend\n",
        "status": {"text": words(), "until": (datetime(2099, 1, 1, tzinfo=UTC) + timedelta(days=number)).isoformat()},
        "fediverse": f"@{login}@social.example",
    }
    person |= {name: value for name, value in filled.items() if chance.random() < 0.8}
    return person | {"visibility": dict.fromkeys(VISIBLE_TO_EVERYONE, "everyone")}


VISIBLE_TO_EVERYONE = ("organisation", "office", "office_phone", "home_phone", "email", "location", "timezone", "keys")
