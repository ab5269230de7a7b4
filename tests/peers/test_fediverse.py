"""Fediverse accounts: shown as confirmed only when their server has confirmed them, by https, from a public address."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trustme

from .gateway_process import DEADLINE, WATCHED_COMMAND, make_installation, start_process, wait_until
from .network_namespace import NetworkNamespace, make_network_namespace

OURS, SOCIAL = "9.9.9.1", "9.9.9.2"
NAMES = {"dir.test": [OURS], "social.example": [SOCIAL], "mistaken.example": [SOCIAL], "private.example": ["10.9.9.9"]}
BAD = ("plain", "inward", "round", "other", "bare", "script", "html", "huge", "gone")
PEOPLE: list[dict[str, Any]] = [
    {"login": "alice", "name": "Alice", "fediverse": "@alice@social.example"},
    {"login": "moved", "fediverse": "@moved@social.example"},
    {"login": "silent", "name": "Names no account"},
    {"login": "members", "fediverse": "@members@social.example", "visibility": {"fediverse": "members"}},
    {"login": "mistaken", "fediverse": "@alice@mistaken.example"},
    {"login": "private", "fediverse": "@alice@private.example"},
    {"login": "ourselves", "fediverse": "@alice@dir.test"},
    {"login": "nothost", "fediverse": "@alice@127.0.0.1"},
    *({"login": each, "fediverse": f"@{each}@social.example"} for each in BAD),
]


@contextmanager
def run_webfinger_server(network: NetworkNamespace, certificate: Path) -> Iterator[None]:
    script = Path(__file__).with_name("webfinger_server.py")
    command = [*network.enter, sys.executable, "-P", str(script), SOCIAL, str(certificate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            server.terminate()


def test_W048_W109_an_account_is_shown_once_its_server_has_confirmed_it(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("social.example").private_key_and_cert_chain_pem.write_to_path(tmp_path / "cert.pem")
    installation = make_installation(tmp_path, people=PEOPLE)
    text = installation.settings.read_text().replace(
        f"tcp:{installation.web_port}:interface=127.0.0.1", f"tcp:80:interface={OURS}"
    )
    text = text.replace("[web]\n", '[web]\nfediverse = "@{login}@social.example"\n')
    installation.settings.write_text(text.replace(f"http://localhost:{installation.web_port}", "https://dir.test"))
    environment = os.environ | {"SSL_CERT_FILE": str(tmp_path / "ca.pem")}

    with (
        make_network_namespace(tmp_path, [OURS, SOCIAL], NAMES) as network,
        run_webfinger_server(network, tmp_path / "cert.pem"),
        start_process(
            tmp_path, [], "run", "-c", installation.settings, start=(*network.enter, *WATCHED_COMMAND), env=environment
        ) as running,
    ):

        def get(path: str) -> str:
            command = [*network.enter, "curl", "-sS", f"http://dir.test{path}"]
            return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=True).stdout

        def actor_links(login: str) -> list[str]:
            output = json.loads(get(f"/.well-known/webfinger?resource=acct:{login}@dir.test"))
            return [link["href"] for link in output["links"] if link["rel"] == "self"]

        wait_until(lambda: "web.listen[0]: listening" in running.log, "the web side")
        for login in ("alice", "moved", "silent"):
            assert actor_links(login) == [f"https://social.example/users/{login}"], running.log
        for login in ("mistaken", "private", "ourselves", "nothost", *BAD):
            assert actor_links(login) == [], login
        # accounts visible only to members are never looked up
        assert actor_links("members") == []
        assert "members@social.example" not in running.log
        page = get("/users/alice.html")
        assert '<a class="u-url" rel="me" href="https://social.example/@alice">@alice@social.example</a>' in page
        for login in ("other", "members"):
            assert 'rel="me"' not in get(f"/users/{login}.html")
