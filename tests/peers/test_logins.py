"""People logged in on this machine, from a real utmp: shown soon after they log in, and no longer soon after they log
out."""

import os
import pty
import struct
import subprocess
from pathlib import Path
from typing import Any

from tests.peers.gateway_process import (
    WATCHED_COMMAND,
    http_get,
    make_installation,
    query_finger,
    run_gateway,
    wait_until,
)

ENTRY = struct.Struct("<hxxi32s4s32s256shhiii4i20x")  # glibc's utmp on 64 bits
USER_PROCESS = 7
PEOPLE: tuple[dict[str, Any], ...] = (
    {"login": "alice", "name": "Alice Adams", "visibility": {"presence": "everyone", "last_seen": "everyone"}},
    {"login": "bob", "name": "Bob Adams"},
)


def utmp_entry(login: str, terminal: str, pid: int) -> bytes:
    where = b"desk.dir.test"
    return ENTRY.pack(
        USER_PROCESS, pid, terminal.encode(), b"1", login.encode(), where, 0, 0, 0, 1_780_000_000, 0, 0, 0, 0, 0
    )


def test_W024_F092_F098_logins_appear_and_disappear(tmp_path: Path) -> None:
    run, master = tmp_path / "run", pty.openpty()
    run.mkdir()
    utmp = run / "utmp"
    utmp.write_bytes(b"")
    terminal = os.ttyname(master[1]).removeprefix("/dev/")
    installation = make_installation(tmp_path, people=PEOPLE, more='[sources.logins]\nevery = "100ms"\n')
    own_run = ("unshare", "-m", "sh", "-c", f'mount --bind "{run}" /run && exec "$@"', "sh", *WATCHED_COMMAND)
    someone = subprocess.Popen(["sleep", "1000"])
    try:
        with run_gateway(installation, start=own_run):
            assert query_finger(installation.finger_port, "") == "No one is logged on.\r\n"
            utmp.write_bytes(
                utmp_entry("alice", terminal, someone.pid)
                + utmp_entry("bob", terminal, someone.pid)
                + utmp_entry("root", "tty1", 1)
            )
            reply = wait_until(
                lambda: "Alice Adams" in (output := query_finger(installation.finger_port, "")) and output,
                "alice to be on",
            )
            assert "Bob" not in str(reply)
            assert "root" not in str(reply)
            assert "desk.dir.test" not in str(reply)
            code, page = http_get(installation.web_port, "/online")
            assert (code, page) == (200, "Login  Name\nalice  Alice Adams\n")
            on = query_finger(installation.finger_port, "alice")
            utmp.write_bytes(b"")
            wait_until(
                lambda: query_finger(installation.finger_port, "") == "No one is logged on.\r\n", "alice to be off"
            )
            off = query_finger(installation.finger_port, "alice")
            assert on != off
            assert "seen" in off.lower()
        with run_gateway(installation, start=own_run):
            assert query_finger(installation.finger_port, "alice") == off  # the time is stored
    finally:
        someone.kill()
        someone.wait()
