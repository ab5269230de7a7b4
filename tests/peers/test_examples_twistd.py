"""examples/twistd: loading finger.tac opens nothing; started by root on port 79, it runs as uid 1 and answers.

The commands of its README are run as written, with another folder, in a network namespace where port 79 is free.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.store import database
from tests.peers.gateway_process import CHECKOUT, assert_clean_log, wait_until

EXAMPLE = CHECKOUT / "examples" / "twistd"
BIN = Path(sys.executable).parent
COMMANDS = re.findall(r"^    (\S.*)$", (EXAMPLE / "README.md").read_text(), re.MULTILINE)
LOOPBACK = """
import fcntl, os, socket, struct, sys
request = struct.pack("16sh14x", b"lo", 1)  # IFF_UP
fcntl.ioctl(socket.socket(), 0x8914, request)  # SIOCSIFFLAGS
os.execvp(sys.argv[1], sys.argv[1:])
"""
ASK = """
import socket, sys
with socket.create_connection(("127.0.0.1", 79), 10) as client:
    client.sendall(sys.argv[1].encode() + b"\\r\\n")
    print(b"".join(iter(lambda: client.recv(4096), b"")).decode())
"""
READ = """
import os, sys
from twisted.application.service import IProcess, IService, loadApplication
import twisted.internet.reactor
before = sorted(os.listdir("/proc/self/fd"))
application = loadApplication(sys.argv[1], "python")
process = IProcess(application)
print(process.uid, process.gid, IService(application).name, sorted(os.listdir("/proc/self/fd")) == before)
print(sorted(os.listdir(".")), [each.__class__.__name__ for each in IService(application)])
"""


def test_loading_finger_tac_opens_nothing_and_names_user_and_port(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text((EXAMPLE / "gateway.toml").read_text())
    database.create(tmp_path / "people.db")
    words = [sys.executable, "-c", READ, str(EXAMPLE / "finger.tac")]
    read = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert read.stdout.splitlines() == [
        "1 1 finger True",
        "['gateway.toml', 'people.db'] ['TwistGateway', 'StreamServerEndpointService']",
    ], read.stderr
    assert 'strports.service("tcp:79", ' in (EXAMPLE / "finger.tac").read_text()


@contextmanager
def run_twistd(line: str, folder: Path, log: Path) -> Iterator[int]:
    """Run *line* in *folder*, in a network namespace. Yield the process id."""
    words = ["unshare", "-n", sys.executable, "-c", LOOPBACK, *line.split()]
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    with log.open("wb") as output:
        process = subprocess.Popen(words, cwd=folder, env=environment, stdout=output, stderr=output)
    try:
        yield process.pid
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (0, -signal.SIGTERM), log.read_text()
    finally:
        process.kill()
        process.wait()


def query_in_namespace(pid: int, query: str = "alice") -> str:
    """Return finger's answer in the namespace of *pid*, or nothing while it does not listen."""
    words = ["nsenter", "-t", str(pid), "-n", sys.executable, "-c", ASK, query]
    return subprocess.run(words, capture_output=True, text=True, timeout=20, check=False).stdout


if os.geteuid() == 0:

    def test_started_by_root_on_port_79_it_runs_as_uid_1_and_answers(tmp_path: Path) -> None:
        folder = tmp_path / "srv"
        for each in (tmp_path, *list(tmp_path.parents)[:-2]):
            each.chmod(each.stat().st_mode | 0o011)  # only root may enter pytest's folders
        here, last = CHECKOUT, COMMANDS[-1]
        environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}
        for line in COMMANDS[:-1]:
            if line.startswith("cd "):
                here = folder
                continue
            shown = line.replace("/srv/finger", str(folder))
            ran = subprocess.run(
                ["sh", "-c", shown], cwd=here, env=environment, capture_output=True, text=True, check=False
            )
            assert ran.returncode == 0, f"{line}: {ran.stderr}"
        log = tmp_path / "log"
        assert last == "twistd --pidfile= -ny finger.tac"
        with run_twistd(last, folder, log) as pid:
            wait_until(lambda: "Alice Adams" in query_in_namespace(pid), "finger's answer")
            assert "Alice Adams" in query_in_namespace(pid, "")
            settings = (folder / "gateway.toml").read_text().replace("listen = []", "listen = []\nlisting = false")
            (folder / "gateway.toml").write_text(settings)
            os.kill(pid, signal.SIGHUP)
            wait_until(lambda: "Alice Adams" not in query_in_namespace(pid, ""), "the reload")
            assert "Alice Adams" in query_in_namespace(pid)
            status = Path(f"/proc/{pid}/status").read_text()
            assert re.search(r"^Uid:\s+1\s+1\s+1\s+1$", status, re.MULTILINE), status
            assert re.search(r"^Gid:\s+1\s+1\s+1\s+1$", status, re.MULTILINE), status
        assert {each.stat().st_uid for each in folder.iterdir()} == {1}
        assert_clean_log(log.read_text())
