"""gateway.toml: every kind of mistake names file, key, what was found and what is allowed."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.config import locate
from gateway.config.problems import BadSettings, Problem
from gateway.config.types import Duration
from gateway.settings import Settings, database_file, load_settings

# A file with many of the keys.
EXAMPLE = """
[site]
name = "The Tea Club"
hosts = ["dir.test", "club.test"]        # our own names, all the same place; the first is the main one
url = "https://dir.test"                 # the web side's public address
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


def loaded(folder: Path, text: str) -> Settings:
    file = folder / "gateway.toml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file)


def mistakes(folder: Path, text: str) -> list[Problem]:
    with pytest.raises(BadSettings) as bad:
        loaded(folder, text)
    for mistake in bad.value.problems:
        assert mistake.file == str(folder / "gateway.toml")
        assert mistake.found
        assert mistake.allowed
        assert "\n" not in str(mistake)
    assert str(bad.value) == "\n".join(str(mistake) for mistake in bad.value.problems)
    return bad.value.problems


def test_the_example_of_the_interface(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    settings = loaded(tmp_path, EXAMPLE)
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


def test_what_is_not_said(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "[finger]\n")
    finger = settings.protocol("finger")
    assert (finger.listen, finger.listing, finger.empty_query) == (["tcp:79"], True, "online")
    assert (settings.protocol("web"), settings.protocol("irc"), settings.sources) == (None, [], {})
    assert (settings.privacy.preset, settings.store.url) == ("open", "sqlite:people.db")
    limits = settings.limits
    assert (limits.connections, limits.connections_per_address, limits.queries_per_minute) == (1000, 20, 60)
    assert (limits.timeout, settings.access_log.addresses) == (timedelta(seconds=10), "truncated")


@pytest.mark.parametrize(
    ("text", "key", "found", "allowed", "hint"),
    [
        # unknown keys, the nearest right one named
        ("[finger]\n[limit]\n", "limit", "an unknown key", "limits", "did you mean limits?"),
        ("[finger]\nlisten_on = []", "finger.listen_on", "an unknown key", "listen, listing", "did you mean listen?"),
        ("[finger]\n[site]\nhost = []", "site.host", "an unknown key", "hosts", "did you mean hosts?"),
        ("[finger]\n[limits]\nxyzzy = 1", "limits.xyzzy", "an unknown key", "queries_per_minute", ""),
        ("xyzzy = 1\n[finger]", "xyzzy", "an unknown key", "site", ""),
        (
            '[finger]\n[privacy.limit]\nhome_phnoe = "nobody"',
            "privacy.limit.home_phnoe", "an unknown field", "home_phone", "did you mean home_phone?",
        ),
        ('[finger]\n[privacy.default]\nxyzzy = "nobody"', "privacy.default.xyzzy", "an unknown field", "name, aliases", ""),
        ('[[irc]]\nnetwork = "a"\nserver = "tcp:a:1"\nnik = "b"', "irc[0].nik", "an unknown key", "nick", "did you mean nick?"),
        (
            "[finger]\n[sources.x]\nclass = 'a:B'\ncach = '1s'",
            "sources.x.cach", "an unknown key", "cache_ttl", "did you mean cache_ttl?",
        ),
        # wrong types
        ('[finger]\nlisten = "tcp:79"', "finger.listen", "'tcp:79'", "a list of strings", ""),
        ("[finger]\nlisten = [79]", "finger.listen[0]", "79", "a string", ""),
        ('[finger]\nlisting = "yes"', "finger.listing", "'yes'", "true or false", ""),
        ("finger = 5", "finger", "5", "a table", ""),
        ("[[finger]]", "finger", "[{}]", "a table", ""),
        ("[finger]\n[limits]\nconnections = '5'", "limits.connections", "'5'", "a whole number from 1", ""),
        ("[finger]\n[limits]\nconnections = 1.5", "limits.connections", "1.5", "a whole number from 1", ""),
        ("[finger]\n[limits]\nconnections = true", "limits.connections", "True", "a whole number from 1", ""),
        ("[finger]\n[site]\nname = 5", "site.name", "5", "a string", ""),
        ("[finger]\n[site]\nname = 2026-01-01", "site.name", "datetime.date(2026, 1, 1)", "a string", ""),
        ("[finger]\n[privacy]\nlimit = 5", "privacy.limit", "5", "a table", ""),
        ("[finger]\n[sources]\nx = 5", "sources.x", "5", "a table", ""),
        ("[irc]\nnetwork = 'a'", "irc", "{'network': 'a'}", "a list, each a table", ""),
        # impossible values
        ("[finger]\n[limits]\nconnections = 0", "limits.connections", "0", "a whole number from 1", ""),
        ("[finger]\n[limits]\nqueries_per_minute = -1", "limits.queries_per_minute", "-1", "a whole number from 1", ""),
        ("[finger]\n[limits]\ntimeout = '10'", "limits.timeout", "'10'", "a length of time", ""),
        ("[finger]\n[limits]\ntimeout = 10", "limits.timeout", "10", "a length of time", ""),
        ("[finger]\n[limits]\ntimeout = '0s'", "limits.timeout", "'0s'", "a length of time", ""),
        ("[finger]\n[limits]\ntimeout = '-1s'", "limits.timeout", "'-1s'", "a length of time", ""),
        ("[finger]\n[limits]\ntimeout = '99999999999999d'", "limits.timeout", "'99999999999999d'", "a length of time", ""),
        ("[finger]\n[sources.x]\nclass='a:B'\ncache_ttl = 'soon'", "sources.x.cache_ttl", "'soon'", "a length of time", ""),
        ("[finger]\n[privacy]\npreset = 'opne'", "privacy.preset", "'opne'", '"open", "A", "B", "C"', "did you mean open?"),
        (
            "[finger]\n[privacy.limit]\nemail = 'member'",
            "privacy.limit.email", "'member'", '"everyone", "members", "nobody"', "did you mean members?",
        ),
        ("[finger]\nempty_query = 'all'", "finger.empty_query", "'all'", '"online", "people"', ""),
        (
            "[finger]\n[access_log]\naddresses = 'xyz'",
            "access_log.addresses", "'xyz'", '"full", "truncated", "hash", "none"', "",
        ),
        ("[finger]\n[site]\nhosts = []", "site.hosts", "[]", "at least 1", ""),
        ("[finger]\n[site]\nhosts = ['a', 'b c']", "site.hosts[1]", "'b c'", "a host name", ""),
        ("[finger]\n[site]\nhosts = ['']", "site.hosts[0]", "''", "a host name", ""),
        ("[finger]\n[site]\nhosts = ['a:79']", "site.hosts[0]", "'a:79'", "a host name", ""),
        ("[finger]\n[site]\nurl = 'dir.test'", "site.url", "'dir.test'", "https://", ""),
        ("[finger]\n[site]\nurl = 'https://dir.test/'", "site.url", "'https://dir.test/'", "https://", ""),
        ("[finger]\n[site]\nurl = 'ftp://dir.test'", "site.url", "'ftp://dir.test'", "https://", ""),
        ("[finger]\n[site]\nurl = 'https://dir.test?x'", "site.url", "'https://dir.test?x'", "https://", ""),
        ("[finger]\n[site]\nurl = 'http://['", "site.url", "'http://['", "https://", ""),
        ("[finger]\n[site]\nurl = 'http://[::g]'", "site.url", "'http://[::g]'", "https://", ""),
        ("[finger]\n[site]\nurl = 'http://a:port'", "site.url", "'http://a:port'", "https://", ""),
        ("[finger]\n[site]\nmembers = ['192.0.2.1/24']", "site.members[0]", "'192.0.2.1/24' (", "a network", ""),
        ("[finger]\n[site]\nmembers = ['here']", "site.members[0]", "'here' (", "a network", ""),
        ("[finger]\n[site]\nadministrators = ['a b']", "site.administrators[0]", "'a b'", "a login name: ", ""),
        ("[finger]\n[site]\ntemplates = 'nowhere'", "site.templates", "'nowhere'", "a folder that is there", ""),
        ("[finger]\n[site]\ntemplates = 'gateway.toml'", "site.templates", "'gateway.toml'", "a folder that is there", ""),
        ("[finger]\n[store]\nurl = 'people.db'", "store.url", "'people.db'", '"sqlite:"', ""),
        ("[finger]\n[store]\nurl = 'sqlite:'", "store.url", "'sqlite:'", '"sqlite:"', ""),
        ("[finger]\n[store]\nurl = 'postgresql://x'", "store.url", "'postgresql://x'", '"sqlite:"', ""),
        (
            "[[irc]]\nnetwork = 'a'\nserver = 'tcp:a:1'\n[[irc]]\nnetwork = 'a'\nserver = 'tcp:b:1'",
            "irc[1].network", "'a' again", "a name of its own", "",
        ),
        ("[[irc]]\nnetwork = 'a b'\nserver = 'tcp:a:1'", "irc[0].network", "'a b'", "a string", ""),
        ("[[irc]]\nnetwork = 'a'\nserver = 'irc.a.example'", "irc[0].server", "'irc.a.example'", "", ""),
        ("[[irc]]\nnetwork = 'a'\nserver = 'tcp:a:1'\nchannels = ['club']", "irc[0].channels[0]", "'club'", "", ""),
        ("[[irc]]\nnetwork = 'a'\nserver = 'tcp:a:1'\nburst = 0", "irc[0].burst", "0", "a whole number from 1", ""),
        ("[finger]\n[access_log]\nfile = 'r'\nretention = '12h'", "access_log.retention", "12:00:00", '"1d" or more', ""),
        (
            "[finger]\n[access_log]\nretention = '30d'",
            "access_log.retention", 'set, though access_log.file is "-"', "names a file", "",
        ),
        ("[finger]\n[metrics]\nlisten = ['tcp:9079']", "metrics.listen", "['tcp:9079']", "a string", ""),
        ("[web]\nfediverse = '@login@social.example'", "web.fediverse", "'@login@social.example'", "with {login} in it", ""),
        ("[web]\nfediverse = '@{login}@social'", "web.fediverse", "'@{login}@social'", "@{login}@social.example", ""),
        ("[web]\nfediverse = '@{login}@127.0.0.1'", "web.fediverse", "'@{login}@127.0.0.1'", "at a host", ""),
        (
            "[site]\nhosts = ['dir.test']\n[web]\nfediverse = '@{login}@DIR.test'",
            "web.fediverse", "'@{login}@DIR.test'", "that is not this one", "",
        ),
        ("[web]\nwebfinger = 'social.example'", "web.webfinger", "'social.example'", "https://social.example", ""),
        ("[web]\nwebfinger = 'https://a.test/x'", "web.webfinger", "'https://a.test/x'", "without a path", ""),
        ("[web]\nwebfinger = 'https://a.test:x'", "web.webfinger", "'https://a.test:x'", "the address of a server", ""),
        ("[web]\nwebfinger = 'https://a\u0161.test'", "web.webfinger", "'https://a\u0161.test'", "the address of a", ""),
        (
            "[site]\nurl = 'https://dir.test/x'\n[web]\nwebfinger = 'https://DIR.test:443'",
            "web.webfinger", "'https://DIR.test:443'", "that is not this one", "",
        ),
        # what is missing
        ("[[irc]]\nserver = 'tcp:a:1'", "irc[0].network", "nothing", "a string", ""),
        ("[finger]\n[sources.x]\n", "sources.x.class", "nothing", "the class of the source", ""),
        ("", "", "none of [finger], [web] and [[irc]]", "at least one of them", ""),
        ("[site]\nname = 'x'", "", "none of [finger], [web] and [[irc]]", "at least one of them", ""),
    ],
)  # fmt: skip
def test_a_mistake(tmp_path: Path, text: str, key: str, found: str, allowed: str, hint: str) -> None:
    (mistake,) = mistakes(tmp_path, text)
    assert mistake.key == key
    assert mistake.found.startswith(found)
    assert allowed in mistake.allowed
    assert mistake.hint == hint
    assert str(mistake) == (
        f"{tmp_path / 'gateway.toml'}{': ' if key else ''}{key}: found {mistake.found}; allowed: {mistake.allowed}"
        + (f" ({hint})" if hint else "")
    )


def test_several_at_once(tmp_path: Path) -> None:
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
    assert [mistake.key for mistake in mistakes(tmp_path, text)] == [
        "xyzzy", "site.hsots", "finger.listen", "finger.listing", "limits.connections", "limits.timeout", "irc[0].nick",
        "irc[0].network", "irc[0].server",
    ]  # fmt: skip


def test_several_impossible_at_once(tmp_path: Path) -> None:
    text = """
    [site]
    hosts = ["a b", "fine", ""]
    url = "x"
    members = ["x", "192.0.2.0/24", "y"]
    [store]
    url = "x"
    """
    assert [mistake.key for mistake in mistakes(tmp_path, text)] == [
        "site.hosts[0]", "site.hosts[2]", "site.url", "site.members[0]", "site.members[2]", "store.url", "",
    ]  # fmt: skip


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path, found in ((tmp_path / "no.toml", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(BadSettings) as bad:
            load_settings(path)
        assert str(bad.value) == f"{path}: found {found}; allowed: a readable file"


@pytest.mark.parametrize(
    ("data", "found", "allowed"),
    [
        (b"[finger\n", "line 1", "TOML"),
        (b"[finger]\nlisten = [\n", "", "TOML"),
        (b"[finger]\n[finger]\n", "line 2", "TOML"),
        (b"a = 1\na = 2\n", "line 2", "TOML"),
        (b"a = " + b"[" * 5000, "", "TOML"),
        (b"# caf\xe9\n", "a byte at 5 that is not UTF-8", "TOML in UTF-8"),
    ],
)
def test_a_file_that_is_no_toml(tmp_path: Path, data: bytes, found: str, allowed: str) -> None:
    path = tmp_path / "gateway.toml"
    path.write_bytes(data)
    with pytest.raises(BadSettings) as bad:
        load_settings(path)
    (mistake,) = bad.value.problems
    assert (mistake.file, mistake.key, mistake.allowed) == (str(path), "", allowed)
    assert found in mistake.found


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
def test_no_durations(text: object) -> None:
    with pytest.raises(ValueError, match="a length of time"):
        Duration.parse(text)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:people.db", "/etc/fg/people.db"),
        ("sqlite:/var/people.db", "/var/people.db"),
        ("sqlite:a/b", "/etc/fg/a/b"),
    ],
)
def test_paths_are_relative_to_the_file(tmp_path: Path, url: str, path: str) -> None:
    settings = loaded(tmp_path, f"[finger]\n[store]\nurl = '{url}'")
    assert database_file(settings, Path("/etc/fg")) == Path(path)


def test_where_the_file_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FINGER_GATEWAY_CONFIG", raising=False)
    monkeypatch.setattr(locate, "SEARCH_PATHS", (Path("gateway.toml"), tmp_path / "etc" / "gateway.toml"))
    with pytest.raises(BadSettings, match=re.escape("gateway.toml: found no such file")):
        locate.find_settings_file(None)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "gateway.toml").touch()
    assert locate.find_settings_file(None) == tmp_path / "etc" / "gateway.toml"
    (tmp_path / "gateway.toml").touch()
    assert locate.find_settings_file(None) == tmp_path / "gateway.toml"
    monkeypatch.setenv("FINGER_GATEWAY_CONFIG", "other.toml")
    assert locate.find_settings_file(None) == tmp_path / "other.toml"
    assert locate.find_settings_file("named.toml") == tmp_path / "named.toml"
