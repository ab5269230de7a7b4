"""The conformance suite against four third-party servers: it finds their known faults, and the table in
examples/conformance matches its verdicts."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.conform.runner import CHECKS
from tests.peers import conformance_table
from tests.peers.conformance_table import OURS, ConformTarget, Verdicts
from tests.peers.daemons import PYFINGERD, run_daemon
from tests.peers.gateway_process import query_finger

# Not compared: how fast 200 processes start and how many queries are answered in ten seconds depends on the machine.
LEFT_OUT = {"F014", "F016"}
COMPARED = [check for check in CHECKS.values() if check.id not in LEFT_OUT]
# Faults that were found by hand.
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
class PeerResults:
    """The servers, which still run, and the verdicts on them."""

    servers: dict[str, ConformTarget]
    verdicts: Verdicts


@pytest.fixture(scope="module")
def peer_results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PeerResults]:
    folder = tmp_path_factory.mktemp("peers")
    with conformance_table.run_all_servers(folder) as servers:
        verdicts = conformance_table.collect_verdicts(servers, folder, COMPARED)
        yield PeerResults({server.name: server for server in servers}, verdicts)


@pytest.mark.parametrize("name", FAILS)
def test_known_faults_are_found(peer_results: PeerResults, name: str) -> None:
    expected = dict.fromkeys(FAILS[name].split(), "fail") | dict.fromkeys(PASSES[name].split(), "pass")
    assert {each: peer_results.verdicts[name][each] for each in expected} == expected


def test_no_check_fails_with_our_gateway(peer_results: PeerResults) -> None:
    assert [name for name, verdict in peer_results.verdicts[OURS].items() if verdict == "fail"] == []


def test_the_table_in_the_examples_matches_the_verdicts(peer_results: PeerResults) -> None:
    in_full = {name: {**dict.fromkeys(LEFT_OUT, "pass"), **each} for name, each in peer_results.verdicts.items()}
    now = conformance_table.parse_rows(conformance_table.format_table(list(peer_results.servers.values()), in_full))
    written = conformance_table.parse_rows(conformance_table.README.read_text())
    assert set(written) == set(now)
    assert {name: now[name] for name in now if name not in LEFT_OUT} == {
        name: written[name] for name in written if name not in LEFT_OUT
    }


def test_pyfingerd_answers_nobody_if_one_plan_is_in_latin_1(tmp_path: Path, peer_results: PeerResults) -> None:
    assert "Alice Adams" in query_finger(peer_results.servers["pyfingerd"].port, "alice")
    with run_daemon(PYFINGERD, tmp_path) as server:
        assert query_finger(server.port, "alice") == "An error has occurred.\r\n"
