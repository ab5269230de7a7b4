"""examples/own_templates: the commands of its README as written, in another folder and on another port; the answers
are as documented, and every template that it names exists."""

import re
import subprocess
import sys
from pathlib import Path

from tests.peers.gateway_process import CHECKOUT, Installation, assert_clean_log, free_port, query_finger, run_gateway

EXAMPLE = CHECKOUT / "examples" / "own_templates"
README = (EXAMPLE / "README.md").read_text(encoding="utf-8")
ABOVE, BELOW = (
    "Welcome to The Tea Club. The kettle is on.\r\n\r\n",
    '\r\n-- localhost: "finger -l" shows more about a person, ',
)


def test_the_example_works_as_documented(tmp_path: Path) -> None:
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", README, re.MULTILINE)
    commands, shown = (re.sub("^    ", "", block, flags=re.MULTILINE).strip() + "\n" for block in blocks)
    installation = Installation(tmp_path / "tea", free_port(), free_port())
    script = commands.replace("/tmp/tea", str(installation.folder)).replace("finger-gateway run\n", "")
    script = script.replace("finger-gateway ", f"{sys.executable} -P -m gateway ")
    ran = subprocess.run(["sh", "-ec", script], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert_clean_log(ran.stderr)
    assert "warning" not in ran.stderr
    assert ran.stdout.endswith(": no errors.\n")
    settings = installation.settings.read_text()
    for port, free in (("tcp:1079:", installation.finger_port), ("tcp:8080:", installation.web_port)):
        assert settings.count(port) == 1
        settings = settings.replace(port, f"tcp:{free}:")
    installation.settings.write_text(settings)
    with run_gateway(installation):
        answer = query_finger(installation.finger_port, "alice")
        assert re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "2026-11-23 18:04", answer).replace("\r\n", "\n") == shown
        verbose = query_finger(installation.finger_port, "/W alice")
        assert "\r\nAliases:    ally\r\n" in verbose
        listed = query_finger(installation.finger_port, "")
        assert "\r\nalice  Alice Adams, at the kettle, come by\r\njan    Jan Novák\r\nmei    林美, 泡茶中\r\n" in listed
        unknown = query_finger(installation.finger_port, "nobody")
        assert "\r\nnobody: no such user.\r\n" in unknown
        for each in (answer, verbose, listed, unknown):
            assert each.startswith(ABOVE)
            assert BELOW in each
        person = installation.folder / "templates" / "finger" / "person.txt"
        person.write_text("{{ person.nickname }}")
        reply = installation.run("check", code=2).err
        assert reply == f"{person}: line 1: a Profile has no attribute 'nickname'\n"
        installation.run("reload")
        assert query_finger(installation.finger_port, "alice").startswith(f"{ABOVE}Login:      alice\r\n")


def test_the_readme_names_every_finger_template() -> None:
    named = set(re.findall(r"`(\w+\.txt)`", README))
    assert named == {path.name for path in (CHECKOUT / "templates" / "finger").iterdir()}
