"""Third-party finger servers, each on a free loopback port, as child processes that end with the test.

Debian's three (which cannot be installed side by side: tests/run unpacks them below the environment) run under a real
inetd, each in namespaces of its own where /etc, /run, /var/log and /usr/sbin are folders made here: the paths
compiled into them lead there, so their answers are the same on every machine. PyPI's pyfingerd runs in such
namespaces too, without inetd. All of them have the same accounts, and alice is logged in.
"""

import os
import shlex
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

from tests.peers.gateway_process import free_port, is_listening, wait_until

UNPACKED = Path(sys.prefix) / "peers"
INETD = Path("/usr/sbin/inetd")
PASSWD = """\
root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
alice:x:1001:1001:Alice Adams,Room 5,555-0100,555-0101:/run/home/alice:/bin/bash
bob:x:1002:1002:Bob Adams,,,:/run/home/bob:/bin/bash
dave:x:1003:1003:Dave,,,:/run/home/dave:/bin/bash
erin:x:1004:1004:Erin,,,:/run/home/erin:/bin/bash
zofie:x:1005:1005:Žofie Černá,,,:/run/home/zofie:/bin/bash
žofie:x:1006:1006:Žofie Jiná,,,:/run/home/jina:/bin/bash
"""
# Plans in UTF-8, except Erin's; Dave's is hostile.
PLANS = {
    "alice": b"Tea at four.\n\tBring cups.\n",
    "bob": b"",
    "dave": "\x1b[31mRED\x1b[0m \x1b]0;T\x07 \x9b31m \x08 \x7f \u202eback\nno end".encode(),
    "erin": b"caf\xe9\n",
    "zofie": "\u017elu\u0165ou\u010dk\u00fd k\u016f\u0148\n".encode(),
}
ETC = {
    "passwd": PASSWD,
    "group": "root:x:0:\ndaemon:x:1:\nnogroup:x:65534:\nalice:x:1001:\nbob:x:1002:\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files\nservices: files\nprotocols: files\n",
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "services": "auth 113/tcp\nfinger 79/tcp\n",
    "protocols": "tcp 6 TCP\n",
}
MOUNT_POINTS = ("etc", "run", "var/log", "usr/sbin")
USER_PROCESS = 7
LASTLOG = 292  # bytes of an entry of lastlog, for one user id
IDLE_SECONDS = 26.5 * 3600  # seconds since alice typed something: all daemons show it in the same words during a test


@dataclass(frozen=True)
class Daemon:
    """A third-party finger server."""

    name: str
    version: Callable[[], str]
    install: Callable[[Path, int], str]  # writes its files into a folder, and returns the command that serves on a port


@dataclass(frozen=True)
class RunningDaemon:
    """A daemon that listens."""

    name: str
    version: str
    port: int


@contextmanager
def run_daemon(daemon: Daemon, folder: Path) -> Iterator[RunningDaemon]:
    """Run *daemon* with its files in *folder*. Yield once it listens; all of its processes end afterwards."""
    root, port = folder / daemon.name, free_port()
    _make_root(root)
    mounts = {**{each: each for each in MOUNT_POINTS}, "tty": "dev/tty"}
    steps = [f"mount --bind {shlex.quote(str(root / here))} /{there}" for here, there in mounts.items()]
    steps.append(f"exec {daemon.install(root, port)}")
    # In a PID namespace all processes end with the first.
    inside = ("unshare", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c")
    log = folder / f"{daemon.name}.log"
    with log.open("wb") as reply:
        process = subprocess.Popen(
            [*inside, " && ".join(steps)],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=reply,
            stderr=reply,
            env={"PATH": "/usr/bin:/bin:/usr/sbin", "LC_ALL": "C.UTF-8"},
        )
    try:
        wait_until(lambda: process.poll() is not None or is_listening(port), daemon.name)
        assert process.poll() is None, log.read_text()
        yield RunningDaemon(daemon.name, daemon.version(), port)
    finally:
        process.kill()
        process.wait()


def _make_root(root: Path) -> None:
    """Create the files that all daemons read: accounts, plans, and who is logged in."""
    for each in MOUNT_POINTS:
        (root / each).mkdir(parents=True)
    for name, text in ETC.items():
        (root / "etc" / name).write_text(text)
    for name in ("ld.so.cache", "localtime"):
        if (Path("/etc") / name).exists():
            shutil.copy(Path("/etc") / name, root / "etc")
    for login, plan in PLANS.items():
        (root / "run/home" / login).mkdir(parents=True)
        (root / "run/home" / login / ".plan").write_bytes(plan)
    (root / "run/home/alice/.project").write_text("Blend 42\n")
    (root / "run/utmp").write_bytes(_utmp_entry("alice", "tty"))
    (root / "tty").touch()
    os.utime(root / "tty", (time.time() - IDLE_SECONDS,) * 2)
    for name in ("wtmp", "cfingerd.log"):
        (root / "var/log" / name).touch()
    # Empty entries; cfingerd reads past the end of a shorter file, and sometimes crashes.
    (root / "var/log/lastlog").write_bytes(bytes(2000 * LASTLOG))


def _utmp_entry(login: str, terminal: str) -> bytes:
    """Return an entry of utmp(5)."""
    who = (USER_PROCESS, 1, terminal.encode(), b"t1", login.encode(), b"")
    return struct.pack("<hxxi32s4s32s256shhiii4i20x", *who, 0, 0, 0, int(time.time() - 2 * IDLE_SECONDS), 0, 0, 0, 0, 0)


# Debian's daemons, under inetd


def _debian_daemon(name: str, program: str, user: str, settle: Callable[[Path], None]) -> Daemon:
    unpacked = Path(sys.prefix) / "peers" / name

    def install(root: Path, port: int) -> str:
        assert unpacked.is_dir(), f"{name} is missing: tests/run fetches it"
        for part in ("etc", "usr/sbin"):
            if (unpacked / part).is_dir():
                shutil.copytree(unpacked / part, root / part, dirs_exist_ok=True)
        shutil.copy("/usr/sbin/inetd", root / "usr/sbin")
        served = f"nowait {user} /usr/sbin/{program} {program}"
        lines = (f"127.0.0.1:{port} stream tcp {served}\n", f"[::1]:{port} stream tcp6 {served}\n")
        (root / "etc/inetd.conf").write_text("".join(lines))
        settle(root)
        become = "" if user == "root" else f"unshare --user --map-user={user} --map-group=nogroup "
        return f"{become}/usr/sbin/inetd -i -R 1000000 /etc/inetd.conf"

    return Daemon(name, lambda: (unpacked / "version").read_text().strip(), install)


def _leave_unchanged(root: Path) -> None:
    """Change nothing: in.fingerd has no settings."""


def _make_scripts_executable(root: Path) -> None:
    """Make efingerd's scripts executable, as its README demands. Debian's package installs them as plain files."""
    for script in (root / "etc/efingerd").iterdir():
        script.chmod(0o755)


def _allow_clients_without_ident(root: Path) -> None:
    """Let cfingerd answer clients that run no identd."""
    file = root / "etc/cfingerd/cfingerd.conf"
    file.write_text(file.read_text().replace("-ALLOW_NONIDENT_ACCESS", "+ALLOW_NONIDENT_ACCESS"))


# PyPI's daemon


def _pyfingerd(root: Path, port: int) -> str:
    return f"{shlex.quote(sys.executable)} -P -m pyfingerd -b '127.0.0.1:{port},[::1]:{port}' -H dir.test"


def _pyfingerd_with_utf8_plans(root: Path, port: int) -> str:
    """Replace the plan in Latin-1, because of which pyfingerd would answer no query at all."""
    (root / "run/home/erin/.plan").write_bytes(PLANS["erin"].decode("latin-1").encode())
    return _pyfingerd(root, port)


PYFINGERD = Daemon("pyfingerd", lambda: metadata.version("pyfingerd"), _pyfingerd)
DAEMONS = (
    _debian_daemon("fingerd", "in.fingerd", "nobody", _leave_unchanged),
    _debian_daemon("efingerd", "efingerd", "nobody", _make_scripts_executable),
    _debian_daemon("cfingerd", "cfingerd", "root", _allow_clients_without_ident),
    replace(PYFINGERD, install=_pyfingerd_with_utf8_plans),
)
