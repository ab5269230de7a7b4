"""R003: a change by `finger-gateway plan` is visible on finger, web and IRC within 100 ms after the command ends."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.peers.gateway_process import (
    COMMAND,
    LIFT_BOT_LIMITS,
    WATCHDOG_CODE,
    Installation,
    assert_clean_log,
    http_get,
    make_installation,
    query_finger,
    run_fake_irc_server,
    run_gateway,
)

MAX_SECONDS = 0.100  # seconds
BY_COMMAND = 10
BY_CHILD = 40

# Does what `finger-gateway plan` does, for many plans in one process: the same directory and store, no start-up.
EDITOR = """
import sys
from pathlib import Path
from twisted.internet import reactor, threads
from twisted.internet.defer import Deferred
from gateway.builders import make_directory
from gateway.directory.interfaces import Modify
from gateway.directory.viewers import LocalCommand, Viewers
from gateway.settings import database_file, load_settings
from gateway.store import sqlite_store

file = Path(sys.argv[1])
settings = load_settings(file)
store = sqlite_store.SQLiteStore(database_file(settings, file.parent), reactor)
directory = make_directory(settings, file, store, reactor)

async def work():
    store.startService()
    directory.startService()
    administrator = await Viewers([], []).from_evidence(LocalCommand())
    while text := (await threads.deferToThread(sys.stdin.readline)):
        outcome = await directory.edit("alice", Modify("alice", {"plan": text}), administrator)
        print(type(outcome).__name__, flush=True)
    await directory.stopService()
    await store.stopService()

reactor.callWhenRunning(lambda: Deferred.fromCoroutine(work()).addBoth(lambda _: reactor.stop()))
reactor.run()
"""


@contextmanager
def run_editor(installation: Installation) -> Iterator[Callable[[str], float]]:
    """Run a child that changes alice's plan. Yield a function that makes it do so and returns the time when it was
    done."""
    log = installation.folder / "editor.log"
    with log.open("wb") as errors:
        child = subprocess.Popen(
            [sys.executable, "-P", "-c", EDITOR, str(installation.settings)],
            cwd=installation.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
        )  # fmt: skip
    assert child.stdin is not None and child.stdout is not None

    def edit(text: str) -> float:
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write(f"{text}\n")
        child.stdin.flush()
        assert child.stdout.readline() == "Saved\n", log.read_text()
        return time.monotonic()

    try:
        yield edit
    finally:
        child.stdin.close()
        child.wait(20)
        child.stdout.close()
        assert_clean_log(log.read_text())


@pytest.mark.alone
def test_R003_a_plan_is_visible_on_all_protocols_within_100_ms_50_times(tmp_path: Path) -> None:
    with run_fake_irc_server() as server:
        installation = make_installation(tmp_path, server.port)
        (tmp_path / "plan").write_text("")

        def edit_by_command(text: str) -> float:
            (tmp_path / "plan").write_text(f"{text}\n")
            subprocess.run(
                [*COMMAND, "-c", str(installation.settings), "plan", "alice", "plan"],
                cwd=tmp_path, check=True, capture_output=True, timeout=60,
            )  # fmt: skip
            return time.monotonic()

        def visible_on_irc(text: str) -> bool:
            return any(text in line for line in server.ask("alice"))

        looks: dict[str, Callable[[str], bool]] = {
            "finger": lambda text: text in query_finger(installation.finger_port, "alice"),
            "web": lambda text: text in http_get(installation.web_port, "/users/alice.json")[1],
            "irc": visible_on_irc,
        }
        took: dict[str, list[float]] = {protocol: [] for protocol in looks}
        without_limits = (sys.executable, "-P", "-c", LIFT_BOT_LIMITS + WATCHDOG_CODE)
        with (
            run_gateway(installation, start=without_limits),
            run_editor(installation) as by_child,
            ThreadPoolExecutor(len(looks)) as pool,
        ):
            assert all(look("Second line") for look in looks.values())
            for number in range(BY_COMMAND + BY_CHILD):
                text = f"Plan number {number:02}."
                done = edit_by_command(text) if number < BY_COMMAND else by_child(text)
                pending = {
                    protocol: pool.submit(_seconds_until_visible, look, text, done) for protocol, look in looks.items()
                }
                for protocol, waited in pending.items():
                    took[protocol].append(waited.result())
            history = installation.run("people", "show", "alice", "--history").out
        for protocol, durations in took.items():
            milliseconds = sorted(1000 * each for each in durations)
            print(
                f"{protocol}: {len(milliseconds)} edits, visible after a median of {statistics.median(milliseconds):.1f} ms, "
                f"at worst {milliseconds[-1]:.1f} ms"
            )
            assert len(milliseconds) == BY_COMMAND + BY_CHILD
            assert milliseconds[-1] <= 1000 * MAX_SECONDS, protocol
        for number in range(BY_COMMAND + BY_CHILD - 50 + 1, BY_COMMAND + BY_CHILD):
            assert f"Plan number {number:02}." in history


def _seconds_until_visible(look: Callable[[str], bool], text: str, done: float) -> float:
    """Poll *look* and return the seconds from *done* until it finds *text*."""
    while not look(text):
        assert time.monotonic() < done + 5, f"{text} is not visible"
    return time.monotonic() - done
