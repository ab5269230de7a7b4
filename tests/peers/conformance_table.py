"""The table in examples/conformance/README.md: the conformance suite against our gateway and four servers of other people,
at the same time, by the command that people use. `python -m tests.peers.conformance_table` writes it anew.
"""

import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.conform.checks import CHECKS, LEVELS, Check
from tests.peers.daemons import DAEMONS, started
from tests.peers.gateway import CHECKOUT, COMMAND
from tests.peers.test_conform_ours import ours

README = CHECKOUT / "examples/conformance/README.md"
TABLE = re.compile(r"(?<=<!-- table -->\n).*(?=<!-- end of table -->)", re.S)
OURS = "finger-gateway"
HOSTS = ("--host-name", "dir.test", "--host-name", "localhost", "--host-name", "::1")
LOGINS = ("alice", "bob", "\u017eofie", "dave", "erin")
ALICE = (*(word for login in LOGINS for word in ("--login", login)), "--name", "Alice Adams")
ZOFIE = ("--login", "zofie", "--name", "\u017dofie \u010cern\u00e1", "--only", "F027")  # for whose name that check is
PATIENCE = ("--wait", "3", "--timeout", "3", "--aggressive")
MARKS = {"pass": "yes", "fail": "**no**", "not tested": "-"}

Verdicts = dict[str, dict[str, str]]  # of servers, of checks


@dataclass(frozen=True)
class Server:
    """Who can be asked, and where."""

    name: str
    version: str
    port: int


@contextmanager
def everybody(folder: Path) -> Iterator[list[Server]]:
    """All the servers."""
    with ExitStack() as stack:
        (folder / "ours").mkdir()
        servers = [Server(OURS, "", stack.enter_context(ours(folder / "ours")).finger)]
        for daemon in DAEMONS:
            up = stack.enter_context(started(daemon, folder))
            servers.append(Server(up.name, up.version, up.port))
        yield servers


def verdicts(servers: list[Server], folder: Path, checks: Iterable[Check]) -> Verdicts:
    """What each of *checks* says of each server."""
    only = ("--only", ",".join(check.id for check in checks))

    def of(server: Server) -> dict[str, str]:
        return _asked(server, folder, *ALICE, *only) | _asked(server, folder, *ZOFIE)

    with ThreadPoolExecutor(len(servers)) as pool:
        return dict(zip((server.name for server in servers), pool.map(of, servers), strict=True))


def _asked(server: Server, folder: Path, *options: str) -> dict[str, str]:
    start = (*COMMAND, "conform", f"127.0.0.1:{server.port}", "--json", *HOSTS, *PATIENCE)
    ran = subprocess.run([*start, *options], cwd=folder, capture_output=True, timeout=300, check=False)
    assert ran.returncode in (0, 1, 3), ran.stderr.decode()
    return {check["id"]: check["verdict"] for check in json.loads(ran.stdout)["checks"]}


def table(servers: list[Server], found: Verdicts) -> str:
    """What is found, a row for each check that somebody passes or fails, and sums below."""
    lines = [
        _row("", "level", "", *(f"{server.name} {server.version}".strip() for server in servers)),
        "|---" * (3 + len(servers)) + "|",
    ]
    seen = [
        check for check in CHECKS.values() if {found[server.name][check.id] for server in servers} != {"not tested"}
    ]
    for check in seen:
        lines.append(
            _row(check.id, check.level, check.title, *(MARKS[found[server.name][check.id]] for server in servers))
        )
    for level in LEVELS:
        of_level = [check.id for check in seen if check.level == level]
        failed = [sum(found[server.name][name] == "fail" for name in of_level) for server in servers]
        lines.append(_row("", level, f"failed of {len(of_level)}", *map(str, failed)))
    return "\n".join(lines) + "\n"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def rows(text: str) -> dict[str, list[str]]:
    """The verdicts in a table, by check."""
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in text.splitlines()]
    return {row[0]: row[3:] for row in cells if row[0] in CHECKS}


def main() -> None:
    with tempfile.TemporaryDirectory() as name, everybody(Path(name)) as servers:
        made = table(servers, verdicts(servers, Path(name), CHECKS.values()))
    README.write_text(TABLE.sub(lambda _: made, README.read_text()))


if __name__ == "__main__":
    main()
