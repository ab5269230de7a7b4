"""Whatever the bot sends stays one line of the protocol."""

from pathlib import Path

import pytest

from tests.unit.irc.server import BotHarness


@pytest.mark.parametrize("sign", ["\r\n", "\n", "\r", "\0"], ids=["CRLF", "LF", "CR", "NUL"])
def test_I024_a_line_break_in_a_text_begins_no_command(tmp_path: Path, sign: str) -> None:
    """The last check before the connection works even if a text was not cleaned before."""
    harness = BotHarness(tmp_path)
    irc = harness.sign_on()
    harness.client.send_message("#tea", f"tea{sign}QUIT :bye")
    assert irc.transport.value() == b"PRIVMSG #tea :teaQUIT :bye\r\n"
