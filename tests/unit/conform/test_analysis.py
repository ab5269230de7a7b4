"""How the conformance suite interprets replies, most of them captured from servers in use."""

import time

import pytest

from gateway.conform import analysis, messages

DEBIAN = (
    b"Login: alice          \t\t\tName: Alice Adams\r\nDirectory: /home/alice                 \tShell: /bin/bash\r\n"
    b"Never logged in.\r\nNo mail.\r\nNo Plan.\r\n"
)
DEBIAN_LIST = (
    b"Login     Name           Tty      Idle  Login Time   Office     Office Phone\r\n"
    b"alice     Alice Adams    pts/0       5  Nov 20 10:00 (desk)\r\n"
    b"zofie     \xc5\xbdofie \xc4\x8cern\xc3\xa1   pts/1          Nov 20 11:00\r\n\r\n"
)
CFINGERD = b"Username: alice                      In real life: Alice Adams\n"
OURS = b"Login:      alice\r\nName:       Alice Adams (she/her)\r\n\r\nPlan:\r\nno such user lives in /home/alice\r\n"


@pytest.mark.parametrize(
    ("data", "position"),
    [
        (b"", None),
        (b"one\r\ntwo\r\n", None),
        (b"one\ntwo\r\n", 3),
        (b"one\rtwo\r\n", 3),
        (b"one\r\r\n", 3),
        (b"one\r\ntwo", 8),
        (b"one\r\ntwo\r", 8),
    ],
)
def test_the_first_bare_line_end_is_found(data: bytes, position: int | None) -> None:
    assert analysis.find_bare_line_end(data) == position


def test_the_first_invalid_byte_is_found() -> None:
    assert analysis.find_invalid_utf8("Žofie\r\n".encode()) is None
    assert analysis.find_invalid_utf8(b"caf\xe9\r\n") == 3


@pytest.mark.parametrize(
    ("data", "faults"),
    [
        ("Ž\tŽ\r\n".encode(), (None, None, None)),
        (b"\x1b[31mx\r\n", (0, None, None)),
        (b"ab\xc2\x9b31m\r\n", (None, 2, None)),
        (b"ab\x9b31m\r\n", (None, 2, None)),
        (b"\xc4\x9b and caf\xe9\r\n", (None, None, None)),
        (b"a\x08b\r\n", (None, None, 1)),
        (b"a\x00\r\n", (None, None, 1)),
        (b"a\x7f\r\n", (None, None, 1)),
    ],
)
def test_the_first_control_is_found(data: bytes, faults: tuple[int | None, ...]) -> None:
    assert (
        analysis.find_escape(data),
        analysis.find_c1_control(data),
        analysis.find_control(data),
    ) == faults


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("a\u202eb\u202c\r\n", None),
        ("a\u2066b\u202ec\u202c\u2069\r\n", None),
        ("ž\u202eb\r\n\u202c", 2),
        ("x\r\n\u2066y\r\n", 3),
        ("\ufeffx\r\n", 0),
    ],
)
def test_open_bidi_controls_are_found(text: str, position: int | None) -> None:
    assert analysis.find_open_bidi(text.encode()) == position


@pytest.mark.parametrize(
    ("text", "unknown", "refused"),
    [
        ("finger: zqx: no such user.\r\n", True, False),
        ("zqx: no such user.\r\n", True, False),
        ("Sorry, that user doesn't exist in this system.\n", True, True),
        ("Finger forwarding service denied\r\n", False, True),
        ("Finger online user list denied\r\n", False, True),
        ("No one is logged on.\r\n", False, False),
        (DEBIAN.decode(), False, False),
        (OURS.decode(), False, False),
    ],
)
def test_unknown_and_refused_are_recognised(text: str, unknown: bool, refused: bool) -> None:
    assert (analysis.says_unknown(text.encode()), analysis.says_refused(text.encode())) == (
        unknown,
        refused,
    )


def test_forwarding_is_recognised() -> None:
    assert analysis.says_forwarded(b"[other.test]\r\nfinger: unknown host: other.test\r\n")
    assert analysis.says_forwarded(b"gethostbyname: Name or service not known\r\n")
    assert not analysis.says_forwarded(b"bob@other.test: no such user.\r\n")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Too many queries, try again in 17 seconds.\r\n", 17.0),
        ("Too many queries, try again in 1 second.\r\n", 1.0),
        ("Slow down.\r\n", 2.0),
        ("alice: no such user.\r\n", None),
        ("Plan:\r\n" + "far too many words " * 30, None),
    ],
)
def test_the_seconds_of_a_rate_limit_are_read(text: str, seconds: float | None) -> None:
    assert analysis.retry_after(text.encode()) == seconds


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (DEBIAN, "Alice Adams"),
        (CFINGERD, "Alice Adams"),
        (OURS, "Alice Adams"),
        (b"Login name: alice\r\n", ""),
        (b"Login: alice\r\nName: ???\r\n", ""),
        (b"alice: no such user.\r\n", ""),
    ],
)
def test_the_full_name_is_found(data: bytes, name: str) -> None:
    assert analysis.find_full_name(data) == name


def test_the_rows_of_a_list_are_parsed() -> None:
    assert [(row.login, row.name) for row in analysis.list_rows(DEBIAN_LIST)] == [
        ("alice", "Alice Adams"),
        ("zofie", "Žofie Černá"),
    ]
    assert [
        (row.login, row.name) for row in analysis.list_rows(b"Login  Name\r\nbob    Bob Adams\r\n\r\nfoot note\r\n")
    ] == [("bob", "Bob Adams")]
    assert [(row.login, row.name) for row in analysis.list_rows(b"Login  Name\r\nbob\r\n")] == [("bob", "")]
    assert analysis.list_rows(b"No one is logged on.\r\n") == []
    assert analysis.list_rows(b"This is a finger server.\r\nalice Alice\r\n") == []


def test_paths_shells_and_mail_are_found() -> None:
    assert analysis.find_private(DEBIAN) == "/home/alice"
    assert analysis.find_private(b"finger: /dev//pts/0: No such file or directory\r\n") == "/dev//pts/0:"
    assert analysis.find_private(b"Name: A\r\nNew mail received Mon\r\n") == "New mail received"
    assert analysis.find_private(OURS) == ""  # a plan may contain anything
    assert analysis.find_private(b"Web:        https://dir.test/users/root\r\nFinger: finger://dir.test/home\r\n") == ""


def test_changed_times_do_not_make_answers_differ() -> None:
    assert analysis.are_alike(b"On since 10:01, idle 1 minute\r\n", b"On since 10:01, idle 12 minutes\r\n")
    assert analysis.are_alike(b"ALICE: no such user.\r\n", b"alice: no such user.\r\n")
    assert not analysis.are_alike(b"Name: Alice\r\n", b"Name: Alice\r\nPlan: tea\r\n")
    assert analysis.normalize(b"zqa: no such user.", b"zqa") == analysis.normalize(b"zqb: no such user.", b"zqb")


def test_an_echoed_query_does_not_make_answers_differ() -> None:
    one, other = b"/W alice\r\n", b"/W    alice\r\n"
    names = (*analysis.echoable_parts(one), *analysis.echoable_parts(other))
    template = b"Site: dir.test\r\nCommand line: %b\r\nLogin: alice\r\n"
    assert analysis.are_alike(template % one.strip(), template % other.strip(), *names)
    assert not analysis.are_alike(template % one.strip(), b"Command line: /W    alice\r\nno such user\r\n", *names)
    assert analysis.normalize(b"a: no such user, sad as that is", b"a") == "<name>: no such user, sad as that is"


@pytest.mark.parametrize(
    "unit", [b"\t", b" ", b"try ", "\u2003".encode(), b"(", b"/home", b"name:", b"[a", b"\r\n", b"Login name "]
)
@pytest.mark.parametrize("begin", [b"", b"Name: a", b"Login name\r\n"])
def test_F120_a_hostile_reply_is_interpreted_quickly(begin: bytes, unit: bytes) -> None:
    data = begin + unit * (65536 // len(unit))
    started = time.process_time()
    for function in (
        analysis.says_unknown,
        analysis.says_refused,
        analysis.says_forwarded,
        analysis.is_usage_text,
        analysis.find_private,
        analysis.has_login_status,
        analysis.list_rows,
        analysis.find_full_name,
        analysis.normalize,
        analysis.significant_words,
        analysis.find_bare_line_end,
        analysis.find_open_bidi,
        analysis.find_c1_control,
    ):
        function(data)
    assert time.process_time() - started < 2.0


def test_F029_quotes_from_a_reply_are_escaped_and_cut() -> None:
    assert messages.reveals("/home/\x1b]0;title\x07\u202e") == r"reveals: /home/\x1b]0;title\x07\xe2\x80\xae"
    assert len(messages.missing("x" * 5000)) < 72
