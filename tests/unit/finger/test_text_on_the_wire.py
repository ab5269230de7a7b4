"""Texts of people as bytes on the wire (F022 to F038).

Plans are given as bytes, decoded as `finger-gateway plan` does it, or as text.
"""

import re

import pytest

from gateway.finger.settings import FingerSettings
from gateway.text.decode import decode_text
from tests.unit.finger.conftest import Build
from tests.unit.finger.wire import ask

PLAN = b"Plan:\r\n"


def answer_about(
    build: Build, plan: bytes | str, name: str = "Tester", settings: FingerSettings | None = None
) -> bytes:
    """Return the whole answer about a person with *plan*."""
    text = plan if isinstance(plan, str) else decode_text(plan)
    built = build(people=[{"login": "tess", "name": name, "plan": text}])
    return ask(built, b"tess\r\n", settings=settings)


def plan_on_the_wire(build: Build, plan: bytes | str, settings: FingerSettings | None = None) -> bytes:
    """Check that the answer is lines of UTF-8 without control characters, and return its plan."""
    answer = answer_about(build, plan, settings=settings)
    answer.decode()
    assert not re.search(rb"[^\r]\n|\r[^\n]", answer)
    assert answer.endswith(b"\r\n")
    assert not re.search("[\0-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]", answer.decode())
    return answer.partition(PLAN)[2]


@pytest.mark.parametrize(
    ("items", "plan", "wire"),
    [
        ("F022 F023 F024", b"a\nb\r\nc\rd", b"a\r\nb\r\nc\r\nd\r\n"),
        ("F023", b"one\x0btwo\xe2\x80\xa8three\xc2\x85four\xe2\x80\xa9five", b"onetwo\r\nthree\r\nfour\r\nfive\r\n"),
        ("F037", b"frame 1\rframe 2\rframe 3", b"frame 1\r\nframe 2\r\nframe 3\r\n"),
        ("F024", b"no end", b"no end\r\n"),
        ("F025", b"caf\xc3\xa9 \xff\n", b"caf\xc3\x83\xc2\xa9 \xc3\xbf\r\n"),
        ("F026", b"caf\xe9\n", b"caf\xc3\xa9\r\n"),
        ("F026", b"\x93quoted\x94 \x80 5\x85\n", b"\xe2\x80\x9cquoted\xe2\x80\x9d \xe2\x82\xac 5\xe2\x80\xa6\r\n"),
        ("F026 F030", b"caf\xe9 \x9b31mred\n", b"caf\xc3\xa9 red\r\n"),
        ("F025 F026", b"\xc5\xbdofie\ncaf\xe9\n\xc5\xbdofie\n", b"\xc5\xbdofie\r\ncaf\xc3\xa9\r\n\xc5\xbdofie\r\n"),
        ("F029", b"\x1b[31mRED\x1b[0m \x1b]0;T\x07|", b"RED |\r\n"),
        ("F030", b"a\xc2\x9b31mb", b"ab\r\n"),
        ("F030", b"a\x9b31mb", b"ab\r\n"),
        ("F031", b"[\x07|\x7f|\x00]", b"[||]\r\n"),
        ("F031", b"a\x08a _\x08b c\x08_", b"a b c\r\n"),
        ("F032", b"a\tb", b"a\tb\r\n"),
        ("F033", "\ufeffx\u202eevil\u202c \u2066y\u2069 \u200bz", b"xevil y z\r\n"),
        ("F033", "שלום \u200fx", "שלום \u200fx\r\n".encode()),
        ("F035", b"   lead\n\n\n  art   \nend  \n", b"   lead\r\n\r\n\r\n  art   \r\nend  \r\n"),
    ],
)
def test_plan_bytes_on_the_wire(build: Build, items: str, plan: bytes | str, wire: bytes) -> None:
    assert plan_on_the_wire(build, plan) == wire


def test_F027_a_name_with_accents_is_intact(build: Build) -> None:
    assert "Name:       Žofie Černá\r\n".encode() in answer_about(build, "", name="Žofie Černá")


def test_F028_charset_ascii_transliterates(build: Build) -> None:
    settings = FingerSettings(charset="ascii")
    answer = answer_about(build, "Žofie Černá, 李四… ┌─┐ “ok” 👋 \ufffd\ufffd\tmoje café\n", "Žofie", settings)
    assert b"Name:       Zofie\r\n" in answer
    assert answer.partition(PLAN)[2] == b'Zofie Cerna, LiSi... +-+ "ok" :wave: \tmoje cafe\r\n'
    assert answer.isascii()


def test_F034_colours_pass_and_are_reset(build: Build) -> None:
    settings = FingerSettings(ansi="sgr")
    assert plan_on_the_wire(build, b"\x1b[31mRED\x1b[0m \x1b]0;T\x07|", settings) == b"\x1b[31mRED\x1b[0m |\r\n"
    assert (
        plan_on_the_wire(build, b"\x1b[1;38;5;0mopen\x1b[2J\x1b(0\nend\n", settings)
        == b"\x1b[1;38;5;0mopen\r\nend\x1b[0m\r\n"
    )
    assert plan_on_the_wire(build, b"\x9b31m8 bit\x1b[31", settings) == b"8 bit\r\n"
    assert plan_on_the_wire(build, b"\x1b[31mRED\n") == b"RED\r\n"


def test_F034_F028_colours_with_charset_ascii(build: Build) -> None:
    settings = FingerSettings(ansi="sgr", charset="ascii")
    assert plan_on_the_wire(build, "\x1b[32mŽofie", settings) == b"\x1b[32mZofie\x1b[0m\r\n"


@pytest.mark.parametrize("plan", [bytes(range(256)), bytes(range(256)) * 3, b"\xff" * 999, b"\x1b]0;" + b"\x80" * 99])
def test_F025_any_bytes_give_valid_output(build: Build, plan: bytes) -> None:
    for settings in (
        FingerSettings(),
        FingerSettings(ansi="sgr"),
        FingerSettings(charset="ascii"),
        FingerSettings(ansi="sgr", charset="ascii"),
    ):
        plan_on_the_wire(build, plan, settings)
