"""examples/systemd: what systemd-analyze says about the units, and the service that they start. The test acts as
systemd: it keeps the sockets, passes them by name and waits for READY=1."""

import configparser
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.store import database
from tests.peers.gateway_process import (
    CHECKOUT,
    DEADLINE,
    GatewayProcess,
    http_get,
    query_finger,
    run_command,
    start_process,
)
from tests.unit.fixtures import PEOPLE, make_create_edit, write_edits

SYSTEMD = CHECKOUT / "examples" / "systemd"
ACTIVATION_SCRIPT = str(Path(__file__).with_name("socket_activation.py"))
SOCKETS = sorted(SYSTEMD.glob("*.socket"))


def read_unit(file: Path) -> configparser.ConfigParser:
    read = configparser.ConfigParser(strict=False, interpolation=None)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read(file)
    return read


SERVICE = read_unit(SYSTEMD / "finger-gateway.service")["Service"]
NAMES = {read_unit(file)["Socket"]["FileDescriptorName"]: read_unit(file)["Socket"]["ListenStream"] for file in SOCKETS}


def test_the_exposure_of_the_service_is_at_most_1_6() -> None:
    words = ["systemd-analyze", "security", "--offline=true", "--threshold=16", "--no-pager"]
    ran = subprocess.run([*words, SYSTEMD / "finger-gateway.service"], capture_output=True, text=True, check=False)
    (line,) = (line for line in ran.stdout.splitlines() if "Overall exposure level" in line)
    found = re.search(r"finger-gateway\.service: (\d+\.\d+) OK", line)
    assert found is not None and float(found[1]) <= 1.6, line
    assert ran.returncode == 0
    print(line)


def test_systemd_accepts_every_line_of_the_units(tmp_path: Path) -> None:
    for file in SYSTEMD.glob("finger-gateway*.s*"):
        there = file.read_text().replace("/opt/finger-gateway/bin/", f"{Path(sys.executable).parent}/")
        (tmp_path / file.name).write_text(there)
    units = [*tmp_path.glob("*.service"), *tmp_path.glob("*.socket")]
    ran = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False)
    output = [line for line in ran.stderr.splitlines() if "finger-gateway" in line or str(tmp_path) in line]
    assert (ran.returncode, output) == (0, []), ran.stderr


def test_sysusers_creates_the_user_of_the_service(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    file = SYSTEMD / "finger-gateway.sysusers"
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}", str(file)], check=True, capture_output=True)
    (line,) = (tmp_path / "etc" / "passwd").read_text().splitlines()
    assert line.split(":")[0] == SERVICE["User"] == SERVICE["Group"]
    assert line.split(":")[-1].endswith("/nologin")


def test_the_socket_units_have_the_standard_ports_and_the_settings_name_them() -> None:
    assert NAMES == {"finger": "0.0.0.0:79", "web": "0.0.0.0:80"}
    text = (SYSTEMD / "gateway.toml").read_text()
    assert set(re.findall(r'"systemd:domain=INET:name=(\w+)"', text)) == set(NAMES)
    assert SERVICE["Type"] == "notify" and SERVICE["ExecReload"] == "/bin/kill -HUP $MAINPID"


class FakeSystemd:
    """Keep a socket for each socket unit, on free ports, and receive the messages of the service on $NOTIFY_SOCKET."""

    def __init__(self, folder: Path, family: socket.AddressFamily = socket.AF_INET) -> None:
        host = "::" if family is socket.AF_INET6 else "127.0.0.1"
        self.folder = folder
        dual = family is socket.AF_INET6
        self.sockets = {
            name: socket.create_server((host, 0), family=family, backlog=1024, dualstack_ipv6=dual) for name in NAMES
        }
        self.ports = {name: each.getsockname()[1] for name, each in self.sockets.items()}
        self.notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notifications.bind(str(folder / "notify"))
        self.notifications.settimeout(DEADLINE)
        self.settings = folder / "gateway.toml"
        text = (SYSTEMD / "gateway.toml").read_text()
        text = text.replace("/var/lib/finger-gateway", str(folder)).replace("/run/finger-gateway", str(folder))
        text = text.replace("domain=INET:", f"domain={family.name.removeprefix('AF_')}:")
        self.settings.write_text(text + "[limits]\nqueries_per_minute = 1000000\nconnections_per_address = 500\n")
        database.create(folder / "people.db")
        write_edits(folder / "people.db", [make_create_edit(fields) for fields in PEOPLE])

    def wait_for_state(self, state: str) -> None:
        """Wait until the service has sent *state*."""
        while state not in self.notifications.recv(4096).decode().splitlines():
            pass

    @contextmanager
    def run_service(self) -> Iterator[GatewayProcess]:
        """Run the unit's ExecStart, once it has reported READY=1."""
        words = shlex.split(SERVICE["ExecStart"])
        assert words[0] == "/opt/finger-gateway/bin/finger-gateway"
        words = [word.replace("/etc/finger-gateway/gateway.toml", str(self.settings)) for word in words[1:]]
        numbers = [each.fileno() for each in self.sockets.values()]
        named = [f"{name}={each.fileno()}" for name, each in self.sockets.items()]
        start = (sys.executable, ACTIVATION_SCRIPT, *named, "--", sys.executable, "-P", "-m", "gateway")
        environment = os.environ | {"NOTIFY_SOCKET": str(self.folder / "notify")}
        with start_process(self.folder, [], *words, start=start, pass_fds=numbers, env=environment) as running:
            self.wait_for_state("READY=1")
            yield running

    def close(self) -> None:
        for each in (*self.sockets.values(), self.notifications):
            each.close()


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_F020_the_service_answers_on_inherited_sockets_and_reloads(
    tmp_path: Path, family: socket.AddressFamily
) -> None:
    systemd = FakeSystemd(tmp_path, family)
    with systemd.run_service() as running:
        assert "Alice Adams" in query_finger(systemd.ports["finger"], "alice")
        assert http_get(systemd.ports["web"], "/users/alice")[0] == 200
        assert "no errors" in run_command("-c", systemd.settings, "check", folder=tmp_path).out
        systemd.settings.write_text(systemd.settings.read_text().replace("Our people", "Other people"))
        running.send(signal.SIGHUP)
        systemd.wait_for_state("READY=1")
        assert "Other people" in http_get(systemd.ports["web"], "/")[1]
        assert "Alice Adams" in query_finger(systemd.ports["finger"], "alice")
        running.send()
        systemd.wait_for_state("STOPPING=1")
        assert running.wait() == 0
    systemd.close()


def test_a_missing_socket_is_reported_with_those_that_exist(tmp_path: Path) -> None:
    systemd = FakeSystemd(tmp_path)
    systemd.settings.write_text(systemd.settings.read_text().replace("name=finger", "name=fnger"))
    named = [f"{name}={each.fileno()}" for name, each in systemd.sockets.items()]
    start = (sys.executable, ACTIVATION_SCRIPT, *named, "--", sys.executable, "-P", "-m", "gateway")
    numbers = [each.fileno() for each in systemd.sockets.values()]
    output = run_command("-c", systemd.settings, "run", folder=tmp_path, start=start, code=2, pass_fds=numbers)
    assert output.err == (
        f"{systemd.settings}: finger.listen[0]: found 'systemd:domain=INET:name=fnger', which systemd did not pass on; "
        f"must be one of the sockets that it passed on: name=finger, name=web\n"
    )
    systemd.close()


class LoadGenerator:
    """Four clients that send the next request as soon as they have an answer: two on finger, two on the web."""

    def __init__(self, ports: dict[str, int]) -> None:
        self.answers = 0
        self.longest = 0.0
        self.errors: list[str] = []
        self._ends = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._send_requests, args=(protocol, port))
            for protocol, port in list(ports.items()) * 2
        ]
        for each in self._threads:
            each.start()

    def _send_requests(self, protocol: str, port: int) -> None:
        while not self._ends.is_set():
            began = time.monotonic()
            try:
                reply = query_finger(port, "alice") if protocol == "finger" else http_get(port, "/users/alice.txt")[1]
                wrong = "" if "Alice Adams" in reply else repr(reply)
            except (OSError, IndexError, ValueError) as error:
                wrong = repr(error)
            with self._lock:
                self.answers += 1
                self.longest = max(self.longest, time.monotonic() - began)
                if wrong:
                    self.errors.append(f"{protocol}: {wrong}")

    def stop(self) -> None:
        self._ends.set()
        for each in self._threads:
            each.join()


def test_R038_three_restarts_under_load_cause_no_error(tmp_path: Path) -> None:
    systemd = FakeSystemd(tmp_path)
    load = LoadGenerator(systemd.ports)  # clients that connect before the first start wait, too
    try:
        for _ in range(3):
            with systemd.run_service() as running:
                wait_for_answers(load, load.answers + 400)
                assert running.stop() == 0
        with systemd.run_service():
            wait_for_answers(load, load.answers + 4)
            load.stop()
    finally:
        load.stop()
        systemd.close()
    print(f"{load.answers} answers over 3 restarts, {len(load.errors)} errors, longest wait {load.longest:.2f} s")
    assert load.errors == []


def wait_for_answers(load: LoadGenerator, count: int) -> None:
    end = time.monotonic() + DEADLINE
    while load.answers < count:
        assert time.monotonic() < end, f"{load.answers} answers: {load.errors[:5]}"
        time.sleep(0.005)


def test_the_readme_installs_existing_files() -> None:
    """Every file that README copies exists, every option of pip is valid, and the service starts the command in /opt."""
    readme = (SYSTEMD / "README.md").read_text()
    for name in re.findall(r"examples/\S+", readme):
        assert list(CHECKOUT.glob(name)), name
    for line in re.findall(r"^    (\S+)", readme, re.MULTILINE):
        assert line.startswith("/opt/finger-gateway/") or line == "systemctl" or shutil.which(line), line
