"""How far a request travels through the code: modules of gateway/ that it enters, entries, and returns.

An entry is a call into another module than the one that was entered before; a return is an entry of a module that was
left before. Resumed coroutines, properties, lambdas and comprehensions do not count, nor text/, directory/addresses.py and
directory/names.py, which are libraries to the reader. Few returns mean that a reader can follow a request from file to file.
"""

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache, cached_property
from inspect import CO_COROUTINE, CO_GENERATOR
from pathlib import Path
from typing import Any

import gateway
from gateway import cli
from gateway.finger.protocol import FingerService
from gateway.finger.settings import FingerSettings
from tests.bench.measure import print_table
from tests.unit.finger.wire import Client
from tests.unit.fixtures import make_dependencies
from tests.unit.irc.server import BotHarness
from tests.unit.web.browser import Browser

PACKAGE = f"{Path(gateway.__file__).parent}/"
LIBRARIES = ("text/", "directory/addresses.py", "directory/names.py")


@cache
def _properties(kind: type) -> frozenset[str]:
    """Return the names of the properties of *kind*: a reader takes them for attributes."""
    return frozenset(name for name in dir(kind) if isinstance(getattr(kind, name, None), property | cached_property))


class Walk:
    """Records the modules that are entered while a function runs, in all threads."""

    def __init__(self) -> None:
        self.entries: list[str] = []
        self.calls: list[tuple[str, str]] = []

    def record(self, run: Callable[[], Any]) -> None:
        threading.setprofile(self._profile)
        sys.setprofile(self._profile)
        try:
            run()
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    def _profile(self, frame: Any, event: str, _: object) -> None:
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(PACKAGE) or code.co_name.startswith("<"):
            return
        if frame.f_lasti > 4 and code.co_flags & (CO_COROUTINE | CO_GENERATOR):
            return
        if code.co_name in _properties(frame.f_locals.get("self").__class__):
            return
        module = code.co_filename.removeprefix(PACKAGE)
        if module.startswith(LIBRARIES):
            return
        if not self.entries or self.entries[-1] != module:
            self.entries.append(module)
        self.calls.append((module, code.co_qualname))

    def row(self, name: str) -> tuple[str, int, int, int]:
        modules = len(set(self.entries))
        return name, modules, len(self.entries), len(self.entries) - modules

    def describe(self) -> str:
        """Return each entry with the functions that were called in it, and a mark for a return."""
        lines: list[str] = []
        seen: set[str] = set()
        last = ""
        for module, name in self.calls:
            if module == last:
                lines[-1] += f", {name}"
                continue
            lines.append(f"{'<- ' if module in seen else '   '}{module}: {name}")
            seen.add(module)
            last = module
        return "\n".join(lines)


def walks(folder: Path) -> dict[str, Walk]:
    """Return the walk of each kind of request; "warm" ones are repeated."""
    built = make_dependencies(folder)
    finger = FingerService(FingerSettings(), built.deps).factory
    browser = Browser(built)
    page = b"GET /users/alice HTTP/1.1\r\nHost: dir.test\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
    (folder / "irc").mkdir()
    bot = BotHarness(folder / "irc", channels=["#tea"])
    irc = bot.sign_on()
    requests: dict[str, Callable[[], Any]] = {
        "finger, cold": lambda: Client(built, factory=finger).send(b"alice\r\n"),
        "finger, warm": lambda: Client(built, factory=finger).send(b"alice\r\n"),
        "page, cold": lambda: browser.send_raw(page),
        "page, warm": lambda: browser.send_raw(page),
        "IRC, private": lambda: irc.send(":bo!b@h PRIVMSG fingerbot :bob"),
        "IRC, in a channel": lambda: irc.send(":bo!b@h PRIVMSG #tea :!finger bob"),
        "finger-gateway plan": lambda: run_plan_command(folder),
    }
    found = {}
    for name, run in requests.items():
        found[name] = Walk()
        found[name].record(run)
    built.stop()
    return found


def run_plan_command(folder: Path) -> None:
    """Store a plan from a file, as `finger-gateway plan` does."""
    arguments, sys.argv = sys.argv, ["finger-gateway", "plan", "alice", str(folder / "plan.txt")]
    sys.argv += ["-c", str(folder / "gateway.toml")]
    with suppress(SystemExit):
        cli.main()
    sys.argv = arguments


def main(folder: Path) -> None:
    (folder / "plan.txt").write_text("Gone to buy milk.\n")
    (folder / "gateway.toml").write_text("[finger]\n")
    found = walks(folder)
    if "-v" in sys.argv:
        for name, walk in found.items():
            print(f"{name}\n{walk.describe()}\n")
    rows = [walk.row(name) for name, walk in found.items()]
    print_table("A request's walk through gateway/", ("request", "modules", "entries", "returns"), rows)
