"""examples/vending_machine: RFC 1288 section 2.5.5 with a custom source. The README's commands as written, then the
real finger client on port 79 in a network namespace, and the web."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers.gateway_process import (
    CHECKOUT,
    WATCHED_COMMAND,
    Installation,
    run_readme_commands,
    start_process,
    wait_until,
)
from tests.peers.isolated_gateway import IsolatedGateway
from tests.peers.network_namespace import make_network_namespace

EXAMPLE = CHECKOUT / "examples" / "vending_machine"
README = (EXAMPLE / "README.md").read_text()
COMMANDS = re.findall(r"^    ((?:finger-gateway|cp|cd) .*)$", README, re.MULTILINE)
LIMITS = """
[limits]
queries_per_minute = 10000
[access_log]
file = "access.jsonl"
"""
LIST = """\
Slot        Item                                    Price
slot1       Club-Mate                               2.50 EUR    7 left
slot2       Ginger beer                             3.00 EUR    2 left
slot3       Green tea                               1.80 EUR    11 left
slot5       Žufánek's malted milk, without sugar    2.20 EUR    1 left
slot6       Peanuts                                 1.00 EUR    24 left
"""
SLOT3 = """\
Slot:       slot3
Item:       Green tea
Price:      1.80 EUR
Stock:      11 left
"""
SOLD = (("Green tea", 10), ("Malted milk", 0), ("Cola", 3))


@pytest.fixture(scope="module")
def vending_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IsolatedGateway]:
    """Run the gateway that the README's commands set up, on port 79."""
    folder = tmp_path_factory.mktemp("machine") / "vending"
    *before, run = COMMANDS
    assert run == "finger-gateway run"
    run_readme_commands(before, "/tmp/vending", folder)
    installation = Installation(folder, 79, 8080)
    installation.settings.write_text(installation.settings.read_text().replace("tcp:1079", "tcp:79") + LIMITS)
    with (
        make_network_namespace(tmp_path_factory.mktemp("network"), [], {}) as network,
        start_process(
            folder, [], "run", "-c", installation.settings, start=(*network.enter, *WATCHED_COMMAND)
        ) as running,
    ):
        vending_machine = IsolatedGateway(network, installation, running)
        sockets = Path(f"/proc/{running.process.pid}/net/tcp")
        wait_until(
            lambda: running.process.poll() is not None or ":004F 00000000:0000 0A" in sockets.read_text(), "port 79"
        )
        assert running.process.poll() is None, running.log
        wait_until(lambda: "slot1" in run_finger_client(vending_machine, "@localhost"), "the first sweep")
        yield vending_machine


def run_finger_client(vending_machine: IsolatedGateway, *words: str) -> str:
    """Return the output of the finger client."""
    return vending_machine.run("finger", *words).decode()


def web(vending_machine: IsolatedGateway, path: str) -> Any:
    return json.loads(
        vending_machine.run("curl", "-s", "-H", "Accept: application/json", f"http://localhost:8080{path}")
    )


def restock(vending_machine: IsolatedGateway, **slots: Any) -> None:
    """The machine rewrites its file."""
    file = vending_machine.installation.folder / "machine.json"
    state = json.loads(file.read_bytes()) | slots
    new = file.with_suffix(".new")
    new.write_text(json.dumps({slot: about for slot, about in state.items() if about is not None}))
    new.rename(file)


def test_F114_the_machine_lists_its_products_and_describes_each_slot(vending_machine: IsolatedGateway) -> None:
    assert run_finger_client(vending_machine, "@localhost") == LIST
    assert "\n".join(f"    {line}" for line in LIST.splitlines()[:3]) in README
    for name in ("slot3", "tea", "green tea", "SLOT3"):
        assert run_finger_client(vending_machine, f"{name}@localhost") == SLOT3, name
    long = run_finger_client(vending_machine, "-l", "@localhost")
    assert SLOT3 in long
    assert "Login" not in long
    assert run_finger_client(vending_machine, "slot4@localhost").endswith("Stock:      sold out\n")
    assert run_finger_client(vending_machine, "slot9@localhost") == "slot9: no such user.\n"


def test_F114_the_same_machine_on_the_web(vending_machine: IsolatedGateway) -> None:
    slot3 = web(vending_machine, "/users/slot3")
    assert (slot3["name"], slot3["title"], slot3["status"]) == ("Green tea", "1.80 EUR", {"text": "11 left"})
    assert [each["login"] for each in web(vending_machine, "/users")["people"]] == [
        "slot1",
        "slot2",
        "slot3",
        "slot5",
        "slot6",
    ]
    for words in ("tea", "green", "slot3", "gre+te"):
        assert [each["login"] for each in web(vending_machine, f"/users?q={words}")["people"]] == ["slot3"], words
    assert web(vending_machine, "/users?q=kofola")["people"] == []


def test_F114_a_hundred_queries_change_nothing(vending_machine: IsolatedGateway) -> None:
    """ "Vending machines should not ever eat requests. Or money." """
    file = vending_machine.installation.folder / "machine.json"
    before = (file.read_bytes(), file.stat().st_mtime_ns, file.stat().st_ino)
    files = sorted(each.name for each in vending_machine.installation.folder.iterdir())
    script = (
        "for n in $(seq 50); do printf 'slot3\\r\\n' | nc -N localhost 79; printf '\\r\\n' | nc -N localhost 79; done"
    )
    output = vending_machine.run("sh", "-c", script).decode().replace("\r\n", "\n")
    assert output == (SLOT3 + LIST) * 50
    assert (file.read_bytes(), file.stat().st_mtime_ns, file.stat().st_ino) == before
    assert sorted(each.name for each in vending_machine.installation.folder.iterdir()) == files
    assert file.read_bytes() == (EXAMPLE / "machine.json").read_bytes()


def test_F114_a_sale_shows_in_the_answers(vending_machine: IsolatedGateway) -> None:
    tea, milk, cola = ({"item": item, "price": "1.80 EUR", "left": left} for item, left in SOLD)
    restock(vending_machine, slot3=tea, slot5=milk, slot6=None, slot8=cola)
    wait_until(lambda: "10 left" in run_finger_client(vending_machine, "slot3@localhost"), "the count")
    listed = wait_until(
        lambda: output if "slot8" in (output := run_finger_client(vending_machine, "@localhost")) else "",
        "the new slot",
    )
    assert re.findall(r"^slot\d", listed, re.MULTILINE) == ["slot1", "slot2", "slot3", "slot8"]
    assert run_finger_client(vending_machine, "cola@localhost") == run_finger_client(vending_machine, "slot8@localhost")
    assert run_finger_client(vending_machine, "slot6@localhost") == "slot6: no such user.\n"
    assert run_finger_client(vending_machine, "slot5@localhost").endswith("Stock:      sold out\n")
    out = vending_machine.installation.run("people", "list").out
    assert out == ""  # no user of the machine is kept here
    (vending_machine.installation.folder / "machine.json").write_text("{")
    wait_until(lambda: "unavailable" in run_finger_client(vending_machine, "slot9@localhost"), "the machine's end")
    assert "10 left" in run_finger_client(vending_machine, "slot3@localhost")
    assert "10 left" in run_finger_client(vending_machine, "@localhost")
