"""Texts of the conformance suite."""

# What each check is called (at most 45 letters, for a table), and what is expected.
TITLES = {
    "F001": ("The server does not talk first", "No byte comes while the client has sent none (300 ms)."),
    "F002": ("The server closes after the answer", "The server ends the connection by itself, by FIN and not by RST."),
    "F003": ("One connection, one answer", "Of two lines in one segment the first is answered, once; the second is not."),
    "F004": ("A query in three segments", "The same answer as to one segment."),
    "F005": ("A query byte by byte", "The same answer as to one segment."),
    "F006": ("A query that ends with LF alone", "The same answer as to CRLF, its own lines ended by CRLF."),
    "F007": ("A query ended by the end of input", "A name and FIN without a line end: the same answer."),
    "F008": ("A client that shuts its side after the query", "The full answer (nc -N, ncat and socat do so)."),
    "F009": ("A client that asks nothing and goes", "Connect and FIN: closed, and nothing said."),
    "F010": ("Resets in the middle of a query", "The next client is answered as ever."),
    "F011": ("A client that connects and says nothing", "Closed in time (--wait), with a line that says why."),
    "F012": ("A client that sends a byte now and then", "An absolute deadline (--wait) closes, not one that each byte renews."),
    "F013": ("A client that does not read", "Closed in time, in bounded memory."),
    "F014": ("Idle connections hold up nobody", "With up to 200 of them open a query is answered within 1 s."),
    "F015": ("Too many connections from one address", "There is a limit; those just above it get a line that says so."),
    "F016": ("Too many queries from one address", "There is a limit; who is above it gets a line that says so, not silence."),
    "F017": ("IPv6", "Over IPv6 the same answer as over IPv4."),
    "F018": ("IPv4 mapped into IPv6", "Counts as IPv4 for limits and logs."),
    "F019": ("A PROXY header from just anybody", "Not believed: taken as a query, or refused."),
    "F020": ("Addresses and ports to choose, no root", "Configurable; socket activation; no root needed."),
    "F021": ("No DNS and no ident in the way", "Answered within 100 ms with a dead resolver and a dead port 113."),
    "F022": ("CRLF ends every line of every reply", "No bare LF, no bare CR, CRLF at the end."),
    "F023": ("Any line end in a plan becomes one CRLF", "A plan of a LF b CRLF c CR d: four lines."),
    "F024": ("A plan without a last line end", "CRLF is appended."),
    "F025": ("Every reply is valid UTF-8", "What is not 7-bit ASCII is international data: UTF-8."),
    "F026": ("A plan in Latin-1", "Sent as UTF-8."),
    "F027": ("Letters outside ASCII arrive whole", "Neither escaped, dropped nor replaced."),
    "F028": ("ASCII alone on demand", "A listener for old clients sends readable ASCII."),
    "F029": ("No escape sequences, nor what is left of them", "No ESC in any reply; a name with one is not echoed as it is."),
    "F030": ("No 8-bit control sequences", "No C1 control in any reply, as a byte or as UTF-8."),
    "F031": ("No control characters", "No BEL, BS, NUL, DEL or other control but TAB, CR and LF in any reply."),
    "F032": ("TAB is kept", "A TAB in a plan arrives."),
    "F033": ("No bidi controls left open", "Bidi controls are removed, or closed at the line's end; no BOM at the start."),
    "F034": ("Colours on demand, closed at the end", "SGR alone may pass, and only where the operator wants it."),
    "F035": ("Blanks of a drawing", "Leading and trailing blanks and blank lines arrive byte for byte."),
    "F036": ("A huge plan", "Cut between lines, with a mark that says where the rest is."),
    "F037": ("A plan animated by bare CR", "Documented; CR becomes a line end."),
    "F038": ("Refusals and errors are lines of text", "No query of the run ends in silence or by a reset."),
    "F039": ("The empty query", "A list, or an active refusal; never nothing."),
    "F040": ("The empty query, LF alone", "The same as to CRLF."),
    "F041": ("/W alone", "A list, or an active refusal; not somebody called /W."),
    "F042": ("/W and a blank", "The same as to /W: finger -l @host sends it."),
    "F043": ("Blanks alone", "The same as to the empty query."),
    "F044": ("A login name", "Somebody is found."),
    "F045": ("/W and a name", "Somebody is found, in full."),
    "F046": ("/w in small letters", "The same as with /W: lynx sends it."),
    "F047": ("Many blanks behind /W", "The same as with one."),
    "F048": ("TAB behind /W", "The same as with a blank."),
    "F049": ("A blank before the name", "The same as without: elinks sends it."),
    "F050": ("Blanks behind the name", "The same as without."),
    "F051": ("/W behind the name", "The same as in front: RFC 1194 and 1196 have it there."),
    "F052": ("/W and a name without a blank", "Not the switch: nobody, or a word of help; never a program's usage text."),
    "F053": ("An unknown switch", "/PULL NAME: NAME is answered all the same."),
    "F054": ("Names that look like options", "-l and --help are nobody, and no program's options."),
    "F055": ("Names with a comma between", "Both are answered."),
    "F056": ("Names with a blank between", "Both are answered, where it is nobody's full name."),
    "F057": ("A full name", "Finds its owner."),
    "F058": ("A login name in capitals", "Finds its owner."),
    "F059": ("A last name", "Finds who has it, or is refused as ambiguous."),
    "F060": ("No fishing for names", "a, *, %, . and 0 do not list people."),
    "F061": ("Composed and decomposed letters", "A login outside ASCII is found in NFC and in NFD."),
    "F062": ("Percent-encoded names", "Found: offpunk sends them."),
    "F063": ("~NAME", "Finds NAME."),
    "F064": ("Pasted addresses", "acct:NAME@HOST, finger://HOST/NAME and mailto:NAME@HOST find NAME."),
    "F065": ("help and ?", "A text of help."),
    "F066": ("A hostile name in the answer", "Echoed escaped or not at all, and cut to 64 letters."),
    "F067": ("A name that is no UTF-8", "Nobody; a line of text says so."),
    "F068": ("Telnet's IAC sequences", "Dropped."),
    "F069": ("NUL in a name", "Nobody: the name does not end there."),
    "F070": ("A name of 512 letters", "An answer like that to any unknown name."),
    "F071": ("A line that is too long", "536 and 4096 letters: a line of text, then FIN."),
    "F072": ("Ten million letters and no line end", "Refused soon, not read to the end; the next client is answered."),
    "F073": ("A web browser", "GET /users/NAME HTTP/1.1: one line of text, not one for each word."),
    "F074": ("Probes of scanners", "TLS, SMB, RDP, LDAP, HELP: closed or answered in text; the next client is answered."),
    "F075": ("A dictionary client", "Of curl's lines only the first one counts."),
    "F076": ("Forwarding to another host", "Provided, or actively refused: a word like denied, not an unknown user."),
    "F077": ("Forwarding, the other forms", "@host, /W name@host, name@host@host: provided or refused likewise."),
    "F078": ("NAME@HOST, HOST being the server's own name", "The same as NAME: Emacs sends it."),
    "F079": ("@HOST, HOST being the server's own name", "The same as the empty query; with /W, as /W."),
    "F080": ("The own name in capitals, and the address", "NAME@HOST. and NAME@[address] are the same as NAME."),
    "F081": ("A second name of the server's", "The same as with the first."),
    "F082": ("name@other@HOST", "The own name is taken off, the other host is forwarding."),
    "F083": ("NAME@ and @", "An empty host is the server's own."),
    "F084": ("Hundreds of hosts", "A line of text within 1 s; the next client is answered."),
    "F085": ("@NAME@HOST, a handle of the fediverse", "NAME; with another host, provided or refused."),
    "F086": ("Tricks to relay mail", "HOST!NAME and NAME%host are nobody."),
    "F087": ("What is forwarded", "The right-most host is taken off, /W is kept."),
    "F088": ("How a forwarded answer comes", "As it comes, all of it; closed when the other side closes."),
    "F089": ("Forwarding to private addresses", "Refused, by the address that is dialled."),
    "F090": ("Forwarding in a circle", "Refused."),
    "F091": ("Forwarding to an endless or silent host", "Bounded in bytes and in time, one line of error."),
    "F092": ("The list has full names", "For everybody in the list the full name."),
    "F093": ("What a list tells can be chosen", "Each of terminal, office, phone, job and idle time can be switched."),
    "F094": ("An empty list is not silence", "Whoever is on or not: a line of text."),
    "F095": ("A list that is off is refused", "A word like denied."),
    "F096": ("An answer has the full name", "At least that."),
    "F097": ("An answer tells what the list tells", "All that stands in the list stands in the answer about the person."),
    "F098": ("Since when, or last when, somebody was on", "A line of login status."),
    "F099": ("A plan can be switched off", "By the operator and by its owner."),
    "F100": ("/W tells at least what plain tells", "No line less, and never an error."),
    "F101": ("The three examples of atomic discharge", "Can be had by settings."),
    "F102": ("Unknown names are answered alike", "Byte for byte, but for the name."),
    "F103": ("Accounts of the system", "root and daemon are answered as unknown names are."),
    "F104": ("No paths, shells or mail in answers", "Nor in errors."),
    "F105": ("The same values on every protocol", "For the same person and the same asker."),
    "F106": ("A plan that is a link to somebody else's file", "Not shown."),
    "F107": ("A plan that is no file", "Not shown, and nothing waits for it."),
    "F108": ("Paths for names", "../../etc/passwd and the like are nobody."),
    "F109": ("A plan swapped while it is opened", "The open file decides."),
    "F110": ("A home that cannot be searched", "Taken as hidden."),
    "F111": ("A plan that has changed", "Shown without a restart."),
    "F112": ("Programs of users", "None are run, or the documentation says how."),
    "F113": ("Shell metacharacters", "Nobody: no query starts a process."),
    "F114": ("A vending machine", "Lists its items; a query sells nothing."),
    "F115": ("A record of each query", "Time, asker and query."),
    "F116": ("Control characters for the log", "Answered as any unknown name; in the log they are escaped."),
    "F117": ("Addresses in records", "Full, truncated, hashed or none."),
    "F118": ("Who asked about me?", "Left to the server."),
    "F119": ("What intrusion detection takes offence at", "Documented."),
    "F120": ("Random lines", "300 lines: each reply is clean CRLF text in UTF-8, and the next client is answered."),
    "F121": ("A client prints nothing unsafe", "By default."),
    "F122": ("Clients that filter nothing", "So the server does (F029-F033)."),
}  # fmt: skip

# Why some can never be tested from outside.
PLAN = "needs a plan made for the purpose on the server"
SETTING = "a setting of the server's, and cannot be seen from outside"
LOG = "cannot be seen from outside: the server's own log"
FORWARDING = "needs a server that forwards, and hosts to forward to"
FILES = "needs files made for the purpose on the server's disk"
DOCUMENTATION = "not a matter of bytes: read the server's documentation"
CLIENT = "about clients, not servers"
LARGE = "needs somebody whose answer is larger than the kernel's buffers"
RESOLVER = "needs a dead resolver on the server's side"
MAPPED = "cannot be seen from outside: limits and log of the server"
OTHERS = "needs the server's other protocols"
SERVICE = "needs a server of things, not people"

# Why something was not tested, or did not pass.
NO_LOGIN = "needs --login NAME: somebody who exists"
NO_SECOND_LOGIN = "needs a second --login NAME"
NO_WIDE_LOGIN = "needs --login NAME with letters outside ASCII"
NO_NAME = "needs --name: the full name was not recognised in the answer"
NO_AGGRESSIVE = "needs --aggressive"
NO_WAIT = "needs --wait SECONDS"
NO_IPV6 = "needs --host-name ADDRESS: HOST has no address of the other kind"
ADDRESS_ALONE = "the address alone: --host-name NAME tests the name"
NO_SECOND_HOST_NAME = "needs a second --host-name NAME"
LIST_REFUSED = "the list is refused"
LIST_ON = "the list is given, not refused"
LIST_UNREAD = "nobody is in the list, or it has no heading of logins and names"
NO_STATUS = "no line of it; it may be switched off"
NOT_IN_LIST = "nobody in the list is found by login"
NOT_ECHOED = "names are not repeated; needs somebody with such letters"
NO_LAST_NAME = "the full name has no last name"

UNREACHABLE = "no connection"
RESET = "ended by a reset"
CUT_OFF = "the answer ended by a reset"
BLANK = "an empty reply"
NOT_CLOSED = "the answer came, but the server did not close"
TALKED_FIRST = "it talked before it was asked"
FIRST_LINE_TWICE = "answered more than the first line"
UNKNOWN = "said to be unknown"
FOUND = "answered as if it were somebody"
LISTED = "answered with a list, or with more than one line"
TAKEN_FOR_SWITCH = "answered as /W and the name"
USAGE = "a program's usage text"
NOT_LISTED = "neither a list nor an active refusal"
NOT_REFUSED = "neither forwarded nor actively refused"
ROUTED = "passed on"
NOT_LIKE_UNKNOWN = "answered otherwise than an unknown name"
NOT_ALIKE = "two unknown names are answered differently"
LONG_ECHO = "more than 64 letters of the name are repeated"
MANY_LINES = "several lines about unknown people"
NOT_SWALLOWED = "a line was answered that was not the first"
PROXY_BELIEVED = "the header was dropped and the query answered"
SLEPT = "the answer took so long as the query's sleep"
EXECUTED = "the output of a program"
ALL_READ = "all of it was read, and nothing said"
STOPPED_READING = "it stopped reading, and said nothing"
NO_LIMIT_QUERIES = "no limit was met"
STAYED_OPEN = "still open"
NO_WORD = "closed without a word"
NOT_CLEAN = "not as it should be"
SURPLUS_SILENT = "those above the limit were closed without a word"
NO_FULL_NAME = "without the full name"
MANGLED = "a letter outside ASCII did not arrive whole"
AS_FORWARDER = "it forwards"
NOT_HELP = "no help"
BARE = "a line end that is not CRLF"
NOT_UTF8 = "no UTF-8"
ESCAPE = "ESC"
EIGHT_BIT = "a C1 control"
CONTROL = "a control character"
BIDI = "an open bidi control, or a BOM"
ANSWERED_NOTHING = "an answer to nothing"
NO_REPLY = "no reply, or an empty one"
RESETS = "after resets"
PROBES = "after probes of other protocols"
BOMBS = "after hundreds of hosts"
LONG_LINE = "after ten million letters"
RANDOM = "after random lines"
CONNECTIONS = "connections"
QUERIES = "queries"
LIMITED = "the server says that it was asked too often"
EMPTY_QUERY = "the empty query"
DROPPED_SOME = "some got no reply"


def no_byte_within(seconds: float) -> str:
    return f"no byte within {seconds:g} s"


def next_client_failed(after: str) -> str:
    return f"the next client was not answered {after}"


def not_same_answer(line: str) -> str:
    return f"not the same answer as to {line}"


def still_open(seconds: float) -> str:
    return f"still open after {seconds:g} s (--wait SECONDS waits longer)"


def closed_after(seconds: float) -> str:
    return f"closed after {seconds:.1f} s"


def found_at(what: str, place: int) -> str:
    return f"{what} at byte {place}"


def none_among(count: int) -> str:
    return f"none in {count} replies"


def lacks(words: str) -> str:
    return f"lacks: {shorten(words.encode())}"


def idle_connections(idle: int, seconds: float) -> str:
    return f"{idle} idle connections, answered in {seconds:.2f} s"


def connection_limit(kept: int, told: int) -> str:
    return f"{kept} let in, {told} told that there are too many"


def no_limit(count: int, what: str) -> str:
    return f"no limit met with {count} {what}"


def limited_after(count: int) -> str:
    return f"refused after {count} queries"


def reveals(what: str) -> str:
    return f"tells: {shorten(what.encode())}"


def too_slow(seconds: float) -> str:
    return f"took {seconds:.1f} s"


def random_lines(count: int, seed: int) -> str:
    return f"{count} lines, seed {seed}"


def bytes_read(count: int) -> str:
    return f"{count} bytes taken before it ended"


def not_reached(host: str, port: int, why: str) -> str:
    return f"{host} port {port}: {why}"


def login_unknown(login: str) -> str:
    return f"{login} was not found: see F044"


_ESCAPES = {ord("\t"): r"\t", ord("\n"): r"\n", ord("\r"): r"\r", ord("\\"): r"\\"}


def escape_bytes(data: bytes) -> str:
    """Return *data* in ASCII, with the escapes of Python, C and JavaScript."""
    return "".join(_ESCAPES.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}") for byte in data)


def shorten(data: bytes, most: int = 60) -> str:
    """Return *data* on one line of ASCII, cut to about *most* letters."""
    whole = escape_bytes(data[: most + 1])
    return whole if len(whole) <= most else whole[: most - 3] + "..."


def no_connection(why: str) -> str:
    return f"no connection: {why}"


# The report.
VERDICTS = {"pass": "pass", "fail": "FAIL", "not tested": "untested"}
SENT = "sent"
SEEN = "seen"
HEADING = "Id    Level     Section  Verdict   What (sections as 2.1 are of RFC 1288)"
NO_RFC = "in no RFC"


def title(where: str) -> str:
    return f"Finger conformance of {where}"


def expected(what: str) -> str:
    return f"expected: {what}"


def failed_because(why: str) -> str:
    return f"failed: {why}"


def never_testable(why: str) -> str:
    return f"never tested from outside: {why}"


def totals(level: str, passed: int, failed: int, untested: int) -> str:
    return f"{level:8}  {passed} passed, {failed} failed, {untested} not tested"
