"""Texts of the conformance suite."""

# Why a requirement cannot be tested from outside.
NEEDS_PLAN = "needs a specially made plan on the server"
IS_SETTING = "depends on the server's settings, which are not visible from outside"
IN_LOG = "concerns the server's log, which is not visible from outside"
NEEDS_FORWARDING = "needs a server that forwards, and hosts to forward to"
NEEDS_FILES = "needs specially made files on the server's disk"
IN_DOCUMENTATION = "concerns the server's documentation, not its replies"
ABOUT_CLIENTS = "concerns clients, not servers"
NEEDS_LARGE_ANSWER = "needs an answer larger than the kernel's buffers"
NEEDS_RESOLVER = "needs a resolver on the server's side that does not respond"
IN_LIMITS_AND_LOG = "concerns the server's limits and log, which are not visible from outside"
NEEDS_OTHER_PROTOCOLS = "needs the server's other protocols"
NEEDS_SERVICE = "needs a server that offers things, not people"

# Why a check was skipped or failed.
NEEDS_LOGIN = "needs --login NAME, the login of somebody who exists"
NEEDS_NON_ASCII_LOGIN = "needs --login NAME with letters outside ASCII"
NEEDS_NAME = "needs --name TEXT: no full name was recognised in the answer"
NEEDS_AGGRESSIVE = "needs --aggressive"
NEEDS_WAIT = "needs --wait SECONDS"
NEEDS_OTHER_IP_VERSION = "needs --host-name ADDRESS: HOST has no address of the other IP version"
ONLY_ADDRESS_TESTED = "only the address was tested; --host-name NAME tests the name"
NEEDS_SECOND_HOST_NAME = "needs a second --host-name NAME"
LIST_REFUSED = "the list is refused"
LIST_ENABLED = "the list is enabled"
LIST_NOT_RECOGNISED = "the list is empty, or has no heading with login and name"
NO_STATUS = "no login status in the answer; it may be turned off"
NOT_ECHOED = "names are not repeated; needs --name TEXT with letters outside ASCII"
NO_LAST_NAME = "the full name has no last name"

UNREACHABLE = "could not connect"
RESET = "the connection was reset"
RESET_DURING_ANSWER = "the connection was reset during the answer"
EMPTY_REPLY = "the reply was empty"
NOT_CLOSED = "the server answered but did not close the connection"
SENT_BEFORE_QUERY = "the server sent data before the query"
MORE_THAN_FIRST_LINE = "more than the first line was answered"
AS_UNKNOWN = "answered as an unknown name"
LIKE_EXISTING_PERSON = "answered like an existing person"
LISTED = "answered with a list or with several lines"
LIKE_SWITCH = "answered like /W and the name"
USAGE_TEXT = "answered with a program's usage text"
NOT_LISTED = "neither a list nor an explicit refusal"
NOT_REFUSED = "neither forwarded nor explicitly refused"
WAS_FORWARDED = "the query was forwarded"
NOT_LIKE_UNKNOWN = "not answered like an unknown name"
UNKNOWN_NAMES_DIFFER = "two unknown names got different answers"
LONG_ECHO = "more than 64 letters of the name are repeated"
MANY_LINES = "several lines about unknown people"
LATER_LINE_ANSWERED = "a line after the first was answered"
PROXY_HEADER_ACCEPTED = "the header was accepted and the query answered"
SLEEP_EXECUTED = "the answer took as long as the sleep command in the query"
EXECUTED = "the answer contains the output of a command"
ALL_READ = "the server read all of it"
STOPPED_READING = "the server stopped reading and sent nothing"
STAYED_OPEN = "the connection stayed open"
CLOSED_SILENTLY = "closed without a reply"
NOT_CLEAN = "unsafe or invalid data"
EXCESS_CLOSED_SILENTLY = "connections above the limit were closed without a reply"
NO_FULL_NAME = "the full name is missing"
LETTER_NOT_INTACT = "a letter outside ASCII did not arrive intact"
FORWARDS = "the server forwards"
NO_HELP = "no help text"
BARE_LINE_END = "a line end that is not CRLF"
INVALID_UTF8 = "invalid UTF-8"
ESCAPE = "ESC"
C1_CONTROL = "a C1 control"
CONTROL = "a control character"
OPEN_BIDI = "an open bidi control or a BOM"
REPLY_TO_NOTHING = "a reply although nothing was sent"
NO_REPLY = "no reply, or an empty one"
AFTER_RESETS = "after resets"
AFTER_PROBES = "after probes of other protocols"
AFTER_MANY_HOSTS = "after a query with hundreds of hosts"
AFTER_LONG_LINE = "after ten million letters"
AFTER_RANDOM_LINES = "after random lines"
CONNECTIONS = "connections"
QUERIES = "queries"
RATE_LIMITED = "the server keeps reporting too many queries"
EMPTY_QUERY = "the empty query"
SOME_UNANSWERED = "some lines got no reply"


def no_reply_within(seconds: float) -> str:
    return f"no reply within {seconds:g} s"


def next_client_failed(after: str) -> str:
    return f"the next client was not answered {after}"


def differs_from_answer_to(line: str) -> str:
    return f"differs from the answer to {line}"


def still_open(seconds: float) -> str:
    return f"still open after {seconds:g} s (--wait sets the time)"


def closed_after(seconds: float) -> str:
    return f"closed after {seconds:.1f} s"


def found_at(what: str, position: int) -> str:
    return f"{what} at byte {position}"


def none_among(count: int) -> str:
    return f"none in {count} replies"


def missing(words: str) -> str:
    return f"missing: {shorten(words.encode())}"


def idle_connections(idle: int, seconds: float) -> str:
    return f"answered in {seconds:.2f} s with {idle} idle connections open"


def connection_limit(accepted: int, refused: int) -> str:
    return f"{accepted} accepted, {refused} refused with a line of text"


def no_limit(count: int, what: str) -> str:
    return f"no limit reached with {count} {what}"


def limited_after(count: int) -> str:
    return f"limit reached after {count} queries"


def reveals(what: str) -> str:
    return f"reveals: {shorten(what.encode())}"


def too_slow(seconds: float) -> str:
    return f"took {seconds:.1f} s"


def random_lines(count: int, seed: int) -> str:
    return f"{count} lines, seed {seed}"


def bytes_read(count: int) -> str:
    return f"refused after {count} bytes"


def not_reached(host: str, port: int, why: str) -> str:
    return f"{host} port {port}: {why}"


def login_unknown(login: str) -> str:
    return f"{login} was not found (see F044)"


_ESCAPES = {ord("\t"): r"\t", ord("\n"): r"\n", ord("\r"): r"\r", ord("\\"): r"\\"}


def escape_bytes(data: bytes) -> str:
    """Return *data* in ASCII, with the escapes of Python, C and JavaScript."""
    return "".join(_ESCAPES.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}") for byte in data)


def shorten(data: bytes, most: int = 60) -> str:
    """Return *data* on one line of ASCII, cut to about *most* letters."""
    whole = escape_bytes(data[: most + 1])
    return whole if len(whole) <= most else whole[: most - 3] + "..."


def no_connection(why: str) -> str:
    return f"could not connect: {why}"


# The report.
VERDICTS = {"pass": "pass", "fail": "FAIL", "not tested": "untested"}
SENT = "sent"
GOT = "got"
HEADING = "Id    Level     Section  Verdict   Check (numbers are sections of RFC 1288)"
NO_RFC = "not from an RFC"


def title(where: str) -> str:
    return f"Finger conformance of {where}"


def expected(what: str) -> str:
    return f"expected: {what}"


def failed_because(why: str) -> str:
    return f"failed: {why}"


def never_testable(why: str) -> str:
    return f"not testable: {why}"


def totals(level: str, passed: int, failed: int, untested: int) -> str:
    return f"{level:8}  {passed} passed, {failed} failed, {untested} not tested"
