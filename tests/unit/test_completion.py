"""`finger-gateway completion`: the script of each shell, and what it is answered."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from gateway.cli import COMMANDS, cli

CHECKOUT = Path(__file__).parents[2]
SIGNS = {
    "bash": "complete -o nosort -F",
    "zsh": "#compdef finger-gateway",
    "fish": "complete --no-files --command finger-gateway",
}


def script(shell: str) -> str:
    ran = CliRunner().invoke(cli, ["completion", shell])
    assert ran.exit_code == 0
    return ran.stdout


def complete(*words: str) -> list[tuple[str, str]]:
    """Return the completions of the last word: kind and value."""
    *before, incomplete = words
    completer = ShellComplete(cli, {}, "finger-gateway", "_FINGER_GATEWAY_COMPLETE")
    return [(each.type, str(each.value)) for each in completer.get_completions(before, incomplete)]


@pytest.mark.parametrize("shell", SIGNS)
def test_the_script_is_that_of_the_shell(shell: str) -> None:
    text = script(shell)
    assert SIGNS[shell] in text
    assert f"_FINGER_GATEWAY_COMPLETE={shell}_complete" in text


def test_bash_accepts_the_script() -> None:
    subprocess.run(["bash", "-n"], input=script("bash"), text=True, check=True, capture_output=True)


def test_another_shell_is_refused() -> None:
    ran = CliRunner().invoke(cli, ["completion", "tcsh"])
    assert ran.exit_code == 2
    assert "'bash', 'zsh', 'fish'" in ran.stderr


def test_commands_options_choices_and_files_are_completed() -> None:
    assert [value for _, value in complete("")] == list(COMMANDS)
    assert complete("peo") == [("plain", "people")]
    assert complete("people", "ren") == [("plain", "rename")]
    assert complete("check", "--ex") == [("plain", "--explain")]
    assert complete("schema", "") == [("plain", "settings"), ("plain", "person")]
    assert complete("run", "-c", "gate") == [("file", "gate")]


@pytest.mark.parametrize("words", [("people", "show", ""), ("people", "set", "a"), ("check", "--explain", "a")])
def test_logins_are_not_completed(words: tuple[str, ...]) -> None:
    assert complete(*words) == []


def test_bash_completes_a_command(tmp_path: Path) -> None:
    command = tmp_path / "finger-gateway"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m gateway "$@"\n')
    command.chmod(0o755)
    lines = "COMP_WORDS=(finger-gateway people re) COMP_CWORD=2\n_finger_gateway_completion finger-gateway\n"
    ran = subprocess.run(
        ["bash", "-c", f'{script("bash")}\n{lines}printf "%s\\n" "${{COMPREPLY[@]}}"'],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split() == ["remove", "rename"]
