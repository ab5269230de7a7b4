"""Runs the demo: writes settings, adds sample people, asks itself over all protocols, prints answers and what to try."""

import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Template
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ..application import Gateway, serve
from ..config.problems import CannotStart
from ..directory.interfaces import Modify
from ..directory.results import Listing, Page, Saved
from ..directory.viewers import LocalCommand
from ..formats import person_json
from ..net.endpoints import Listener
from ..net.twisted_patches import use_monotonic_clock
from ..outbound.finger_client import query_server
from ..outbound.safe_dialer import HostResolver, SafeDialer, allow_any_address
from ..settings import load_settings
from ..store import database
from ..text.sanitize import sanitize
from . import messages, sample_requests
from .network import make_network

SAMPLE_LOGIN = "alice"
ANSWER_TIMEOUT = 10.0  # seconds that each answer may take


def run_demo(folder: Path | None, finger: str, web: str, irc: str, write: Callable[[str], None]) -> None:
    """Serve on the three endpoint strings until a signal.

    *folder* is kept; without one everything is removed at the end. *write* prints. Raises CannotStart, with how to choose
    other ports.
    """
    from twisted.internet import reactor

    use_monotonic_clock(reactor)
    home = Path(tempfile.mkdtemp(prefix="finger-gateway-")) if folder is None else folder
    try:
        try:
            home.mkdir(parents=True, exist_ok=True)
            demo = Demo(home, finger, web, irc, reactor, write)
        except OSError as error:
            raise CannotStart(f"{error.filename or home}: {error.strerror}") from None
        try:
            demo.serve()
        except CannotStart as error:
            raise CannotStart(f"{error}\n{messages.OTHER_PORTS}") from None
    finally:
        if folder is None:
            shutil.rmtree(home, ignore_errors=True)


class Demo:
    """One run of the demo in the folder *home*."""

    def __init__(self, home: Path, finger: str, web: str, irc: str, reactor: Any, write: Callable[[str], None]) -> None:
        self._reactor, self._print, self._home = reactor, write, home
        ports = {"finger": _port_of(finger), "web": _port_of(web), "irc": _port_of(irc)}
        self._ports = ports
        text = files(__package__).joinpath("gateway.toml").read_text()
        settings = home / "gateway.toml"
        if settings.exists() and not settings.read_bytes().startswith(text.partition("\n")[0].encode()):
            raise CannotStart(messages.foreign_settings(str(settings)))
        settings.write_text(Template(text).render(finger=finger, web=web, ports=ports))
        if not (home / "people.db").exists():
            database.create(home / "people.db")
        self._gateway = Gateway(load_settings(settings), settings, reactor)
        self._gateway.add(Listener("--irc", irc, make_network()))

    def serve(self) -> None:
        """Run until a signal. Raises CannotStart."""
        serve(self._gateway, self._reactor, lambda: self._reactor.callWhenRunning(self._begin))

    def _begin(self) -> None:
        Deferred.fromCoroutine(self._show_answers()).addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        self._print(messages.no_answer(failure.getErrorMessage() or repr(failure.value)))

    async def _show_answers(self) -> None:
        await self._add_sample_people()
        web = f"http://localhost:{self._ports['web']}/users/{SAMPLE_LOGIN}"
        answers = (
            (f"$ {_own_command()} ask {SAMPLE_LOGIN}@localhost:{self._ports['finger']}", self._ask_finger),
            (f"$ curl {web}", partial(sample_requests.fetch_url, self._reactor, web, ANSWER_TIMEOUT)),
            (
                f"/msg fingerbot {SAMPLE_LOGIN}",
                partial(sample_requests.ask_bot, self._reactor, self._ports["irc"], SAMPLE_LOGIN, ANSWER_TIMEOUT),
            ),
        )
        self._print(messages.INTRODUCTION)
        for command, ask in answers:
            self._print(messages.exchange(command, sanitize(await ask())))
        self._print(messages.things_to_try(_own_command(), str(self._home), self._ports))

    async def _ask_finger(self) -> bytes:
        endpoint = SafeDialer(
            self._reactor,
            HostResolver(self._reactor),
            "localhost",
            self._ports["finger"],
            ANSWER_TIMEOUT,
            allow_any_address,
        )
        pieces: list[bytes] = []
        await query_server(self._reactor, endpoint, SAMPLE_LOGIN, pieces.append, ANSWER_TIMEOUT)
        return b"".join(pieces)

    async def _add_sample_people(self) -> None:
        """Add the sample people, unless there are people already."""
        administrator = await self._gateway.deps.viewers.from_evidence(LocalCommand())
        answer = await self._gateway.directory.list_people("", administrator, Page(limit=1))
        if isinstance(answer, Listing) and answer.profiles:
            return
        people = [person_json.make_create(each) for each in person_json.read_documents(_read_sample("people.json"))]
        earlier = msgspec.json.decode(_read_sample("earlier.json"), type=dict[str, str])
        before = [
            replace(each, values={**each.values, "plan": earlier[each.login]}) if each.login in earlier else each
            for each in people
        ]
        since = [Modify(each.login, {"plan": each.values["plan"]}) for each in people if each.login in earlier]
        for edits in (before, since):
            outcome = await self._gateway.directory.save(edits, administrator)
            if not isinstance(outcome, Saved):
                raise RuntimeError(f"sample people: {outcome}")


def _read_sample(name: str) -> bytes:
    return files(__package__).joinpath(name).read_bytes()


def _port_of(endpoint: str) -> int:
    """Return the port in an endpoint string such as "tcp:1079:interface=127.0.0.1". Raises CannotStart."""
    kind, _, rest = endpoint.partition(":")
    port = rest.partition(":")[0].removeprefix("port=")
    if kind != "tcp" or not port.isdecimal() or not 0 < int(port) < 65536:
        raise CannotStart(messages.not_a_port(endpoint))
    return int(port)


def _own_command() -> str:
    """Return how this command is called in the user's shell."""
    if shutil.which("finger-gateway"):
        return "finger-gateway"
    path = Path(sys.argv[0])
    return shlex.quote(str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path))
