"""gateway.toml: the message about each kind of mistake names file, key, the value found and the value expected."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.config import locate
from gateway.config.problems import BadSettings, Problem
from gateway.config.types import Duration
from gateway.settings import Settings, database_file, load_settings

# A file with most of the keys.
EXAMPLE = """
[site]
name = "The Tea Club"
hosts = ["dir.test", "club.test"]        # our host names; the first is the main one
url = "https://dir.test"                 # the public address of the web site
members = ["192.0.2.0/24"]
administrators = ["alice"]
templates = "own"

[privacy]
preset = "open"
[privacy.default]
email = "members"
[privacy.limit]
home_phone = "nobody"

[store]
url = "sqlite:people.db"

[sources.vending]
class = "my_sources:VendingMachine"
cache_ttl = "0.5s"

[finger]
listen = ["tcp:79"]
listing = true
empty_query = "online"

[web]
listen = ["tcp:8080:interface=127.0.0.1"]

[[irc]]
network = "libera"
server = "tls:irc.libera.chat:6697"
nick = "fingerbot"
channels = ["#club", "#tea key"]
prefix = "!"
alternate_nicks = ["fingerbot_"]
burst = 5
line_interval = "2s"

[limits]
connections = 1000
connections_per_address = 20
queries_per_minute = 60
timeout = "10s"
[access_log]
file = "-"
addresses = "truncated"
[control]
socket = "control.sock"
"""


def load(folder: Path, text: str) -> Settings:
    file = folder / "gateway.toml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file)


def load_errors(folder: Path, text: str) -> list[Problem]:
    with pytest.raises(BadSettings) as bad:
        load(folder, text)
    for problem in bad.value.problems:
        assert problem.file == str(folder / "gateway.toml")
        assert problem.allowed
        assert "\n" not in str(problem)
    assert str(bad.value) == "\n".join(str(problem) for problem in bad.value.problems)
    return bad.value.problems


def test_example_with_most_keys(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    settings = load(tmp_path, EXAMPLE)
    assert (settings.site.name, settings.site.hosts) == ("The Tea Club", ["dir.test", "club.test"])
    assert (settings.site.members, settings.site.administrators) == (["192.0.2.0/24"], ["alice"])
    assert settings.privacy.preset == "open"
    assert (settings.privacy.default, settings.privacy.limit) == ({"email": "members"}, {"home_phone": "nobody"})
    assert database_file(settings, tmp_path) == tmp_path / "people.db"
    assert settings.sources["vending"].class_ == "my_sources:VendingMachine"
    assert settings.sources["vending"].cache_ttl == timedelta(seconds=0.5)
    finger = settings.protocol("finger")
    assert (finger.listen, finger.listing, finger.empty_query) == (["tcp:79"], True, "online")
    assert settings.protocol("web").listen == ["tcp:8080:interface=127.0.0.1"]
    (network,) = settings.protocol("irc")
    assert (network.network, network.channels, network.line_interval) == (
        "libera",
        ["#club", "#tea key"],
        timedelta(seconds=2),
    )
    assert settings.limits.timeout == timedelta(seconds=10)
    assert (settings.access_log.file, settings.access_log.addresses) == ("-", "truncated")


def test_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path, "[finger]\n")
    finger = settings.protocol("finger")
    assert (finger.listen, finger.listing, finger.empty_query) == (["tcp:79"], True, "online")
    assert (settings.protocol("web"), settings.protocol("irc"), settings.sources) == (None, [], {})
    assert (settings.privacy.preset, settings.store.url) == ("open", "sqlite:people.db")
    limits = settings.limits
    assert (limits.connections, limits.connections_per_address, limits.queries_per_minute) == (1000, 20, 60)
    assert (limits.timeout, settings.access_log.addresses) == (timedelta(seconds=10), "truncated")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # unknown keys, with the most similar known one
        ('[finger]\n[limit]\n', 'limit: unknown key; did you mean limits? (known: '),
        ('[finger]\nlisten_on = []', 'finger.listen_on: unknown key; did you mean listen? (known: '),
        ('[finger]\n[site]\nhost = []', 'site.host: unknown key; did you mean hosts? (known: '),
        ('[finger]\n[limits]\nxyzzy = 1', 'limits.xyzzy: unknown key; known: '),
        ('xyzzy = 1\n[finger]', 'xyzzy: unknown key; known: '),
        (
            '[finger]\n[privacy.limit]\nhome_phnoe = "nobody"',
            'privacy.limit.home_phnoe: unknown field; did you mean home_phone? (known: ',
        ),
        ('[finger]\n[privacy.default]\nxyzzy = "nobody"', 'privacy.default.xyzzy: unknown field; known: '),
        ('[[irc]]\nnetwork = "a"\nserver = "tcp:a:1"\nnik = "b"', 'irc[0].nik: unknown key; did you mean nick? (known: '),
        (
            "[finger]\n[sources.x]\nclass = 'a:B'\ncach = '1s'",
            'sources.x.cach: unknown key; did you mean cache_ttl? (known: ',
        ),
        # wrong types
        ('[finger]\nlisten = "tcp:79"', 'finger.listen: found \'tcp:79\'; must be a list of strings, e.g. ["tcp:79"]'),
        ('[finger]\nlisten = [79]', 'finger.listen[0]: found 79; must be a string, e.g. "tcp:79"'),
        ('[finger]\nlisting = "yes"', "finger.listing: found 'yes'; must be true or false, without quotes"),
        ('finger = 5', 'finger: found 5; must be a table, written [finger]'),
        ('[[finger]]', 'finger: found a list of tables; must be a table, written [finger]'),
        (
            "[finger]\n[limits]\nconnections = '5'",
            "limits.connections: found '5'; must be an integer of at least 1, e.g. 1000",
        ),
        (
            '[finger]\n[limits]\nconnections = 1.5',
            'limits.connections: found 1.5; must be an integer of at least 1, e.g. 1000',
        ),
        (
            '[finger]\n[limits]\nconnections = true',
            'limits.connections: found true; must be an integer of at least 1, e.g. 1000',
        ),
        ('[finger]\n[site]\nname = 5', 'site.name: found 5; must be a string, e.g. "Our people"'),
        ('[finger]\n[site]\nname = 2026-01-01', 'site.name: found 2026-01-01; must be a string, e.g. "Our people"'),
        ('[finger]\n[privacy]\nlimit = 5', 'privacy.limit: found 5; must be a table, written [privacy.limit]'),
        ('[finger]\n[sources]\nx = 5', 'sources.x: found 5; must be a table, written [sources.x]'),
        ("[irc]\nnetwork = 'a'", 'irc: found a table; must be a list of tables, each written [[irc]]'),
        # impossible values
        ('[finger]\n[limits]\nconnections = 0', 'limits.connections: found 0; must be an integer of at least 1, e.g. 1000'),
        (
            '[finger]\n[limits]\nqueries_per_minute = -1',
            'limits.queries_per_minute: found -1; must be an integer of at least 1, e.g. 60',
        ),
        ("[finger]\n[limits]\ntimeout = '10'", 'limits.timeout: found \'10\'; must be a duration, e.g. "10s", "5m" or "30d"'),
        ('[finger]\n[limits]\ntimeout = 10', 'limits.timeout: found 10; must be a duration, e.g. "10s", "5m" or "30d"'),
        ("[finger]\n[limits]\ntimeout = '0s'", 'limits.timeout: found \'0s\'; must be a duration, e.g. "10s", "5m" or "30d"'),
        (
            "[finger]\n[limits]\ntimeout = '-1s'",
            'limits.timeout: found \'-1s\'; must be a duration, e.g. "10s", "5m" or "30d"',
        ),
        (
            "[finger]\n[limits]\ntimeout = '99999999999999d'",
            'limits.timeout: found \'99999999999999d\'; must be a duration, e.g. "10s", "5m" or "30d"',
        ),
        (
            "[finger]\n[sources.x]\nclass='a:B'\ncache_ttl = 'soon'",
            'sources.x.cache_ttl: found \'soon\'; must be a duration, e.g. "10s", "5m" or "30d"',
        ),
        (
            "[finger]\n[privacy]\npreset = 'opne'",
            'privacy.preset: found \'opne\'; must be "open", "A", "B" or "C" (did you mean "open"?)',
        ),
        (
            "[finger]\n[privacy.limit]\nemail = 'member'",
            'privacy.limit.email: found \'member\'; must be "everyone", "members" or "nobody" (did you mean "members"?)',
        ),
        ("[finger]\nempty_query = 'all'", 'finger.empty_query: found \'all\'; must be "online" or "people"'),
        (
            "[finger]\n[access_log]\naddresses = 'xyz'",
            'access_log.addresses: found \'xyz\'; must be "full", "truncated", "hash" or "none"',
        ),
        (
            '[finger]\n[site]\nhosts = []',
            'site.hosts: found []; must be a non-empty list of strings, e.g. ["localhost"]',
        ),
        (
            "[finger]\n[site]\nhosts = ['a', 'b c']",
            'site.hosts[1]: found \'b c\'; must be a host name without port or path, e.g. "dir.test"',
        ),
        (
            "[finger]\n[site]\nhosts = ['']",
            'site.hosts[0]: found \'\'; must be a host name without port or path, e.g. "dir.test"',
        ),
        (
            "[finger]\n[site]\nhosts = ['a:79']",
            'site.hosts[0]: found \'a:79\'; must be a host name without port or path, e.g. "dir.test"',
        ),
        (
            "[finger]\n[site]\nurl = 'dir.test'",
            'site.url: found \'dir.test\'; must be an http:// or https:// address without "/" at the end, e.g. "https://dir.test"',
        ),
        (
            "[finger]\n[site]\nurl = 'https://dir.test/'",
            'site.url: found \'https://dir.test/\'; must be an http:// or https:// address without "/" at the end, e.g. "https://dir.test"',
        ),
        (
            "[finger]\n[site]\nurl = 'ftp://dir.test'",
            'site.url: found \'ftp://dir.test\'; must be an http:// or https:// address without "/" at the end, e.g. "https://dir.test"',
        ),
        (
            "[finger]\n[site]\nurl = 'https://dir.test?x'",
            'site.url: found \'https://dir.test?x\'; must be an http:// or https:// address without "/" at the end, e.g. "https://dir.test"',
        ),
        (
            "[finger]\n[site]\nurl = 'http://['",
            'site.url: found \'http://[\'; must be an http:// or https:// address without "/" at the end, e.g. "https://dir.test"',
        ),
        (
            "[finger]\n[site]\nurl = 'http://[::g]'",
            'site.url: found \'http://[::g]\'; must be an http:// or https:// address without "/" at the end, e.g. "https://dir.test"',
        ),
        (
            "[finger]\n[site]\nurl = 'http://a:port'",
            'site.url: found \'http://a:port\'; must be an http:// or https:// address without "/" at the end, e.g. "https://dir.test"',
        ),
        (
            "[finger]\n[site]\nmembers = ['192.0.2.1/24']",
            'site.members[0]: found \'192.0.2.1/24\'; must be a network, e.g. "192.0.2.0/24"',
        ),
        (
            "[finger]\n[site]\nmembers = ['here']",
            'site.members[0]: found \'here\'; must be a network, e.g. "192.0.2.0/24"',
        ),
        (
            "[finger]\n[site]\nadministrators = ['a b']",
            'site.administrators[0]: found \'a b\'; must be a name of letters, digits, - . _ without spaces, e.g. "alice"',
        ),
        (
            "[finger]\n[site]\ntemplates = 'nowhere'",
            "site.templates: found 'nowhere'; must be an existing folder, relative to gateway.toml",
        ),
        (
            "[finger]\n[site]\ntemplates = 'gateway.toml'",
            "site.templates: found 'gateway.toml'; must be an existing folder, relative to gateway.toml",
        ),
        (
            "[finger]\n[store]\nurl = 'people.db'",
            'store.url: found \'people.db\'; must be "sqlite:" and the path of a file, e.g. "sqlite:people.db"',
        ),
        (
            "[finger]\n[store]\nurl = 'sqlite:'",
            'store.url: found \'sqlite:\'; must be "sqlite:" and the path of a file, e.g. "sqlite:people.db"',
        ),
        (
            "[finger]\n[store]\nurl = 'postgresql://x'",
            'store.url: found \'postgresql://x\'; must be "sqlite:" and the path of a file, e.g. "sqlite:people.db"',
        ),
        (
            "[[irc]]\nnetwork = 'a'\nserver = 'tcp:a:1'\n[[irc]]\nnetwork = 'a'\nserver = 'tcp:b:1'",
            "irc[1].network: found 'a', as in irc[0]; must be a name that no other [[irc]] table has",
        ),
        (
            "[[irc]]\nnetwork = 'a b'\nserver = 'tcp:a:1'",
            'irc[0].network: found \'a b\'; must be a name of letters, digits, . _ and -, e.g. "libera"',
        ),
        (
            "[[irc]]\nnetwork = 'a'\nserver = 'irc.a.example'",
            'irc[0].server: found \'irc.a.example\'; must be an IRC server, e.g. "tls:irc.libera.chat:6697"',
        ),
        (
            "[[irc]]\nnetwork = 'a'\nserver = 'tcp:a:1'\nchannels = ['club']",
            'irc[0].channels[0]: found \'club\'; must be a channel, e.g. "#club", or "#club key" for one with a key',
        ),
        (
            "[[irc]]\nnetwork = 'a'\nserver = 'tcp:a:1'\nburst = 0",
            'irc[0].burst: found 0; must be an integer of at least 1, e.g. 5',
        ),
        (
            "[finger]\n[access_log]\nfile = 'r'\nretention = '12h'",
            'access_log.retention: found less than a day; must be "1d" or more, because there is one log file a day',
        ),
        (
            "[finger]\n[access_log]\nretention = '30d'",
            'access_log.retention: nothing to remove while access_log.file is "-" (standard output);',
        ),
        (
            "[finger]\n[metrics]\nlisten = ['tcp:9079']",
            'metrics.listen: found [\'tcp:9079\']; must be a string, e.g. "tcp:9079:interface=127.0.0.1"',
        ),
        (
            "[web]\nfediverse = '@login@social.example'",
            'web.fediverse: found \'@login@social.example\'; must be an account on another server',
        ),
        (
            "[web]\nfediverse = '@{login}@social'",
            'web.fediverse: found \'@{login}@social\'; must be an account on another server',
        ),
        (
            "[web]\nfediverse = '@{login}@127.0.0.1'",
            'web.fediverse: found \'@{login}@127.0.0.1\'; must be an account on another server',
        ),
        (
            "[site]\nhosts = ['dir.test']\n[web]\nfediverse = '@{login}@DIR.test'",
            'web.fediverse: found \'@{login}@DIR.test\'; must be an account on another server',
        ),
        (
            "[web]\nwebfinger = 'social.example'",
            'web.webfinger: found \'social.example\'; must be the web address of another server, without a path, e.g. "https://social.example"',
        ),
        (
            "[web]\nwebfinger = 'https://a.test/x'",
            'web.webfinger: found \'https://a.test/x\'; must be the web address of another server, without a path, e.g. "https://social.example"',
        ),
        (
            "[web]\nwebfinger = 'https://a.test:x'",
            'web.webfinger: found \'https://a.test:x\'; must be the web address of another server, without a path, e.g. "https://social.example"',
        ),
        (
            "[web]\nwebfinger = 'https://aš.test'",
            'web.webfinger: found \'https://aš.test\'; must be the web address of another server, without a path, e.g. "https://social.example"',
        ),
        (
            "[site]\nurl = 'https://dir.test/x'\n[web]\nwebfinger = 'https://DIR.test:443'",
            'web.webfinger: found \'https://DIR.test:443\'; must be the web address of another server, without a path, e.g. "https://social.example"',
        ),
        # what is missing
        (
            "[[irc]]\nserver = 'tcp:a:1'",
            'irc[0].network: missing; must be a name of letters, digits, . _ and -, e.g. "libera"',
        ),
        (
            '[finger]\n[sources.x]\n',
            'sources.x.class: missing; must be the class of the source, e.g. "my_sources:VendingMachine"',
        ),
        ('', 'nothing to run; add at least one of the tables [finger], [web] and [[irc]]'),
        ("[site]\nname = 'x'", 'nothing to run; add at least one of the tables [finger], [web] and [[irc]]'),
    ],
)  # fmt: skip
def test_one_wrong_setting(tmp_path: Path, text: str, message: str) -> None:
    (problem,) = load_errors(tmp_path, text)
    assert str(problem).startswith(f"{tmp_path / 'gateway.toml'}: {message}")


def test_several_wrong_settings_at_once(tmp_path: Path) -> None:
    text = """
    xyzzy = 1
    [site]
    hsots = ["a"]
    [finger]
    listen = 79
    listing = "no"
    [limits]
    connections = 0
    timeout = "ten"
    [[irc]]
    nick = "9"
    """
    assert [problem.key for problem in load_errors(tmp_path, text)] == [
        "xyzzy", "site.hsots", "finger.listen", "finger.listing", "limits.connections", "limits.timeout", "irc[0].nick",
        "irc[0].network", "irc[0].server",
    ]  # fmt: skip


def test_several_impossible_values_at_once(tmp_path: Path) -> None:
    text = """
    [site]
    hosts = ["a b", "fine", ""]
    url = "x"
    members = ["x", "192.0.2.0/24", "y"]
    [store]
    url = "x"
    """
    assert [problem.key for problem in load_errors(tmp_path, text)] == [
        "site.hosts[0]", "site.hosts[2]", "site.url", "site.members[0]", "site.members[2]", "store.url", "",
    ]  # fmt: skip


def test_missing_file(tmp_path: Path) -> None:
    for path, found in ((tmp_path / "no.toml", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(BadSettings) as bad:
            load_settings(path)
        assert str(bad.value) == f"{path}: cannot be read: {found}"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[finger\n", "TOML syntax error at line 1, column 8: expected ']'"),
        (b"[finger]\nlisten = [\n", "TOML syntax error at end of document: "),
        (b"[finger]\n[finger]\n", "TOML syntax error at line 2, column "),
        (b"a = 1\na = 2\n", "TOML syntax error at line 2, column 6: cannot overwrite a value"),
        (b"a = " + b"[" * 5000, "TOML error: lists or tables are nested too deeply"),
        (b"# caf\xe9\n", "found a byte in line 1 that is not UTF-8 (0xE9); must be saved as UTF-8"),
    ],
)
def test_file_that_is_not_TOML(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "gateway.toml"
    path.write_bytes(data)
    with pytest.raises(BadSettings) as bad:
        load_settings(path)
    (problem,) = bad.value.problems
    assert (problem.file, problem.key) == (str(path), "")
    assert str(problem).startswith(f"{path}: {message}")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10),
        ("0.5s", 0.5),
        ("200ms", 0.2),
        ("5m", 300),
        ("12h", 43200),
        ("30d", 2592000),
        ("1 s", 1),
        ("1.5m", 90),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    duration = Duration.parse(text)
    assert isinstance(duration, Duration)
    assert duration == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", "10", "s", "10 seconds", "-1s", "0s", "0.0h", "1e3s", ".5s", "1,5s", "10s\n", " 10s", "1S",
     "9" * 400 + "d", 10, None],
)  # fmt: skip
def test_invalid_durations(text: object) -> None:
    with pytest.raises(ValueError, match="a duration"):
        Duration.parse(text)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:people.db", "/etc/fg/people.db"),
        ("sqlite:/var/people.db", "/var/people.db"),
        ("sqlite:a/b", "/etc/fg/a/b"),
    ],
)
def test_paths_are_relative_to_the_settings_file(tmp_path: Path, url: str, path: str) -> None:
    settings = load(tmp_path, f"[finger]\n[store]\nurl = '{url}'")
    assert database_file(settings, Path("/etc/fg")) == Path(path)


def test_search_for_the_settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FINGER_GATEWAY_CONFIG", raising=False)
    monkeypatch.setattr(locate, "SEARCH_PATHS", (Path("gateway.toml"), tmp_path / "etc" / "gateway.toml"))
    with pytest.raises(BadSettings, match=re.escape("gateway.toml: no such file; create ")):
        locate.find_settings_file(None)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "gateway.toml").touch()
    assert locate.find_settings_file(None) == tmp_path / "etc" / "gateway.toml"
    (tmp_path / "gateway.toml").touch()
    assert locate.find_settings_file(None) == tmp_path / "gateway.toml"
    monkeypatch.setenv("FINGER_GATEWAY_CONFIG", "other.toml")
    assert locate.find_settings_file(None) == tmp_path / "other.toml"
    assert locate.find_settings_file("named.toml") == tmp_path / "named.toml"
