"""The command line without a reactor: help, errors in settings, invalid field values.

tests/peers/test_command.py covers what the commands do with people and ports."""

import json
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gateway.cli import cli, main
from gateway.cli.common import CommandFailed, utf8
from gateway.cli.people import parse_edit
from gateway.config.problems import CannotStart
from gateway.demo.run import _port_of
from gateway.directory.interfaces import Modify
from gateway.directory.person import Link, Status, Visibility
from gateway.store import database

SUBCOMMANDS = (
    "", "ask", "backup", "check", "completion", "conform", "demo", "init", "people", "people add", "people export",
    "people import", "people list", "people remove", "people rename", "people set", "people show", "plan", "reload",
    "restore", "run", "schema",
)  # fmt: skip


def commands(group: click.Group, parents: str = "") -> list[str]:
    """Return all commands as users type them."""
    names, context = [], click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        names.append(f"{parents}{name}")
        if isinstance(command, click.Group):
            names += commands(command, f"{parents}{name} ")
    return names


def test_list_of_commands_is_complete() -> None:
    assert sorted(["", *commands(cli)]) == sorted(SUBCOMMANDS)


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_help_fits_a_screen_and_shows_an_example(subcommand: str) -> None:
    ran = CliRunner().invoke(cli, [*subcommand.split(), "--help"], prog_name="finger-gateway", terminal_width=80)
    assert ran.exit_code == 0
    lines = ran.output.splitlines()
    assert len(lines) <= {"people add": 40, "": 32, "conform": 32}.get(subcommand, 24)
    assert max(map(len, lines)) <= 80
    assert "  Example:" in lines
    assert re.search(rf"^    finger-gateway {subcommand}", ran.output, re.MULTILINE)


@pytest.mark.parametrize("subcommand", SUBCOMMANDS[1:])
def test_each_command_has_one_line_in_the_overview(subcommand: str) -> None:
    *parents, name = subcommand.split()
    ran = CliRunner().invoke(cli, [*parents, "--help"], terminal_width=80)
    (line,) = (line for line in ran.output.splitlines() if re.match(rf"  {name}  ", line))
    assert "..." not in line, "the first sentence of its help is too long"


BAD_SETTINGS = {
    "nothing": (None, ["{file}: cannot be read: No such file or directory"]),
    "not-toml": ("[finger\n", ["{file}: TOML syntax error at line 1, column 8: expected ']'"]),
    "not-utf8": (b'[site]\nname = "\xff"\n', ["{file}: found a byte in line 2 that is not UTF-8 (0xFF); must be"]),
    "several": (
        '[finger]\nlisteen = ["tcp:1079"]\n[limits]\nconnections = 0\ntimeout = "soon"\n[privacy]\npreset = "opne"\n'
        '[privacy.default]\nemail = "friends"\n[[irc]]\nnetwork = "a"\nserver = "irc.test"\n',
        [
            "{file}: finger.listeen: unknown key; did you mean listen? (known: listen, listing, empty_query, "
            "list_columns, ambiguous, max_names, forward_to, max_hops, ansi, charset, max_plan_bytes, "
            "trusted_proxies)",
            "{file}: limits.connections: found 0; must be an integer of at least 1, e.g. 1000",
            "{file}: limits.timeout: found 'soon'; must be a duration, e.g. \"10s\", \"5m\" or \"30d\"",
            "{file}: privacy.preset: found 'opne'; must be \"open\", \"A\", \"B\" or \"C\" (did you mean \"open\"?)",
            "{file}: privacy.default.email: found 'friends'; must be \"everyone\", \"members\" or \"nobody\"",
            "{file}: irc[0].server: found 'irc.test'; must be an IRC server, e.g. ",
        ],
    ),
    "forwarding": (
        '[finger]\nforward_to = ["*", "b.test:79", "b.test"]\n',
        [
            f"{{file}}: finger.forward_to[{number}]: found {found}; must be a host name without a port"
            for number, found in enumerate(("'*'", "'b.test:79'"))
        ],
    ),
    "impossible": (
        '[finger]\n[site]\nurl = "dir.test/"\nmembers = ["192.0.2.1/24"]\nhosts = ["a b"]\ntemplates = "none"\n'
        'administrators = ["a b"]\n[store]\nurl = "mysql:x"\n[privacy.limit]\nemial = "members"\n',
        [
            "{file}: site.hosts[0]: found 'a b'; must be a host name",
            "{file}: site.url: found 'dir.test/'; must be an http:// or https:// address without",
            "{file}: site.members[0]: found '192.0.2.1/24'; must be a network, e.g. \"192.0.2.0/24\"",
            "{file}: site.administrators[0]: found 'a b'; must be a name of letters, digits",
            "{file}: site.templates: found 'none'; must be an existing folder",
            "{file}: privacy.limit.emial: unknown field; did you mean email? (known: ",
            "{file}: store.url: found 'mysql:x'; must be \"sqlite:\" and the path of a file",
        ],
    ),
    "twice": (
        '[[irc]]\nnetwork = "a"\nserver = "tcp:a:1"\n[[irc]]\nnetwork = "a"\nserver = "tcp:b:1"\n',
        ["{file}: irc[1].network: found 'a', as in irc[0]; must be a name that no other"],
    ),
    "nothing-to-run": ("", ["{file}: nothing to run; add at least one of the tables [finger], [web] and [[irc]]"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_all_errors_in_the_settings_are_reported_with_exit_code_2(
    tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written, expected = BAD_SETTINGS[case]
    file = tmp_path / "gateway.toml"
    if written is not None:
        file.write_bytes(written if isinstance(written, bytes) else written.encode())
    monkeypatch.setattr("sys.argv", ["finger-gateway", "-c", str(file), "check"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    captured = capsys.readouterr()
    for line, start in zip(captured.err.splitlines(), expected, strict=True):
        assert line.startswith(start.format(file=file))
    assert captured.out == ""
    assert [each.name for each in tmp_path.iterdir()] == ([] if written is None else ["gateway.toml"])


BROKEN_FILES = {
    '[{"login": "eve"}, {"login": "Eve"}]': ("{file}: person 2 (Eve): login: 'eve' is also a name of person 1 (eve)"),
    '[{"login": "eve"}, 7]': "{file}: person 2: found int; must be a person document",
    '[{"login": "eve", "name": 7}]': "{file}: person 1 (eve): name: found 7; must be a string",
    "[{": "{file}: line 1: not valid JSON (",
}


@pytest.mark.parametrize("written", BROKEN_FILES)
def test_errors_in_a_people_file_name_the_person_and_the_field(
    tmp_path: Path, written: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "people.json"
    file.write_text(written)
    monkeypatch.setattr("sys.argv", ["finger-gateway", "people", "import", str(file)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(BROKEN_FILES[written].format(file=file))


@pytest.mark.parametrize("endpoint", ["1079", "unix:socket", "tcp:0", "tcp:65536", "tcp:x", "ssl:443", ""])
def test_invalid_endpoints_for_the_demo(endpoint: str) -> None:
    with pytest.raises(CannotStart, match=r"write .tcp:PORT"):
        _port_of(endpoint)
    assert _port_of("tcp:1079:interface=127.0.0.1") == _port_of("tcp:port=1079") == 1079


INVALID_VALUES = {
    ("nmae", "x"): "nmae: unknown field; did you mean name? (known: name, aliases, pronouns, ",
    ("listed", "perhaps"): "listed: found 'perhaps'; must be yes or no",
    ("hidden", ""): "hidden: found ''; must be yes or no",
    ("visibility.plan", "friends"): "visibility.plan: found 'friends'; must be everyone, members or nobody",
    (
        "links",
        "https://x.example",
    ): "links: found 'https://x.example' (JSON is malformed: invalid character (byte 0)); ",
    ("links", '[{"adress": 1}]'): "links[0].adress: unknown key; known: url, label, me",
    ("status", '{"text": "x", "until": "soon"}'): "status.until: found 'soon'; must be a time with a time zone",
    ("keys", "7"): "keys: found 7; must be a list of objects",
}


@pytest.mark.parametrize(("field", "value"), INVALID_VALUES)
def test_invalid_values_are_reported_with_the_field(field: str, value: str) -> None:
    with pytest.raises(CommandFailed) as failed:
        parse_edit("alice", field, value)
    assert str(failed.value).startswith(INVALID_VALUES[field, value])
    assert failed.value.code == 2


def test_values_are_parsed_by_the_type_of_the_field() -> None:
    for field, value, expected in (
        ("name", "Alice", "Alice"),
        ("plan", "a\nb", "a\nb"),
        ("aliases", "ally, al  a", ("ally", "al", "a")),
        ("aliases", "", ()),
        ("status", "", None),
        ("status", '{"text": "in"}', Status(text="in")),
        ("links", '[{"url": "https://a.example"}]', (Link(url="https://a.example"),)),
    ):
        assert parse_edit("alice", field, value) == Modify("alice", {field: expected}), field
    assert parse_edit("alice", "listed", "no") == Modify("alice", listed=False)
    assert parse_edit("alice", "hidden", "Yes") == Modify("alice", visibility={"name": Visibility.NOBODY})
    assert parse_edit("alice", "hidden", "off") == Modify("alice", visibility={"name": None})
    assert parse_edit("alice", "visibility.plan", "members") == Modify("alice", visibility={"plan": Visibility.MEMBERS})
    assert parse_edit("alice", "visibility.plan", "") == Modify("alice", visibility={"plan": None})


def test_command_line_text_must_be_UTF_8() -> None:
    assert utf8("Žofie") == "Žofie"
    with pytest.raises(click.BadParameter, match="is not UTF-8 text"):
        utf8("\udcff")


def test_schemas_are_JSON_Schema() -> None:
    settings, person = (
        json.loads(CliRunner().invoke(cli, ["schema", what]).output) for what in ("settings", "person")
    )  # fmt: skip
    for schema in (settings, person):
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert schema["$ref"].removeprefix("#/$defs/") in schema["$defs"]
        for reference in re.findall(r'"#/\$defs/(\w+)"', json.dumps(schema)):
            assert reference in schema["$defs"]
    tables = settings["$defs"]["SettingsFile"]["properties"]
    assert set(tables) == {
        "site",
        "privacy",
        "store",
        "sources",
        "protocols",
        "finger",
        "web",
        "irc",
        "limits",
        "access_log",
        "metrics",
        "control",
    }
    assert (
        settings["$defs"]["LimitSettings"]["properties"]["timeout"]["pattern"] == r"^[0-9]+(\.[0-9]+)?\s*(ms|s|m|h|d)$"
    )
    described = person["$defs"]["PersonDocument"]
    assert described["required"] == ["login"] and described["additionalProperties"] is False


def test_check_renders_own_templates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own" / "finger"
    own.mkdir(parents=True)
    (tmp_path / "gateway.toml").write_text('[site]\ntemplates = "own"\n[finger]\n')
    database.create(tmp_path / "people.db")
    (own / "person.txt").write_text("Hello\n{{ person.nam }}\n")
    (own / "persn.txt").write_text("")
    monkeypatch.setattr("sys.argv", ["finger-gateway", "-c", str(tmp_path / "gateway.toml"), "check"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "warning: site.templates: finger/persn.txt is never used: no built-in template has that name, and none includes it; "
        "did you mean finger/person.txt?\n"
        f"{own}/person.txt: line 2: a Profile has no attribute 'nam'\n"
    )
