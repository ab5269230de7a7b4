"""The finger-gateway command, run as it is installed: its output, its exit code and the files it leaves behind."""

import json
import os
import pty
import re
import select
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway import __version__
from tests.peers.gateway_process import (
    COMMAND,
    CommandResult,
    Installation,
    assert_clean_log,
    free_port,
    make_installation,
    query_finger,
    run_command,
    run_gateway,
    wait_until,
)
from tests.unit.fixtures import PEOPLE

SCRIPT = str(Path(sys.executable).with_name("finger-gateway"))  # as pip installs it


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return make_installation(tmp_path)


def count_changes(installation: Installation) -> int:
    """Return the number of changes in the database; creating the five people counts as five."""
    connection = sqlite3.connect(installation.database)
    try:
        return int(connection.execute("SELECT count(*) FROM changes").fetchone()[0])
    finally:
        connection.close()


def env_without_coverage() -> dict[str, str]:
    """Return the environment for a child that may not write to coverage's data file."""
    return {name: "" for name in os.environ if name.startswith("COVERAGE")}


# usage


def test_usage_errors_exit_with_2(tmp_path: Path) -> None:
    assert "No such command 'frobnicate'" in run_command("frobnicate", folder=tmp_path, code=2).err
    assert "'a', 'b'" not in run_command("people", "show", folder=tmp_path, code=2).err
    ran = run_command("people", "show", b"\xff".decode(errors="surrogateescape"), folder=tmp_path, code=2)
    assert "'\\udcff' is not UTF-8 text" in ran.err
    assert run_command("--version", folder=tmp_path, start=(SCRIPT,)).out == f"finger-gateway, version {__version__}\n"


# init, check, where the settings are


def test_init_writes_settings_that_check_accepts(tmp_path: Path) -> None:
    output = run_command("init", "club", folder=tmp_path).out
    assert "finger-gateway people add" in output and "finger-gateway run" in output
    folder = tmp_path / "club"
    assert sorted(each.name for each in folder.iterdir()) == ["gateway.toml", "people.db"]
    assert stat.S_IMODE((folder / "people.db").stat().st_mode) == 0o600
    before = (folder / "gateway.toml").read_text()
    assert before.startswith("#")
    assert run_command("check", folder=folder).out == f"{folder}/gateway.toml: no errors.\n"
    assert run_command("people", "list", folder=folder).out == ""

    again = run_command("init", folder=folder, code=2)
    assert again.err == "gateway.toml already exists; nothing was written.\n"
    assert (folder / "gateway.toml").read_text() == before
    (tmp_path / "file").write_text("")
    in_file = run_command("init", "file/club", folder=tmp_path, code=2)
    assert in_file.err == "file/club: Not a directory\n"


def test_the_settings_option_works_before_or_after_the_subcommand_or_from_the_environment(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    expected = "alice                Alice Adams\n"
    for arguments in (
        ("-c", installation.settings, "people", "list"),
        ("people", "--config", installation.settings, "list"),
        ("people", "list", "-c", installation.settings),
        ("-c", "/nonexistent", "people", "list", "-c", installation.settings),
    ):
        assert run_command(*arguments, folder=elsewhere).out.startswith(expected)
    by_environment = run_command(
        "people", "list", folder=elsewhere, env={"FINGER_GATEWAY_CONFIG": str(installation.settings)}
    )
    assert by_environment.out.startswith(expected)
    assert run_command("people", "list", folder=installation.folder).out.startswith(expected)

    none = run_command("people", "list", folder=elsewhere, code=2).err
    assert none.startswith("gateway.toml: no such file; create gateway.toml or /etc/finger-gateway/gateway.toml")
    assert "finger-gateway init" in none


def test_check_reports_every_error_and_binds_nothing(installation: Installation) -> None:
    with socket.create_server(("127.0.0.1", installation.finger_port)):
        assert installation.run("check").out == f"{installation.settings}: no errors.\n"
    text = installation.settings.read_text()
    forwarding = 'forward_to = ["b.test", "9.9.9.9", "*.dir.test", "Dir.test.", "127.0.0.1", "[fd00::1]"]'
    installation.settings.write_text(text.replace("[finger]", f"[finger]\n{forwarding}"))
    assert installation.run("check").err.splitlines() == [
        "warning: finger.forward_to: Dir.test. is this gateway; it does not forward to itself",
        "warning: finger.forward_to: 127.0.0.1 is this gateway; it does not forward to itself",
        "warning: finger.forward_to: [fd00::1] is not a public address: queries for it are refused",
    ]
    installation.settings.write_text(
        text.replace(f"tcp:{installation.finger_port}:interface=127.0.0.1", "tpc:79")
        .replace(f"tcp:{installation.web_port}:interface=127.0.0.1", "ssl:443:privateKey=nowhere.pem")
        .replace("[site]", '[site]\nmembers = ["127.0.0.0/8"]\n[site_]')
        .replace("[site_]", "")
        + '[sources.vending]\nclass = "vending:Machine"\n'
    )
    installation.database.unlink()
    output = installation.run("check", code=2).err.splitlines()
    file = str(installation.settings)
    assert output[0].startswith("warning: site.members: 127.0.0.0/8 is loopback")
    assert output[1] == f"{installation.database}: does not exist; `finger-gateway init` creates one"
    assert output[2] == (
        f"{file}: sources.vending.class: found 'vending:Machine', which cannot be imported "
        "(ModuleNotFoundError: No module named 'vending'); "
        f"must be in a module in {installation.folder} or on Python's path"
    )
    assert output[3].startswith(f"{file}: finger.listen[0]: found 'tpc:79' (ValueError: Unknown endpoint type: 'tpc')")
    assert output[4].startswith(f"{file}: web.listen[0]: found 'ssl:443:privateKey=nowhere.pem' (")
    assert output[4].endswith('must be a Twisted endpoint, e.g. "tcp:79" or "tcp:8080:interface=127.0.0.1"')
    assert len(output) == 5


# bad input: one clear message, exit code 2, nothing started


def test_errors_in_the_settings(tmp_path: Path) -> None:
    """One example through the whole command; tests/unit/test_cli.py has the others."""
    file = tmp_path / "gateway.toml"
    file.write_text('[finger]\nlisteen = ["tcp:1079"]\n[limits]\nconnections = 0\n')
    for words in (("run",), ("people", "list")):
        assert run_command(*words, folder=tmp_path, code=2) == CommandResult(
            2,
            "",
            f"{file}: finger.listeen: unknown key; did you mean listen? (known: listen, listing, empty_query, "
            "list_columns, ambiguous, max_names, forward_to, max_hops, ansi, charset, max_plan_bytes, "
            "trusted_proxies)\n"
            f"{file}: limits.connections: found 0; must be an integer of at least 1, e.g. 1000\n",
        )
    assert [each.name for each in tmp_path.iterdir()] == ["gateway.toml"]


def assert_does_not_start(installation: Installation, words: tuple[str, ...], expected: str) -> None:
    """Assert that the command *words* exits with 2, reports *expected* and leaves no files behind."""
    before = sorted(installation.folder.iterdir())
    assert installation.run(*words, code=2) == CommandResult(2, "", expected + "\n")
    assert sorted(installation.folder.iterdir()) == before


def test_a_database_that_is_missing_invalid_or_too_new(installation: Installation) -> None:
    with sqlite3.connect(installation.database) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    newer = "has tables of version 99, from a newer finger-gateway; this one knows up to 2"
    assert_does_not_start(installation, ("run",), f"{installation.database}: {newer}")
    installation.database.write_bytes(b"This is a letter to my aunt.\n" * 100)
    letter = "is not a SQLite database, or is damaged; `finger-gateway restore FILE` puts a backup in its place"
    assert_does_not_start(installation, ("people", "list"), f"{installation.database}: {letter}")
    installation.database.unlink()
    assert_does_not_start(
        installation, ("run",), f"{installation.database}: does not exist; `finger-gateway init` creates one"
    )


# Root may write everywhere, unless it lacks the capability; then the folder must belong to another user.
POWERLESS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()


def test_a_database_that_cannot_be_written(installation: Installation) -> None:
    for mode, folder_mode in ((0o444, 0o755), (0o644, 0o555)):
        for each, bits in ((installation.database, mode), (installation.folder, folder_mode)):
            each.chmod(bits)
            if os.geteuid() == 0:
                os.chown(each, 65534, -1)
        for words in (("run",), ("people", "set", "alice", "title", "Boss")):
            ran = installation.run(*words, code=2, start=(*POWERLESS, *COMMAND))
            assert re.fullmatch(
                rf"{installation.database}: cannot be (written to|opened): the file and its folder must .*\n", ran.err
            )
            assert ran.out == ""
    installation.folder.chmod(0o755)


def test_a_template_with_a_syntax_error(tmp_path: Path) -> None:
    installation = make_installation(tmp_path, site='templates = "own"')
    own = tmp_path / "own" / "finger" / "person.txt"
    own.parent.mkdir(parents=True)
    own.write_text("Hello\n{% if person.name %}\n{{ person.name }\n{% endif %}\n")
    for words in (("run",), ("people", "show", "alice")):
        assert installation.run(*words, code=2).err == f"{own}: line 3: unexpected '}}'\n"
    assert installation.run("people", "set", "alice", "title", "Boss").err == "alice: title saved.\n"
    own.write_text("Hello {{ person.name }}\n")
    with run_gateway(installation):
        assert query_finger(installation.finger_port, "alice") == "Hello Alice Adams\r\n"


def test_an_access_log_that_cannot_be_written(installation: Installation) -> None:
    (installation.folder / "access.jsonl").mkdir()
    ran = installation.run("run", code=2)
    assert ran.err.startswith(
        f"{installation.settings}: access_log.file: found 'access.jsonl' (Is a directory); must be a file"
    )


# people


def test_people_are_added_changed_shown_and_removed(installation: Installation) -> None:
    people = lambda *words, **options: installation.run("people", *words, **options)  # noqa: E731
    added = people("add", "eve", "--name", "Eve Novak", "--office-phone", "+1", "--plan", "One\nTwo\n")
    assert (added.out, added.err) == ("", "eve: added.\n")
    assert people("set", "eve", "name", "Eve Nováková").err == "eve: name saved.\n"
    assert people("set", "eve", "name", "Eve Nováková").err == "No change.\n"
    people("set", "eve", "aliases", "evie, ev")
    people("set", "eve", "visibility.plan", "members")
    assert json.loads(people("show", "evie", "--json").out) == {
        "login": "eve", "name": "Eve Nováková", "aliases": ["evie", "ev"], "plan": "One\nTwo\n", "office_phone": "+1",
        "listed": True, "hidden": False, "visibility": {"plan": "members"},
    }  # fmt: skip
    shown = people("show", "eve").out
    assert "Eve Nováková" in shown and "Two" in shown and "Visible to members: plan" in shown
    as_everyone = people("show", "eve", "--as", "everyone").out
    assert "Eve Nováková" in as_everyone and "Two" not in as_everyone and "Visible" not in as_everyone
    people("set", "eve", "hidden", "yes")
    assert people("show", "eve", "--as", "members", code=1).err == "eve: no such user.\n"
    assert "eve                  Eve Nováková (hidden)\n" in people("list").out
    assert people("remove", "eve").err == "eve: removed.\n"
    assert people("show", "eve", code=1).err == "eve: no such user.\n"


def test_a_hidden_person_is_added_hidden(installation: Installation) -> None:
    installation.run("people", "add", "ghost", "--hidden")
    assert installation.run("people", "show", "ghost", "--as", "everyone", code=1).err == "ghost: no such user.\n"
    assert json.loads(installation.run("people", "export", "ghost").out)["hidden"] is True


def test_invalid_field_values(installation: Installation) -> None:
    before = installation.run("people", "export").out
    refused = installation.run("people", "set", "alice", "office_phone", "1\n2", code=2)
    assert refused.err == "alice: office_phone: found several lines; must be a single line\n"
    assert installation.run("people", "set", "nobody", "name", "x", code=1).err == "nobody: no such user.\n"
    taken = installation.run("people", "add", "alice", code=2)
    assert taken.err == "alice: login: 'alice' is already taken\n"
    assert installation.run("people", "list", "--json").out == before


def test_export_then_import_changes_nothing(installation: Installation) -> None:
    exported = installation.run("people", "export").out
    assert [each["login"] for each in json.loads(exported)] == [str(each["login"]) for each in PEOPLE]
    ran = installation.run("people", "import", "-", stdin=exported)
    assert ran.err == "0 added, 0 changed, 5 unchanged.\n"
    assert installation.run("people", "export").out == exported
    assert count_changes(installation) == 5


def test_export_and_import_into_an_empty_database_gives_the_same_people(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> None:
    exported = installation.run("people", "export").out
    other = make_installation(tmp_path_factory.mktemp("other"), people=[])
    file = other.folder / "people.json"
    file.write_text(exported)
    assert other.run("people", "import", file).err == "5 added, 0 changed, 0 unchanged.\n"
    assert other.run("people", "export").out == exported


BROKEN_PEOPLE = {
    "field": (
        [{"login": "new"}, {"login": "alice", "name": "Changed"}, {"login": "mallory", "nmae": "M"}],
        ["{file}: person 3 (mallory): nmae: unknown key; did you mean name? (known: login, name, "],
    ),
    "value": (
        [{"login": "new"}, {"login": "mallory", "timezone": "Mars"}, {"login": "peggy", "office": "1\n2"}],
        [
            "{file}: person 2 (mallory): timezone: found 'Mars'; must be ",
            "{file}: person 3 (peggy): office: found several lines; must be a single line",
        ],
    ),
    "taken": (
        [{"login": "new"}, {"login": "trent", "aliases": ["ally"]}],
        ["{file}: person 2 (trent): aliases: 'ally' is already taken"],
    ),
}


@pytest.mark.parametrize("case", BROKEN_PEOPLE)
def test_an_import_is_all_or_nothing(installation: Installation, case: str) -> None:
    documents, expected = BROKEN_PEOPLE[case]
    file = installation.folder / "people.json"
    file.write_text(documents if isinstance(documents, str) else json.dumps(documents))
    ran = installation.run("people", "import", "people.json", code=2)
    for line, start in zip(ran.err.splitlines(), expected, strict=True):
        assert line.startswith(start.format(file="people.json"))
    assert count_changes(installation) == 5


def test_undecodable_bytes_are_reported(installation: Installation) -> None:
    ran = installation.run("people", "import", "-", stdin=b"\xff\xfe", code=2)
    assert ran.err.startswith("<stdin>: this is neither JSON, CSV nor vCard")
    assert len(ran.err.splitlines()) == 1


def test_F026_a_plan_in_latin_1_is_saved_decoded(installation: Installation) -> None:
    file = installation.folder / "plan.txt"
    file.write_bytes(b"caf\xe9\n\x93quoted\x94 \x9b31mred\xff\n\xc5\xbdofie\n")
    installation.run("plan", "alice", "plan.txt")
    assert installation.run("plan", "alice").out == "café\n“quoted” redÿ\nŽofie\n"


def test_a_closed_output_pipe_is_no_error(tmp_path: Path) -> None:
    people = [{"login": f"p{number}", "plan": "x" * 1000} for number in range(300)]
    installation = make_installation(tmp_path, people=people)
    pipe = f"{' '.join(COMMAND)} -c {installation.settings} people export | head -n 1"
    done = subprocess.run(["bash", "-c", pipe], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("[\n", "")


def test_an_ascii_terminal_gets_transliterated_output(installation: Installation) -> None:
    ran = installation.run("people", "list", env={"PYTHONIOENCODING": "iso8859-5"})
    assert "zofie                ?ofie ?ern?\n" in ran.out


@pytest.fixture
def world_accessible_folder() -> Iterator[Path]:
    """Yield a folder that other users may enter; tmp_path belongs to the test's user alone."""
    with tempfile.TemporaryDirectory(prefix="finger-gateway-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_R003_root_leaves_no_root_owned_files_behind(world_accessible_folder: Path) -> None:
    """Commands run by root act as the owner of the database, who can write during and after them."""
    installation = make_installation(world_accessible_folder)
    owner = os.geteuid() or 65534
    plan = installation.folder / "secret.plan"
    plan.write_text("Only root can read this file.\n")
    plan.chmod(0o600)
    for each in (installation.folder, installation.database):
        os.chown(each, owner, -1)
    with run_gateway(installation), run_writer_as(owner, installation.database) as changed:
        for words in (("people", "set", "alice", "title", "Boss"), ("plan", "alice", plan), ("people", "export")):
            installation.run(*words, env=env_without_coverage())
        owners = {each.name: each.stat().st_uid for each in installation.folder.glob("people.db*")}
        assert owners == dict.fromkeys(("people.db", "people.db-wal", "people.db-shm"), owner)
        assert "Only root can read this file." in wait_until(
            lambda: (
                text if "Boss" in (text := query_finger(installation.finger_port, "alice")) and "Only" in text else ""
            ),
            "the new plan",
        )
        changed()


@contextmanager
def run_writer_as(owner: int, database: Path) -> Iterator[Callable[[], None]]:
    """Open the database in another process of *owner*. Yield a function that makes it write and checks that it did."""
    ours, its = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        try:
            os.setresuid(owner, owner, owner)
            connection = sqlite3.connect(database)
            connection.execute("SELECT count(*) FROM people").fetchone()
            its.sendall(b"open")
            its.recv(1)
            connection.execute("CREATE TABLE written (n)")
            its.sendall(b"done")
        finally:
            os._exit(0)
    its.close()
    ours.settimeout(20)
    assert ours.recv(4) == b"open"

    def write_again() -> None:
        ours.sendall(b".")
        assert ours.recv(4) == b"done"

    try:
        yield write_again
    finally:
        ours.close()
        os.waitpid(child, 0)


# plan


def test_a_plan_is_shown_and_replaced(installation: Installation) -> None:
    assert installation.run("plan", "alice").out == "First line\nSecond line\n"
    assert installation.run("plan", "bob").out == "No Plan.\n"
    (installation.folder / "new.txt").write_text("From a file\n")
    assert installation.run("plan", "alice", "new.txt").err == "alice: plan saved.\n"
    assert installation.run("plan", "ally").out == "From a file\n"
    installation.run("plan", "alice", "-", stdin="From \x1b[31mstandard input\n")
    assert installation.run("plan", "alice").out == "From standard input\n"
    assert installation.run("plan", "nobody", "-", stdin="x", code=1).err == "nobody: no such user.\n"
    assert "No such file" in installation.run("plan", "alice", "nowhere.txt", code=2).err
    history = installation.run("people", "show", "alice", "--history").out
    assert re.sub(r"(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$", "AT", history) == (
        "AT\nFrom standard input\n\nAT\nFrom a file\n\nAT\nFirst line\nSecond line\n\n"
    )
    assert installation.run("people", "show", "bob", "--history").out == "\n"


def test_plan_without_a_login_is_the_users_own(installation: Installation) -> None:
    assert installation.run("plan", env={"LOGNAME": "alice"}).out == "First line\nSecond line\n"


class Terminal:
    """A command on a pseudo-terminal."""

    def __init__(self, installation: Installation, *arguments: str, editor: str) -> None:
        self.master, slave = pty.openpty()
        self.errors = installation.folder / "terminal.err"
        environment = {name: value for name, value in os.environ.items() if name != "VISUAL"}
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [*COMMAND, "-c", str(installation.settings), *arguments], cwd=installation.folder, stdin=slave, stdout=slave,
                stderr=errors, env=environment | {"EDITOR": editor, "TMPDIR": str(installation.folder)},
            )  # fmt: skip
        os.close(slave)

    def wait_for_end(self) -> tuple[int, str]:
        """Return the exit code and the standard error."""
        reader = threading.Thread(target=self._read)
        reader.start()
        code = self.process.wait(20)
        reader.join(20)
        os.close(self.master)
        reply = self.errors.read_text()
        assert_clean_log(reply)
        return code, reply

    def _read(self) -> None:
        try:
            while select.select([self.master], [], [], 20)[0] and os.read(self.master, 4096):
                pass
        except OSError:
            pass


def make_editor(installation: Installation, script: str) -> str:
    """Return an editor: a shell script that gets the file as $1 and finger-gateway as $fg."""
    file = installation.folder / "editor"
    file.write_text(f'#!/bin/sh\nfg="{" ".join(COMMAND)} -c {installation.settings}"\n{script}\n')
    file.chmod(0o755)
    return str(file)


def test_on_a_terminal_the_plan_is_edited(installation: Installation) -> None:
    edit = make_editor(installation, 'test -t 0 && test "$2" = "" && echo "Third line" >>"$1"')
    assert Terminal(installation, "plan", "alice", editor=edit).wait_for_end() == (0, "alice: plan saved.\n")
    assert installation.run("plan", "alice").out == "First line\nSecond line\nThird line\n"
    assert Terminal(installation, "plan", "alice", editor="true").wait_for_end() == (0, "No change.\n")
    assert not list(installation.folder.glob("plan-*")), "drafts are thrown away"


def test_R005_a_conflicting_edit_keeps_what_was_written(installation: Installation) -> None:
    edit = make_editor(installation, 'echo "Somebody was faster" | $fg plan alice - && echo "Too late" >"$1"')
    code, reply = Terminal(installation, "plan", "alice", editor=edit).wait_for_end()
    assert code == 1
    faster, changed, where = reply.splitlines()
    assert faster == "alice: plan saved."
    assert changed.startswith("alice: somebody else changed this person meanwhile; nothing was saved.")
    match = re.fullmatch(r"Your text was kept in (.+)\.", where)
    assert match is not None
    assert Path(match[1]).read_text() == "Too late\n"
    assert stat.S_IMODE(Path(match[1]).stat().st_mode) == 0o600
    assert installation.run("plan", "alice").out == "Somebody was faster\n"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("exit 3", r"\$EDITOR: .*/editor: ended with 3\nThe plan was not changed\.\n"),
        ('echo Mine >"$1"; exit 3', r"\$EDITOR: .*/editor: ended with 3\nYour text was kept in .*/plan-alice-.*\.txt\.\n"),
        ("rm \"$1\"", r".*No such file.*\nThe plan was not changed\.\n"),
        (None, r"\$EDITOR: /nonexistent/editor: .*No such file.*\nThe plan was not changed\.\n"),
    ],
)  # fmt: skip
def test_an_editor_that_fails_loses_nothing(installation: Installation, script: str | None, expected: str) -> None:
    edit = "/nonexistent/editor" if script is None else make_editor(installation, script)
    code, reply = Terminal(installation, "plan", "alice", editor=edit).wait_for_end()
    assert code == 1
    assert re.fullmatch(expected, reply), reply
    assert count_changes(installation) == 5


# ask


def test_ask_prints_the_answer_of_a_finger_server(installation: Installation) -> None:
    with run_gateway(installation):
        short = run_command("ask", f"alice@localhost:{installation.finger_port}", folder=installation.folder)
        assert short.out == query_finger(installation.finger_port, "alice").replace("\r\n", "\n")
        long = run_command("ask", "-l", f"alice@[127.0.0.1]:{installation.finger_port}", folder=installation.folder)
        assert long.out == query_finger(installation.finger_port, "/W alice").replace("\r\n", "\n")
        unknown = run_command("ask", f"carol@127.0.0.1:{installation.finger_port}", folder=installation.folder)
        assert unknown.out == "carol: no such user.\n"
        listed = run_command("ask", f"@localhost:{installation.finger_port}", folder=installation.folder)
        assert listed.out == query_finger(installation.finger_port, "").replace("\r\n", "\n")


def test_ask_reports_a_refused_connection(tmp_path: Path) -> None:
    port = free_port()
    refused = run_command("ask", f"alice@127.0.0.1:{port}", folder=tmp_path, code=69)
    assert refused.err.startswith(f"127.0.0.1:{port}: ") and "refused" in refused.err
    for bad, expected in (
        ("alice@localhost:finger", "found port 'finger'; must be a number from 1 to 65535"),
        ("alice@localhost:70000", "found port '70000'"),
        ("alice\nbob@localhost", "the name has several lines; it must be a single line"),
    ):
        assert expected in run_command("ask", bad, folder=tmp_path, code=2).err


def test_ask_gives_up_on_a_silent_server_and_shows_no_escapes(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        silent = threading.Thread(target=_serve_once, args=(server, None))
        silent.start()
        ran = run_command("ask", "--timeout", "0.5", f"alice@127.0.0.1:{port}", folder=tmp_path, code=69)
        assert ran.err == f"127.0.0.1:{port}: no answer in time\n"
        silent.join(20)
        evil = threading.Thread(
            target=_serve_once, args=(server, b"Login: alice\x1b[2J\x07\r\n\x1b]0;owned\x1b\\caf\xe9\r\n\x9b31mred")
        )
        evil.start()
        assert run_command("ask", f"alice@127.0.0.1:{port}", folder=tmp_path).out == "Login: alice\ncafé\nred"
        evil.join(20)


def _serve_once(server: socket.socket, reply: bytes | None) -> None:
    """Accept one connection, read the line, send *said* and close; if there is nothing to send, wait for the client
    to close."""
    connection, _ = server.accept()
    with connection:
        assert connection.recv(1024) == b"alice\r\n"
        if reply is None:
            assert connection.recv(1024) in (b"",)
        else:
            connection.sendall(reply)


# schema


def test_the_schemas_are_json(tmp_path: Path) -> None:
    for what in ("settings", "person"):
        schema = json.loads(run_command("schema", what, folder=tmp_path).out)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "'x' is not one of" in run_command("schema", "x", folder=tmp_path, code=2).err
