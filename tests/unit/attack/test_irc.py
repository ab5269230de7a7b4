"""What people write to make the bot say something else."""

from pathlib import Path
from typing import Any

import pytest

from gateway.irc.command_handler import CommandHandler
from gateway.irc.command_registry import BotRequest
from gateway.irc.lines import max_text_bytes
from tests.unit.fixtures import make_dependencies, now

FULL = "a" + "\u0301" * 85  # one cell, and 171 bytes


@pytest.mark.parametrize(
    ("people", "asked"),
    [
        ([{"login": "eve", "status": {"text": f"{FULL} {FULL} !op eve"}}], "eve"),
        ([{"login": f"eve{n}", "name": f"{FULL} !op eve"} for n in range(4)], "eve"),
    ],
)
def test_no_line_in_a_channel_begins_with_what_a_person_wrote(tmp_path: Path, people: Any, asked: str) -> None:
    """I024: texts that are narrow but long are split, and what is left of them is marked as such."""
    built = make_dependencies(tmp_path, people=people)
    space = max_text_bytes("fingerbot", "#a-channel-of-some-length")
    question = BotRequest("asker", "asker@host.test", "#tea", asked, "fingerbot", space)
    reply = now(CommandHandler("test", "!", built.deps).answer(question))
    assert any("!op" in line for line in reply.lines)
    for line in reply.lines:
        assert line.startswith(("asker: ", "… ", "https://dir.test/")), reply
        assert len(line.encode()) <= space
    built.stop()
