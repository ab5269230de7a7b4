"""The manual pages: current, complete, and roff that every formatter reads."""

import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from gateway.config.types import struct_in
from gateway.man.command_page import EXIT_STATUS
from gateway.man.pages import PAGES
from gateway.man.roff import ManPage, escape, escape_prose
from gateway.man.settings_page import read_comments, tables
from gateway.settings import SettingsFile

GOLDEN = Path(__file__).parents[1] / "golden" / "public_names.txt"
COMMANDS, SETTINGS = PAGES
BOTH = pytest.mark.parametrize("file", PAGES, ids=[file.name for file in PAGES])


def golden_section(title: str) -> list[str]:
    """Return the lines of a section of the public names."""
    return GOLDEN.read_text().split(f"# {title}\n")[1].split("\n\n")[0].splitlines()


def plain(page: str) -> str:
    """Return a page as it reads, with its macros."""
    page = re.sub(r"\\f[BR]|\\&", "", page)
    for sign, name in (("'", "aq"), ("`", "ga"), ("^", "ha"), ("~", "ti"), ('"', "dq")):
        page = page.replace(rf"\({name}", sign)
    page = re.sub(r"\\\[u([0-9A-F]{4})\]", lambda match: chr(int(match[1], 16)), page)
    return page.replace(r"\-", "-").replace(r"\e", "\\")


def sections(page: str, macro: str) -> dict[str, str]:
    """Return the parts of a page by the heading that *macro* makes."""
    parts = [part.partition("\n") for part in page.split(f"\n.{macro} ")[1:]]
    return {heading: body for heading, _, body in parts}


@BOTH
def test_the_page_is_current(file: Path) -> None:
    assert file.read_text(encoding="ascii") == PAGES[file](), "renew it with: python -m gateway.man"


@BOTH
def test_the_page_has_the_usual_sections_in_the_usual_order(file: Path) -> None:
    usual = [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "OPTIONS",
        "COMMANDS",
        "TABLES",
        "EXIT STATUS",
        "ENVIRONMENT",
        "EXAMPLE",
    ]
    usual += ["FILES", "SEE ALSO"]
    headings = list(sections(file.read_text(), "SH"))
    assert headings == [each for each in usual if each in headings]
    assert {"NAME", "DESCRIPTION", "FILES", "SEE ALSO"} <= set(headings)
    stem, section = file.stem, file.suffix[1:]
    page = plain(file.read_text())
    assert page.startswith(f'.TH {stem.upper()} {section} "" "finger-gateway ')
    assert sections(page, "SH")["NAME"].startswith(f"{stem} - ")


@BOTH
def test_the_page_uses_few_macros_and_each_has_its_text(file: Path) -> None:
    lines = file.read_text().splitlines()
    literal = False
    for line, following in zip(lines, [*lines[1:], ".SH"], strict=True):
        macro = line.split()[0] if line.startswith(".") else ""
        assert macro in {"", ".TH", ".SH", ".SS", ".PP", ".TP", ".EX", ".EE"}
        assert not line.startswith("'")
        assert line or literal, "an empty line outside an example"
        assert not re.sub(r"\\(?:[-e&]|f[BR]|\((?:aq|ga|ha|ti|dq)|\[u[0-9A-F]{4}\])", "", line).count("\\"), line
        if macro in {".PP", ".TP"}:
            assert following == ".EX" or not following.startswith(".")
        if macro in {".EX", ".EE"}:
            literal = macro == ".EX"
        elif literal:
            assert not macro and len(plain(line)) <= 78
        assert line.count(r"\fB") == line.count(r"\fR")
    assert not literal


@BOTH
def test_groff_formats_the_page_without_a_warning(file: Path) -> None:
    if shutil.which("groff") is None:
        pytest.skip("no groff")
    ran = subprocess.run(["groff", "-ww", "-man", "-Tutf8", str(file)], capture_output=True, text=True, check=True)
    assert ran.stderr == ""
    assert "finger-gateway 0." in ran.stdout


def test_every_command_and_option_is_in_the_page() -> None:
    page = plain(COMMANDS.read_text())
    parts = {"finger-gateway": sections(page, "SH")["OPTIONS"]}
    for usage, body in sections(page, "SS").items():
        parts[re.split(r" (?=[^a-z])", usage)[0]] = body
    found = 0
    for line in golden_section("Commands and options"):
        match = re.fullmatch(r"(finger-gateway(?: [a-z]+)*) (-.+)", line)
        if match is None or match[2] == "-h --help":
            assert line.split(" [")[0].startswith(("finger-gateway", "twist", "script"))
            continue
        option = match[2].split()[0]
        assert re.search(rf"^{option}\b|^-\w, {option}\b", parts[match[1]], re.MULTILINE), line
        found += 1
    assert found > 50
    assert ".EX\nExample:\n  finger-gateway init /srv/finger\n.EE" in parts["finger-gateway init"]


def test_every_setting_is_in_the_page_below_its_table() -> None:
    parts = sections(plain(SETTINGS.read_text()), "SS")
    assert list(parts) == [heading for heading, _ in tables(SettingsFile)]
    assert {"[site]", "[site.look]", "[sources.NAME]", "[protocols.NAME]", "[finger]", "[[irc]]"} <= set(parts)
    for heading, struct in tables(SettingsFile):
        for field in msgspec.structs.fields(struct) if struct else ():
            if struct_in(field.type) is None:
                assert re.search(rf"^{field.encode_name}$", parts[heading], re.MULTILINE), (heading, field.encode_name)


def test_a_setting_has_its_comment_type_default_and_example() -> None:
    parts = sections(plain(SETTINGS.read_text()), "SS")
    for heading, key, text in (
        ("[limits]", "queries_per_minute", "Per address. An integer of at least 1. Default: 60."),
        ("[limits]", "timeout", 'A duration, e.g. "10s", "5m" or "30d". Default: "10s".'),
        ("[finger]", "listing", "True or false, without quotes. Default: true."),
        (
            "[finger]",
            "forward_to",
            "default: none. Only to port 79 of public addresses; the other host sees this server's ",
        ),
        ("[finger]", "forward_to", ' Example: ["dir.example.org"].'),
        ("[access_log]", "addresses", '"full", "truncated", "hash" or "none". Default: "truncated".'),
        ("[privacy]", "limit", 'A table of fields, each "everyone", "members" or "nobody".'),
        ("[[irc]]", "nick", 'A nick of letters, digits and -_[]\\`^{|}, e.g. "fingerbot". Default: "fingerbot".'),
        ("[[irc]]", "network", "Required."),
    ):
        assert text in parts[heading].split(f".TP\n{key}\n")[1].split("\n.TP")[0]


def test_exit_codes_are_those_of_the_command() -> None:
    assert list(EXIT_STATUS) == sorted(
        {line.removeprefix("conform ") for line in golden_section("Exit codes")}, key=int
    )


def test_comments_of_a_template() -> None:
    comments = read_comments(
        '# Free text.\n\n[a]  # of a\nx = "#1"    # of x\n#          # more\n# y = 2\n# [sources.z]\n# w = 1\n'
    )
    assert {key: (each.text, each.example) for key, each in comments.items()} == {
        "a": ("of a", ""),
        "a.x": ("of x more", ""),
        "a.y": ("", "2"),
        "sources.NAME": ("", ""),
        "sources.NAME.w": ("", "1"),
    }


def test_roff_shows_each_character_as_it_is() -> None:
    assert escape(".plan") == r"\&.plan"
    assert escape("a\\b -c '`^~\" Ž") == r"a\eb \-c \(aq\(ga\(ha\(ti\(dq \[u017D]"
    assert escape_prose("*hosts* of\n`-c`, 2*3*4, a`b`") == r"\fBhosts\fR of \fB\-c\fR, 2*3*4, a\(gab\(ga"


def test_a_page_is_written_from_top_to_bottom() -> None:
    page = ManPage("x", 1, "a thing")
    page.add_section("A")
    page.add_paragraph("One.")
    page.add_paragraph("Two.")
    page.add_item("-z", "")
    page.add_subsection("b")
    page.add_literal(["  .c"])
    lines = page.render().splitlines()
    assert lines[1:] == [
        ".SH NAME", r"x \- a thing", ".SH A", "One.", ".PP", "Two.", ".TP", r"\fB\-z\fR", ".SS b", ".EX", "  .c", ".EE",
    ]  # fmt: skip
