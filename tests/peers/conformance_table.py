"""The table in examples/conformance/README.md: the conformance suite against our gateway and four third-party
servers, in parallel, run by its command. `python -m tests.peers.conformance_table` rewrites it."""

import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.conform.runner import CHECKS, LEVELS, Check
from tests.peers.daemons import DAEMONS, run_daemon
from tests.peers.gateway_process import CHECKOUT, COMMAND
from tests.peers.test_conform_ours import run_conforming_gateway

README = CHECKOUT / "examples/conformance/README.md"
TABLE = re.compile(r"(?<=<!-- table -->\n).*(?=<!-- end of table -->)", re.S)
OURS = "finger-gateway"
HOST_OPTIONS = ("--host-name", "dir.test", "--host-name", "localhost", "--host-name", "::1")
LOGINS = ("alice", "bob", "\u017eofie", "dave", "erin")
ALICE_OPTIONS = (*(word for login in LOGINS for word in ("--login", login)), "--name", "Alice Adams")
ZOFIE_OPTIONS = (
    "--login",
    "zofie",
    "--name",
    "\u017dofie \u010cern\u00e1",
    "--only",
    "F027",
)  # for whose name that check is
TIME_LIMITS = ("--wait", "3", "--timeout", "3", "--aggressive")
MARKS = {"pass": "yes", "fail": "**no**", "not tested": "-"}

Verdicts = dict[str, dict[str, str]]  # by server, by check


@dataclass(frozen=True)
class ConformTarget:
    """A server to check."""

    name: str
    version: str
    port: int


@contextmanager
def run_all_servers(folder: Path) -> Iterator[list[ConformTarget]]:
    """Run all servers."""
    with ExitStack() as stack:
        (folder / "run_conforming_gateway").mkdir()
        servers = [
            ConformTarget(
                OURS, "", stack.enter_context(run_conforming_gateway(folder / "run_conforming_gateway")).finger_port
            )
        ]
        for daemon in DAEMONS:
            up = stack.enter_context(run_daemon(daemon, folder))
            servers.append(ConformTarget(up.name, up.version, up.port))
        yield servers


def collect_verdicts(servers: list[ConformTarget], folder: Path, checks: Iterable[Check]) -> Verdicts:
    """Return the verdict of each of *checks* on each server."""
    only = ("--only", ",".join(check.id for check in checks))

    def of(server: ConformTarget) -> dict[str, str]:
        return _run_conform(server, folder, *ALICE_OPTIONS, *only) | _run_conform(server, folder, *ZOFIE_OPTIONS)

    with ThreadPoolExecutor(len(servers)) as pool:
        return dict(zip((server.name for server in servers), pool.map(of, servers), strict=True))


def _run_conform(server: ConformTarget, folder: Path, *options: str) -> dict[str, str]:
    start = (*COMMAND, "conform", f"127.0.0.1:{server.port}", "--json", *HOST_OPTIONS, *TIME_LIMITS)
    ran = subprocess.run([*start, *options], cwd=folder, capture_output=True, timeout=300, check=False)
    assert ran.returncode in (0, 1, 3), ran.stderr.decode()
    return {check["id"]: check["verdict"] for check in json.loads(ran.stdout)["checks"]}


def format_table(servers: list[ConformTarget], found: Verdicts) -> str:
    """Return the table: a row for each check with a verdict, and sums below."""
    lines = [
        _format_row("", "level", "", *(f"{server.name} {server.version}".strip() for server in servers)),
        "|---" * (3 + len(servers)) + "|",
    ]
    tested = [
        check for check in CHECKS.values() if {found[server.name][check.id] for server in servers} != {"not tested"}
    ]
    for check in tested:
        lines.append(
            _format_row(
                check.id, check.level, check.title, *(MARKS[found[server.name][check.id]] for server in servers)
            )
        )
    for level in LEVELS:
        of_level = [check.id for check in tested if check.level == level]
        failed = [sum(found[server.name][name] == "fail" for name in of_level) for server in servers]
        lines.append(_format_row("", level, f"failed of {len(of_level)}", *map(str, failed)))
    return "\n".join(lines) + "\n"


def _format_row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def parse_rows(text: str) -> dict[str, list[str]]:
    """Return the verdicts in a table, by check."""
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in text.splitlines()]
    return {row[0]: row[3:] for row in cells if row[0] in CHECKS}


def main() -> None:
    with tempfile.TemporaryDirectory() as name, run_all_servers(Path(name)) as servers:
        made = format_table(servers, collect_verdicts(servers, Path(name), CHECKS.values()))
    README.write_text(TABLE.sub(lambda _: made, README.read_text()))


if __name__ == "__main__":
    main()
