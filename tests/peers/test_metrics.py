"""A real gateway is scraped and probed while its access log cannot be written."""

import json
import re
import sys
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from .gateway_process import (
    Installation,
    free_port,
    http_get,
    is_listening,
    make_installation,
    query_finger,
    run_command,
    run_fake_irc_server,
    run_gateway,
    wait_until,
)

EXAMPLE = Path(__file__).parents[2] / "examples" / "grafana"
HOSTILE = "x\x1b[2J\x00\x0bfake\rAccepted root"


def make_metered_installation(
    folder: Path, irc: int | None = None, entries: str = "access.jsonl", more: str = ""
) -> tuple[Installation, int]:
    """Create an installation with metrics. Return it and the metrics port."""
    port = free_port()
    installation = make_installation(folder, irc, more=f'[metrics]\nlisten = "tcp:{port}:interface=127.0.0.1"\n{more}')
    settings = installation.settings.read_text().replace('file = "access.jsonl"', f'file = "{entries}"')
    installation.settings.write_text(settings)
    return installation, port


def scrape(port: int) -> dict[str, float]:
    """Return every sample by its name and labels."""
    code, text = http_get(port, "/metrics")
    assert code == 200
    return {
        sample.name + json.dumps(sample.labels, sort_keys=True): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_R039_an_access_log_on_a_full_disk_stops_nothing_and_all_dashboard_metrics_exist(tmp_path: Path) -> None:
    with run_fake_irc_server() as server:
        installation, port = make_metered_installation(tmp_path, server.port, "/dev/full")
        with run_gateway(installation) as gateway:
            wait_until(lambda: is_listening(port), "metrics")
            for _ in range(3):
                assert "Alice Adams" in query_finger(installation.finger_port, "alice")
            assert "no such user" in query_finger(installation.finger_port, HOSTILE)
            assert http_get(installation.web_port, "/users/bob.json")[0] == 200
            server.bot  # noqa: B018  # wait until it has joined
            output = wait_until(
                lambda: seen if (seen := scrape(port))["finger_gateway_access_log_dropped_total{}"] else {},
                "what was lost",
            )
            assert output['finger_gateway_bot_connected{"network": "test"}'] == 1
            assert output['finger_gateway_connections_open{"protocol": "web"}'] == 0
            names = {re.split(r"[{]", each)[0] for each in output}
            for probed in (installation.web_port, port):
                assert http_get(probed, "/healthz") == (200, "ok\n")
                assert http_get(probed, "/readyz") == (200, "ready\n")
            assert http_get(installation.web_port, "/metrics")[0] == 404, "never on the public site"
        assert gateway.log.count("the access log cannot be written") == 1
        assert "\x1b" not in gateway.log and "\0" not in gateway.log
    text = (EXAMPLE / "dashboard.json").read_text() + (EXAMPLE / "README.md").read_text()
    wanted = set(re.findall(r"\b(?:finger_gateway|process)_[a-z_]+", text))
    assert wanted and sorted(wanted - names) == []


def test_R039_F116_control_characters_in_a_query_make_one_log_line(tmp_path: Path) -> None:
    installation, _ = make_metered_installation(tmp_path)
    with run_gateway(installation):
        query_finger(installation.finger_port, HOSTILE)
        (entry,) = installation.wait_for_access_log(1)
    (line,) = (installation.folder / "access.jsonl").read_bytes().split(b"\n")[:-1]
    assert all(byte >= 32 for byte in line)
    assert entry["query"] == "x\\x1b[2J\\x00\\x0bfake\\rAccepted root"


def test_F117_retention_rotates_the_log_daily(tmp_path: Path) -> None:
    installation, _ = make_metered_installation(tmp_path)
    installation.settings.write_text(
        installation.settings.read_text().replace("[limits]", 'retention = "2d"\n[limits]')
    )
    for day in ("2020-01-01", "2020-01-02"):
        (installation.folder / f"access.jsonl-{day}").write_text("{}\n")
    with run_gateway(installation):
        query_finger(installation.finger_port, "alice")
        installation.wait_for_access_log(1)
        wait_until(lambda: not list(installation.folder.glob("access.jsonl-*")), "the removal of old log files")


def test_without_metrics_prometheus_is_not_imported(tmp_path: Path) -> None:
    installation = make_installation(tmp_path)
    code = (
        "import sys; from pathlib import Path; from twisted.internet import reactor; "
        "from gateway.application import Gateway; from gateway.settings import load_settings as load; "
        "file = Path(sys.argv[1]); Gateway(load(file), file, reactor); print('prometheus_client' in sys.modules)"
    )
    assert run_command("-c", code, installation.settings, folder=tmp_path, start=(sys.executable,)).out == "False\n"
