"""The store with other processes: they write beside us, are killed, belong to somebody else."""

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


def child(code: str, *arguments: object, **more: Any) -> "subprocess.Popen[str]":
    """A Python of its own that runs *code*."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **more,
    )


def line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline().rstrip("\n")


def end(process: "subprocess.Popen[str]") -> str:
    """What *process* had still to say, when it has ended well."""
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0, said
    return said


def test_R003_a_second_process_writes(tmp_path: Path) -> None:
    """Seen at the next look, 40 ms later at most, and what it says is the new text."""
    path = tmp_path / "people.db"
    database.create(path)
    write_edits(path, [Create("alice", {"title": "Old"})])
    clock = ReactorClock()
    store = sqlite_store.SQLiteStore(path, clock)
    store.startService()
    seen: list[tuple[str, ...]] = []
    last = result_of(store.last_change())

    async def wake() -> None:
        seen.extend((change.login, *change.fields) for change in await store.changes(last))

    store.watch(wake)
    clock.advance(file_watcher.POLL_INTERVAL)
    assert seen == []
    process = child(
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
    assert line(process.stdout) == "ready"
    clock.advance(file_watcher.POLL_INTERVAL)
    assert seen == []
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    assert line(process.stdout) == "written"
    clock.advance(file_watcher.POLL_INTERVAL)
    assert seen == [("alice", "title")]
    assert result_of(store.get("alice")).title == "New"
    end(process)
    wait_for(store.stopService())


def test_R003_a_look_is_every_40_ms(tmp_path: Path) -> None:
    store = sqlite_store.SQLiteStore(tmp_path / "people.db", ReactorClock())
    database.create(store.path)
    store.startService()
    assert isinstance(store.watcher._polling, LoopingCall)
    assert store.watcher._polling.interval == 0.04
    wait_for(store.stopService())


def test_R004_another_process_holds_the_database(tmp_path: Path) -> None:
    """A clear refusal after the busy time, reads go on, and the next edit is written."""
    path = tmp_path / "people.db"
    database.create(path)
    write_edits(path, [Create("alice", {"title": "Old"})])
    holder = child(
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
    assert line(holder.stdout) == "held"
    editor = child(
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
                print(f"{down} ({'in time' if 0.25 < time.monotonic() - began < 3 else 'late'})")
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
    refusal = line(editor.stdout)
    assert refusal.startswith(f"{path}: another program has been writing for "), refusal
    assert refusal.endswith("; try again (in time)"), refusal
    assert line(editor.stdout) == "reads went on"
    assert holder.stdin is not None
    assert editor.stdin is not None
    holder.stdin.write("\n")
    holder.stdin.flush()
    assert line(holder.stdout) == "let go"
    assert end(editor) == "written\n"
    end(holder)


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
    import sqlalchemy, twisted.python.failure, gateway.store.edit_transactions  # once for all rounds
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


def test_R006_what_was_acknowledged_is_there_after_kill_9(tmp_path: Path) -> None:
    """Ten rounds: a process edits and tells each edit that is acknowledged; it is killed among some 200 of them."""
    path = tmp_path / "people.db"
    database.create(path)
    write_edits(path, [Create("alice", {"plan": "plan -1"})])
    editor = textwrap.dedent(EDITOR)
    parent = child(KILLED, path, len(editor))
    assert parent.stdin is not None
    parent.stdin.write(editor)
    parent.stdin.flush()
    acknowledged: dict[int, int] = {}
    for round_ in range(10):
        pid, last = 0, -1
        while (said := line(parent.stdout)) != "dead":
            word, number = said.split()
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
        # at most one edit more than was acknowledged: the one that was under way
        assert result_of(store.get("alice")).plan in (f"plan {last}", f"plan {last + 1}")
        kept = {entry.text for entry in result_of(store.history("alice", 1_000_000))}
        assert {f"plan {number}" for number in acknowledged} <= kept
        assert set(acknowledged.values()) <= {change.n for change in result_of(store.changes(0))}
        assert store.reader.connection is not None
        assert store.reader.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        wait_for(store.stopService())
        parent.stdin.write("\n")
        parent.stdin.flush()
    end(parent)
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


def unmeasured() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def as_nobody(path: Path, what: str = "inspect") -> str:
    """Permission bits do not bind root, so somebody without rights looks; who cannot write what coverage.py measures."""
    return end(child(INSPECT, path, what, env=unmeasured())).rstrip("\n")


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that everybody can reach; another run of pytest makes the folders above tmp_path private again."""
    with TemporaryDirectory() as top:
        folder = Path(top, "open")
        folder.mkdir()
        Path(top).chmod(0o755)
        folder.chmod(0o777)
        yield folder


def test_a_file_that_cannot_be_written(reachable: Path) -> None:
    path = reachable / "people.db"
    database.create(path)
    path.chmod(0o444)
    said = as_nobody(path)
    assert said == f"{path}: cannot be written to: the file and its folder must belong to the user who runs this"


def test_a_file_that_cannot_be_read(reachable: Path) -> None:
    path = reachable / "people.db"
    database.create(path)
    path.chmod(0)
    assert as_nobody(path) == (f"{path}: cannot be opened: the file and its folder must be readable and writable")


def test_a_folder_that_cannot_be_written(reachable: Path) -> None:
    """WAL needs files beside the database."""
    path = reachable / "people.db"
    database.create(path)
    path.chmod(0o666)
    reachable.chmod(0o555)
    assert as_nobody(path).startswith(f"{path}: cannot be ")
    assert as_nobody(reachable / "new.db", "create") == f"{reachable / 'new.db'}: cannot be created: Permission denied"


def test_a_folder_that_cannot_be_entered(reachable: Path) -> None:
    path = reachable / "people.db"
    database.create(path)
    reachable.chmod(0o600)
    assert as_nobody(path) == f"{path}: cannot be opened: Permission denied"
    reachable.chmod(0o700)


def test_what_could_not_be_made_leaves_nothing(reachable: Path) -> None:
    """A disk that is full, as a limit of the file's size makes it."""
    path = reachable / "people.db"
    full = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))\n" + textwrap.dedent(INSPECT)
    said = end(child(full, path, "create", env=unmeasured()))
    assert said.startswith(f"{path}: ")
    assert "Traceback" not in said
    assert list(reachable.iterdir()) == []


def test_edits_of_two_processes_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    database.create(path)
    write_edits(path, [Create("alice", {"plan": ""})])
    editors = [child(EDITOR, path, first, first + 200) for first in (0, 1000)]
    for each in editors:
        assert end(each).endswith("all\n")
    store = sqlite_store.SQLiteStore(path, ReactorClock(), readers=0)
    store.startService()
    assert {entry.text for entry in result_of(store.history("alice", 1000))} == {
        f"plan {number}" for first in (0, 1000) for number in range(first, first + 200)
    }
    assert result_of(store.last_change()) == 401
    assert wait_for(store.save([Modify("alice", {"plan": "mine"})], ADMINISTRATOR, datetime.now(UTC))) == 402
    wait_for(store.stopService())
