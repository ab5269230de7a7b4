"""The conformance suite against four servers that other people wrote: it finds in them what is known of them, and the
table in examples/conformance says what it finds."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.conform.checks import CHECKS
from tests.peers import conformance_table
from tests.peers.conformance_table import OURS, ConformTarget, Verdicts
from tests.peers.daemons import PYFINGERD, run_daemon
from tests.peers.gateway_process import query_finger

# Not compared: how soon 200 processes are started, and how many questions are answered in ten seconds, is up to the machine.
LEFT_OUT = {"F014", "F016"}
COMPARED = [check for check in CHECKS.values() if check.id not in LEFT_OUT]
# What was seen by hand.
FAILS = {
    "fingerd": "F011 F022 F025 F027 F052 F054 F058 F069 F073 F078 F103 F104",
    "efingerd": "F011 F017 F022 F041 F049 F058 F076 F077 F078 F103 F104",
    "cfingerd": "F011 F022 F025 F029 F030 F041 F046 F049 F058 F078 F104",
    "pyfingerd": "F011 F027 F029 F046 F058 F078 F103",
}
PASSES = {
    "fingerd": "F002 F004 F007 F041 F042 F046 F076 F077 F092",
    "efingerd": "F007 F044 F054",
    "cfingerd": "F007 F044 F054 F076 F077",
    "pyfingerd": "F007 F022 F041 F068 F076 F077 F092",
}


@dataclass(frozen=True)
class Found:
    """The servers, which still run, and what was found."""

    servers: dict[str, ConformTarget]
    verdicts: Verdicts


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    folder = tmp_path_factory.mktemp("peers")
    with conformance_table.run_all_servers(folder) as servers:
        verdicts = conformance_table.collect_verdicts(servers, folder, COMPARED)
        yield Found({server.name: server for server in servers}, verdicts)


@pytest.mark.parametrize("name", FAILS)
def test_what_is_known_of_them_is_found(found: Found, name: str) -> None:
    expected = dict.fromkeys(FAILS[name].split(), "fail") | dict.fromkeys(PASSES[name].split(), "pass")
    assert {each: found.verdicts[name][each] for each in expected} == expected


def test_nothing_fails_with_ours(found: Found) -> None:
    assert [name for name, verdict in found.verdicts[OURS].items() if verdict == "fail"] == []


def test_the_table_in_the_examples_says_what_is_found(found: Found) -> None:
    in_full = {name: {**dict.fromkeys(LEFT_OUT, "pass"), **each} for name, each in found.verdicts.items()}
    now = conformance_table.parse_rows(conformance_table.format_table(list(found.servers.values()), in_full))
    written = conformance_table.parse_rows(conformance_table.README.read_text())
    assert set(written) == set(now)
    assert {name: now[name] for name in now if name not in LEFT_OUT} == {
        name: written[name] for name in written if name not in LEFT_OUT
    }


def test_one_plan_in_latin_1_and_pyfingerd_answers_nobody(tmp_path: Path, found: Found) -> None:
    assert "Alice Adams" in query_finger(found.servers["pyfingerd"].port, "alice")
    with run_daemon(PYFINGERD, tmp_path) as server:
        assert query_finger(server.port, "alice") == "An error has occurred.\r\n"
