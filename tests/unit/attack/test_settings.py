"""Unusual wrong settings are reported like all others."""

from pathlib import Path

import pytest
from twisted.internet.testing import MemoryReactorClock

from gateway.application import Gateway
from gateway.cli.messages import initialised
from gateway.config.problems import BadSettings, CannotStart
from gateway.settings import load_settings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[limits]\nconnections = 1" + "0" * 5000, "a number has too many digits"),
        ('[store]\nurl = "sqlite:a\\u0000b"', "store.url: found 'sqlite:a\\x00b'"),
        ('[access_log]\nfile = "a\\u0000b"', "access_log.file: found 'a\\x00b'"),
        ('[access_log]\nfile = ""', "access_log.file: found ''"),
    ],
)
def test_values_that_system_calls_reject(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(f"[finger]\n{text}\n")
    with pytest.raises(BadSettings) as error:
        load_settings(file)
    assert len(error.value.problems) == 1
    assert message in str(error.value)


@pytest.mark.parametrize("server", ["tcp:irc.test:6667:bogus=1", "tls:irc.test:6697:bogus=1"])
def test_an_invalid_irc_server_is_reported_before_anything_starts(tmp_path: Path, server: str) -> None:
    (tmp_path / "gateway.toml").write_text(f'[[irc]]\nnetwork = "test"\nserver = "{server}"\n')
    settings = load_settings(tmp_path / "gateway.toml")
    with pytest.raises(CannotStart, match=r"gateway.toml: irc\[0\].server: found '"):
        Gateway(settings, tmp_path / "gateway.toml", MemoryReactorClock())


def test_the_suggested_command_quotes_the_folder() -> None:
    assert "\n  cd 'my people'\n" in initialised("my people")
