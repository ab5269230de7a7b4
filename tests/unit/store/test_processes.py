"""The store with other processes that write, hold locks, are killed, or run as another user."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import pytest
from twisted.internet.task import LoopingCall

from gateway.directory.interfaces import Create, Modify
from gateway.store import database, file_watcher, sqlite_store
from tests.unit.directory.doubles import ADMINISTRATOR
from tests.unit.fixtures import ReactorClock, result_of, write_edits
from tests.unit.store.waiting import wait_for

ROOT = Path(__file__).parents[3]
NOBODY = 65534


def start_python(code: str, *arguments: object, **more: Any) -> "subprocess.Popen[str]":
    """Start a Python process that runs *code*."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **more,
    )


def read_line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline().rstrip("\n")


def wait_for_exit(process: "subprocess.Popen[str]") -> str:
    """Wait until *process* exits with status 0, and return the rest of its output."""
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    return output


def test_R003_a_second_process_writes(tmp_path: Path) -> None:
    """The change is seen at the next poll, at most 40 ms later, and reads return the new text."""
    path = tmp_path / "people.db"
    database.create(path)
    write_edits(path, [Create("alice", {"title": "Old"})])
    clock = ReactorClock()
    store = sqlite_store.SQLiteStore(path, clock)
    store.startService()
    changes: list[tuple[str, ...]] = []
    last = result_of(store.last_change())

    async def wake() -> None:
        changes.extend((change.login, *change.fields) for change in await store.changes(last))

    store.watch(wake)
    clock.advance(file_watcher.POLL_INTERVAL)
    assert changes == []
    process = start_python(
        """
        import sys
        from datetime import UTC, datetime
        from pathlib import Path
        from gateway.directory.interfaces import Modify
        from gateway.store import database, sqlite_store
        from gateway.store.edit_transactions import EditTransactions
        tables = EditTransactions(lambda: database.connect(Path(sys.argv[1]), "rw", 5.0))
        print("ready", flush=True)
        sys.stdin.readline()
        tables.save([Modify("alice", {"title": "New"})], datetime.now(UTC))
        print("written", flush=True)
        sys.stdin.readline()
        """,
        path,
    )
    assert read_line(process.stdout) == "ready"
    clock.advance(file_watcher.POLL_INTERVAL)
    assert changes == []
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    assert read_line(process.stdout) == "written"
    clock.advance(file_watcher.POLL_INTERVAL)
    assert changes == [("alice", "title")]
    assert result_of(store.get("alice")).title == "New"
    wait_for_exit(process)
    wait_for(store.stopService())


def test_R003_the_database_is_polled_every_40_ms(tmp_path: Path) -> None:
    store = sqlite_store.SQLiteStore(tmp_path / "people.db", ReactorClock())
    database.create(store.path)
    store.startService()
    assert isinstance(store.watcher._polling, LoopingCall)
    assert store.watcher._polling.interval == 0.04
    wait_for(store.stopService())


def test_R004_another_process_holds_the_database(tmp_path: Path) -> None:
    """The edit is refused with a clear message after the busy timeout, reads continue, and the next edit is written."""
    path = tmp_path / "people.db"
    database.create(path)
    write_edits(path, [Create("alice", {"title": "Old"})])
    holder = start_python(
        """
        import sqlite3, sys
        connection = sqlite3.connect(sys.argv[1], isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        print("held", flush=True)
        sys.stdin.readline()
        connection.execute("ROLLBACK")
        print("let go", flush=True)
        sys.stdin.readline()
        """,
        path,
    )
    assert read_line(holder.stdout) == "held"
    editor = start_python(
        """
        import sys, time
        from datetime import UTC, datetime
        from pathlib import Path
        from twisted.internet import reactor
        from twisted.internet.defer import Deferred
        from gateway.directory.interfaces import Modify, SourceDown
        from gateway.store import database, sqlite_store, sqlite_writer
        sqlite_writer.BUSY_TIMEOUT = 0.3
        store = sqlite_store.SQLiteStore(Path(sys.argv[1]), reactor)

        async def main():
            store.startService()
            began = time.monotonic()
            writing = Deferred.fromCoroutine(store.save([Modify("alice", {"title": "New"})], None, datetime.now(UTC)))
            reads = 0
            def read():
                nonlocal reads
                Deferred.fromCoroutine(store.get("alice")).addCallback(lambda person: person.title == "Old" or 1 / 0)
                reads += 1
            from twisted.internet.task import LoopingCall
            reading = LoopingCall(read)
            reading.start(0.01)
            try:
                await writing
                print("written?")
            except SourceDown as down:
                print(f"{down} ({'in time' if 0.25 < time.monotonic() - began < 15 else 'late'})")
            reading.stop()
            print("reads went on" if reads > 5 else f"{reads} reads", flush=True)
            sys.stdin.readline()
            await store.save([Modify("alice", {"title": "New"})], None, datetime.now(UTC))
            await store.stopService()
            print("written", flush=True)

        reactor.callWhenRunning(
            lambda: Deferred.fromCoroutine(main()).addErrback(lambda f: f.printTraceback()).addBoth(lambda _: reactor.stop())
        )
        reactor.run()
        """,
        path,
    )
    refusal = read_line(editor.stdout)
    assert refusal.startswith(f"{path}: another program has been writing for "), refusal
    assert refusal.endswith("; try again (in time)"), refusal
    assert read_line(editor.stdout) == "reads went on"
    assert holder.stdin is not None
    assert editor.stdin is not None
    holder.stdin.write("\n")
    holder.stdin.flush()
    assert read_line(holder.stdout) == "let go"
    assert wait_for_exit(editor) == "written\n"
    wait_for_exit(holder)


EDITOR = """
    import sys
    from datetime import UTC, datetime
    from pathlib import Path
    from gateway.directory.interfaces import Create, Modify
    from gateway.store import database, sqlite_store
    from gateway.store.edit_transactions import EditTransactions
    tables = EditTransactions(lambda: database.connect(Path(sys.argv[1]), "rw", 5.0))
    first, last = int(sys.argv[2]), int(sys.argv[3])
    for number in range(first, last):
        version = tables.save([Modify("alice", {"plan": f"plan {number}"})], datetime.now(UTC))
        print(number, version, flush=True)
    print("all", flush=True)
"""


KILLED = """
    import os, sys, textwrap
    editor = sys.stdin.read(int(sys.argv[2]))
    import sqlalchemy, twisted.python.failure, gateway.store.edit_transactions  # imported once for all rounds
    for round in range(10):
        pid = os.fork()
        if not pid:
            sys.argv[2:] = [str(round * 1_000_000), str(round * 1_000_000 + 1_000_000)]
            exec(editor)
            os._exit(1)
        print("editor", pid, flush=True)
        os.waitpid(pid, 0)
        print("dead", flush=True)
        sys.stdin.readline()
"""


def test_R006_acknowledged_edits_survive_kill_9(tmp_path: Path) -> None:
    """In ten rounds a process prints each acknowledged edit and is killed while it writes more."""
    path = tmp_path / "people.db"
    database.create(path)
    write_edits(path, [Create("alice", {"plan": "plan -1"})])
    editor = textwrap.dedent(EDITOR)
    parent = start_python(KILLED, path, len(editor))
    assert parent.stdin is not None
    parent.stdin.write(editor)
    parent.stdin.flush()
    acknowledged: dict[int, int] = {}
    for round_ in range(10):
        pid, last = 0, -1
        while (output := read_line(parent.stdout)) != "dead":
            word, number = output.split()
            if word == "editor":
                pid = int(number)
                continue
            last = int(word)
            acknowledged[last] = int(number)
            if last % 1_000_000 == 5 + 20 * round_:
                os.kill(pid, signal.SIGKILL)
        assert last % 1_000_000 >= 5 + 20 * round_
        store = sqlite_store.SQLiteStore(path, ReactorClock(), readers=0)
        store.startService()
        # at most one edit more than acknowledged: the one in progress
        assert result_of(store.get("alice")).plan in (f"plan {last}", f"plan {last + 1}")
        kept = {entry.text for entry in result_of(store.history("alice", 1_000_000))}
        assert {f"plan {number}" for number in acknowledged} <= kept
        assert set(acknowledged.values()) <= {change.n for change in result_of(store.changes(0))}
        assert store.reader.connection is not None
        assert store.reader.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        wait_for(store.stopService())
        parent.stdin.write("\n")
        parent.stdin.flush()
    wait_for_exit(parent)
    assert len(acknowledged) >= sum(5 + 20 * round_ for round_ in range(10))


INSPECT = """
    import os, sys
    from pathlib import Path
    from gateway.store import database, sqlite_store
    from gateway.store.edit_transactions import EditTransactions
    from gateway.directory.interfaces import Modify
    from datetime import UTC, datetime
    import alembic, sqlalchemy, twisted.internet.reactor
    os.chdir("/")
    if os.getuid() == 0:
        os.setgroups([]); os.setgid(65534); os.setuid(65534)
    path = Path(sys.argv[1])
    try:
        (database.create if sys.argv[2] == "create" else database.inspect)(path)
        print("fine")
    except database.UnusableDatabase as unusable:
        print(unusable)
"""


def environment_without_coverage() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def inspect_unprivileged(path: Path, command: str = "inspect") -> str:
    """Run a check as an unprivileged user, because root ignores permission bits.

    That user cannot write coverage data, so coverage is off.
    """
    return wait_for_exit(start_python(INSPECT, path, command, env=environment_without_coverage())).rstrip("\n")


@pytest.fixture
def reachable() -> Iterator[Path]:
    """Return a folder that every user can reach; pytest makes the folders above tmp_path private."""
    with TemporaryDirectory() as top:
        folder = Path(top, "open")
        folder.mkdir()
        Path(top).chmod(0o755)
        folder.chmod(0o777)
        yield folder


def test_a_read_only_file(reachable: Path) -> None:
    path = reachable / "people.db"
    database.create(path)
    path.chmod(0o444)
    output = inspect_unprivileged(path)
    assert output == f"{path}: cannot be written to: the file and its folder must belong to the user who runs this"


def test_an_unreadable_file(reachable: Path) -> None:
    path = reachable / "people.db"
    database.create(path)
    path.chmod(0)
    assert inspect_unprivileged(path) == (
        f"{path}: cannot be opened: the file and its folder must be readable and writable"
    )


def test_a_read_only_folder(reachable: Path) -> None:
    """WAL mode needs files beside the database."""
    path = reachable / "people.db"
    database.create(path)
    path.chmod(0o666)
    reachable.chmod(0o555)
    assert inspect_unprivileged(path).startswith(f"{path}: cannot be ")
    assert (
        inspect_unprivileged(reachable / "new.db", "create")
        == f"{reachable / 'new.db'}: cannot be created: Permission denied"
    )


def test_an_inaccessible_folder(reachable: Path) -> None:
    path = reachable / "people.db"
    database.create(path)
    reachable.chmod(0o600)
    assert inspect_unprivileged(path) == f"{path}: cannot be opened: Permission denied"
    reachable.chmod(0o700)


def test_a_failed_creation_leaves_no_files(reachable: Path) -> None:
    """A file size limit simulates a full disk."""
    path = reachable / "people.db"
    full = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))\n" + textwrap.dedent(INSPECT)
    output = wait_for_exit(start_python(full, path, "create", env=environment_without_coverage()))
    assert output.startswith(f"{path}: ")
    assert "Traceback" not in output
    assert list(reachable.iterdir()) == []


def test_no_edit_of_two_processes_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    database.create(path)
    write_edits(path, [Create("alice", {"plan": ""})])
    editors = [start_python(EDITOR, path, first, first + 200) for first in (0, 1000)]
    for each in editors:
        assert wait_for_exit(each).endswith("all\n")
    store = sqlite_store.SQLiteStore(path, ReactorClock(), readers=0)
    store.startService()
    assert {entry.text for entry in result_of(store.history("alice", 1000))} == {
        f"plan {number}" for first in (0, 1000) for number in range(first, first + 200)
    }
    assert result_of(store.last_change()) == 401
    assert wait_for(store.save([Modify("alice", {"plan": "mine"})], ADMINISTRATOR, datetime.now(UTC))) == 402
    wait_for(store.stopService())
