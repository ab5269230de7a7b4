"""The OpenAPI description against the real server: schemathesis generates requests, and the answers match it."""

import os
import subprocess
import sys
from pathlib import Path

from .gateway_process import make_installation, run_gateway

LONG = "FINGER_GATEWAY_LONG" in os.environ


def test_W060_W134_generated_requests_are_answered_as_described(tmp_path: Path) -> None:
    installation = make_installation(tmp_path)
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"http://127.0.0.1:{installation.web_port}/openapi.json",
    ]
    command += [
        "--url",
        f"http://127.0.0.1:{installation.web_port}",
        "--generation-database",
        "none",
        "--checks",
        "all",
    ]
    command += ["--max-time", "30" if LONG else "8", "--seed", "5", "--no-color"]
    with run_gateway(installation):
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout[-8000:]
