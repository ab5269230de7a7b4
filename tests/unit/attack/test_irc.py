"""Attempts to make the bot send lines of somebody's choice."""

from pathlib import Path
from typing import Any

import pytest

from gateway.irc.command_handler import CommandHandler
from gateway.irc.command_registry import BotRequest
from gateway.irc.lines import max_text_bytes
from tests.unit.fixtures import make_dependencies, result_of

FULL = "a" + "\u0301" * 85  # one cell, and 171 bytes


@pytest.mark.parametrize(
    ("people", "text"),
    [
        ([{"login": "eve", "status": {"text": f"{FULL} {FULL} !op eve"}}], "eve"),
        ([{"login": f"eve{n}", "name": f"{FULL} !op eve"} for n in range(4)], "eve"),
    ],
)
def test_no_line_in_a_channel_starts_with_text_of_a_person(tmp_path: Path, people: Any, text: str) -> None:
    """I024: texts with few cells and many bytes are split, and each continuation is marked."""
    built = make_dependencies(tmp_path, people=people)
    max_bytes = max_text_bytes("fingerbot", "#a-channel-of-some-length")
    request = BotRequest("client", "client@host.test", "#tea", text, "fingerbot", max_bytes)
    reply = result_of(CommandHandler("test", "!", built.deps).answer(request))
    assert any("!op" in line for line in reply.lines)
    for line in reply.lines:
        assert line.startswith(("client: ", "… ", "https://dir.test/")), reply
        assert len(line.encode()) <= max_bytes
    built.stop()
