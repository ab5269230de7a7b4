"""finger-gateway ask: how it parses addresses, and what of an answer it prints on the terminal."""

import pytest

from gateway.cli.finger_address import BadAddress, FingerTarget, parse_target
from gateway.cli.terminal import SafeTerminal

EVIL = b"Login: alice\x1b[2J\x07\r\n\x1b]0;owned\x1b\\caf\xc3\xa9\t\xe2\x82\xac\r\nna\xefve \x9b31mred\x7f\x00\r\n"


@pytest.mark.parametrize(
    ("typed", "host", "port", "line"),
    [
        ("alice", "localhost", 79, "alice"),
        ("alice@h.test", "h.test", 79, "alice"),
        ("alice@h.test:1079", "h.test", 1079, "alice"),
        ("@h.test", "h.test", 79, ""),
        ("@", "localhost", 79, ""),
        ("alice@a.test@b.test:1079", "b.test", 1079, "alice@a.test"),
        ("Alice Adams@h.test", "h.test", 79, "Alice Adams"),
        ("alice@[::1]", "::1", 79, "alice"),
        ("alice@[::1]:1079", "::1", 1079, "alice"),
        ("alice@2001:db8::1", "2001:db8::1", 79, "alice"),
        ("100%25@h.test", "h.test", 79, "100%25"),
        ("-l@h.test", "h.test", 79, "-l"),
        ("finger://h.test/alice", "h.test", 79, "alice"),
        ("FINGER://h.test/alice", "h.test", 79, "alice"),
        ("finger://alice@h.test", "h.test", 79, "alice"),
        ("finger://alice@h.test/", "h.test", 79, "alice"),
        ("finger://h.test", "h.test", 79, ""),
        ("finger://h.test/", "h.test", 79, ""),
        ("finger://h.test:1079/alice/", "h.test", 1079, "alice"),
        ("finger://alice@h.test:1079", "h.test", 1079, "alice"),
        ("finger://[::1]:1079/alice", "::1", 1079, "alice"),
        ("finger://alice@[::1]", "::1", 79, "alice"),
        ("finger://h.test/Alice%20Adams", "h.test", 79, "Alice Adams"),
        ("finger://h.test/%C5%BEofie", "h.test", 79, "žofie"),
        ("finger://h.test/žofie", "h.test", 79, "žofie"),
        ("finger://h.test/alice/w", "h.test", 79, "/W alice"),
        ("finger://h.test/alice/W", "h.test", 79, "/W alice"),
        ("finger://h.test//w", "h.test", 79, "/W"),
        ("finger://h.test/w", "h.test", 79, "w"),
        ("finger://alice@h.test/w", None, 0, "two names"),
        ("finger://h.test/%2FW%20alice", "h.test", 79, "/W alice"),
        ("finger://h.test/alice@a.test", "h.test", 79, "alice@a.test"),
        ("finger://alice@a.test@h.test", "h.test", 79, "alice@a.test"),
        ("finger://h.test/what?", "h.test", 79, "what"),
        ("finger://bob@h.test/alice", None, 0, "two names"),
        ("finger://h.test/alice%0D%0Abob", None, 0, "several lines"),
        ("finger://h.test/alice%1B", None, 0, "a control character"),
        ("finger://h.test/alice bob", None, 0, "a space"),
        ("finger://h.test/%ff", None, 0, "not UTF-8"),
        ("finger://[::1/alice", None, 0, "is not an address"),
        ("alice\nbob@h.test", None, 0, "several lines"),
        ("alice\x1b[2J@h.test", None, 0, "a control character"),
        ("alice\x9b@h.test", None, 0, "a control character"),
        ("alice@h.test:0", None, 0, "must be a number from 1 to 65535"),
        ("alice@h.test:65536", None, 0, "found port '65536'"),
        ("alice@h.test:" + "9" * 5000, None, 0, "found port '9"),
        ("alice@h.\x1b[2Jtest", None, 0, "invisible character"),
        ("finger://h.\u202etest/alice", None, 0, "invisible character"),
        ("alice@[::1%\x9b]", None, 0, "invisible character"),
        ("alice@[::1]:x", None, 0, "found port 'x'"),
        ("finger://h.test:finger/alice", None, 0, "found port 'finger'"),
    ],
)
def test_F121_parse_target(typed: str, host: str | None, port: int, line: str) -> None:
    if host is None:
        with pytest.raises(BadAddress, match=line):
            parse_target(typed, False)
    else:
        assert parse_target(typed, False) == FingerTarget(host, port, line)
        verbose = line if line.startswith("/W") else f"/W {line}".rstrip()
        assert parse_target(typed, True) == FingerTarget(host, port, verbose)


def print_answer(encoding: str, control: bool = False, eight_bit: bool = False, chunk_size: int = 7) -> bytes:
    written: list[bytes] = []
    terminal = SafeTerminal(written.append, control, eight_bit, encoding)
    for begin in range(0, len(EVIL), chunk_size):
        terminal.feed(EVIL[begin : begin + chunk_size])
    terminal.end()
    return b"".join(written)


@pytest.mark.parametrize("chunk_size", [1, 7, 1000])
def test_F121_F122_control_characters_are_removed_by_default(chunk_size: int) -> None:
    assert print_answer("UTF-8", chunk_size=chunk_size) == "Login: alice\ncafé\t€\nnaïve red\n".encode()
    ascii_ = print_answer("ANSI_X3.4-1968", chunk_size=chunk_size)
    assert ascii_.startswith(b"Login: alice\ncafe\t") and ascii_.endswith(b"\nnaive red\n")
    assert all(byte in (9, 10) or 32 <= byte <= 126 for byte in ascii_)
    assert "naïve red\n".encode("latin-1") in print_answer("ISO-8859-1", chunk_size=chunk_size)


@pytest.mark.parametrize("chunk_size", [1, 7, 1000])
def test_F121_options_for_control_characters_and_8_bit_bytes(chunk_size: int) -> None:
    low = print_answer("UTF-8", control=True, chunk_size=chunk_size)
    assert low == b"Login: alice\x1b[2J\x07\n\x1b]0;owned\x1b\\" + "café\t€\nnaïve red\x00\n".encode()
    high = print_answer("ANSI_X3.4-1968", eight_bit=True, chunk_size=chunk_size)
    assert high == b"Login: alice\ncaf\xc3\xa9\t\xe2\x82\xac\nna\xefve \x9b31mred\x7f\n"
    assert print_answer("UTF-8", control=True, eight_bit=True, chunk_size=chunk_size) == EVIL
