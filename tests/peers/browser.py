"""Debian's Chromium as the tests start it, and people whose pages are difficult to lay out."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, sync_playwright

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

EVERY_FIELD: dict[str, Any] = {
    "login": "alice", "name": "Alice Adams", "aliases": ["ally"], "pronouns": "she/her", "pronunciation": "AL-iss",
    "title": "Keeper of the kettle", "organisation": "The Tea Club", "office": "B12", "office_phone": "+420 555 0100",
    "home_phone": "+420 555 0199", "email": "alice@dir.test", "location": "Prague", "timezone": "Europe/Prague",
    "links": [{"label": "Blog", "url": "https://alice.example/", "me": True}, {"url": "https://club.example/tea"}],
    "keys": [{"kind": "ssh", "label": "laptop", "text": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "k" * 43 + " alice@laptop"}],
    "project": "A better teapot",
    "plan": "Monday\n  * descale (see https://tea.example/descaling)\n  * a line that is rather long, so that it has to be "
    "broken on a telephone, where it keeps its place below the star\n\nTuesday: tea.\n",
    "status": {"text": "at the kettle", "until": "2099-12-01T10:00:00Z"}, "fediverse": "@alice@social.example",
    "visibility": {"timezone": "everyone", "email": "everyone", "keys": "everyone", "organisation": "everyone"},
}  # fmt: skip
LONGEST = {"login": "m" * 64, "name": "N" * 80, "plan": "x" * 80 + "\n", "project": "P" * 80, "title": "T" * 80}
WIDE = {"login": "yamada", "name": "山田 花子", "plan": "山田花子のけいかく" * 8 + "\n", "title": "技術者"}
RIGHT_TO_LEFT = {
    "login": "noa",
    "name": "נועה אבן",
    "plan": "שורה ארוכה מאוד מאוד שלא נכנסת למסך קטן של טלפון\n",
    "pronouns": "היא",
}
EMOJI_AND_MARKUP = {
    "login": "emo",
    "name": "👩‍👩‍👧‍👦 🇨🇿",
    "title": '<b>&amp;</b> "q"',
    "plan": "☕\n",
    "status": {"text": "🫖" * 20},
}
EMPTY = {"login": "empty"}
DIFFICULT_PEOPLE = (EVERY_FIELD, LONGEST, WIDE, RIGHT_TO_LEFT, EMOJI_AND_MARKUP, EMPTY)
# Pages with different content.
PAGES = (
    "/", "/users", "/users?q=a", "/users?q=zz", "/online", "/policy", "/users/alice", f"/users/{'m' * 64}", "/users/yamada",
    "/users/noa", "/users/emo", "/users/empty", "/users/alice/history", "/users/nobody", "/nowhere",
)  # fmt: skip


@contextmanager
def launch_chromium() -> Iterator[Browser]:
    found = shutil.which("chromium")
    assert found is not None
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=found, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()
