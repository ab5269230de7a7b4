"""WebFinger with a third-party client: webfinger.js from npm, over https with a certificate that it trusts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import trustme

from .gateway_process import free_port, make_installation, run_gateway

ALICE = {
    "login": "alice", "name": "Alice Adams", "aliases": ["ally"],
    "links": [{"label": "Blog", "url": "https://alice.example/", "me": True}],
}  # fmt: skip
HIDDEN = {"login": "heidi", "name": "Heidi", "hidden": True}


def test_W112_webfinger_js_finds_alice_and_no_hidden_person(tmp_path: Path) -> None:
    authority, port = trustme.CA(), free_port()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("dir.test").private_key_and_cert_chain_pem.write_to_path(tmp_path / "cert.pem")
    installation = make_installation(tmp_path, people=[ALICE, HIDDEN])
    listen = f'"ssl:{port}:privateKey={tmp_path}/cert.pem:certKey={tmp_path}/cert.pem:interface=127.0.0.1"'
    settings = installation.settings.read_text()
    own = f'"tcp:{installation.web_port}:interface=127.0.0.1"'
    assert own in settings
    installation.settings.write_text(settings.replace(own, f"{own}, {listen}"))
    modules = Path(sys.prefix) / "npm" / "node_modules"
    script = Path(__file__).with_name("webfinger.js")
    with run_gateway(installation):
        ended = subprocess.run(
            ["node", str(script), str(port), "alice@dir.test", "ally@dir.test", "heidi@dir.test", "nobody@dir.test"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=os.environ | {"NODE_PATH": str(modules), "NODE_EXTRA_CA_CERTS": str(tmp_path / "ca.pem")},
        )
    assert ended.returncode == 0, ended.stderr
    alice, ally, heidi, nobody = json.loads(ended.stdout)
    assert alice["object"]["subject"] == ally["object"]["subject"] == "acct:alice@dir.test"
    assert alice["idx"]["links"]["profile"][0]["href"] == f"http://localhost:{installation.web_port}/users/alice"
    assert heidi == nobody
    assert heidi["status"] == 404
