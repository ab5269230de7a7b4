"""Requirements that no client can test from outside. The list of checks shows them with the reason."""

from . import messages
from .registry import untestable

untestable(
    "F013",
    "practice",
    "RFC 1288 2.1",
    "Client that does not read",
    "Disconnected in time; memory use stays bounded.",
    messages.NEEDS_LARGE_ANSWER,
)
untestable(
    "F018",
    "practice",
    "",
    "IPv4-mapped IPv6 addresses",
    "Count as IPv4 addresses in limits and logs.",
    messages.IN_LIMITS_AND_LOG,
)
untestable(
    "F020",
    "practice",
    "",
    "Configurable addresses, no root needed",
    "Addresses and ports are settings; socket activation works; no root needed.",
    messages.IS_SETTING,
)
untestable(
    "F021",
    "practice",
    "",
    "No waiting for DNS or ident",
    "Answers within 100 ms even if the resolver and port 113 do not respond.",
    messages.NEEDS_RESOLVER,
)
untestable(
    "F023",
    "MUST",
    "RFC 1288 2.2",
    "Line ends in a plan become CRLF",
    "LF, CRLF and CR each become one CRLF.",
    messages.NEEDS_PLAN,
)
untestable(
    "F024",
    "MUST",
    "RFC 1288 2.2",
    "Plan without a final line end",
    "CRLF is appended.",
    messages.NEEDS_PLAN,
)
untestable(
    "F026",
    "MUST",
    "RFC 1288 2.2",
    "Plan in Latin-1",
    "Sent as UTF-8.",
    messages.NEEDS_PLAN,
)
untestable(
    "F028",
    "MUST",
    "RFC 1288 2.2",
    "ASCII-only output for old clients",
    "A listener can be set to send readable ASCII.",
    messages.IS_SETTING,
)
untestable(
    "F032",
    "practice",
    "RFC 1288 3.3",
    "TAB is kept",
    "A TAB in a plan is sent as a TAB.",
    messages.NEEDS_PLAN,
)
untestable(
    "F034",
    "practice",
    "RFC 1288 3.3",
    "Optional colours, reset at the end",
    "Only SGR sequences pass, and only if the operator allows them.",
    messages.NEEDS_PLAN,
)
untestable(
    "F035",
    "practice",
    "",
    "Spaces and blank lines are kept",
    "Leading and trailing spaces and blank lines of a plan arrive unchanged.",
    messages.NEEDS_PLAN,
)
untestable(
    "F036",
    "practice",
    "",
    "Huge plan",
    "Cut between lines, with a note where to find the rest.",
    messages.NEEDS_PLAN,
)
untestable(
    "F037",
    "practice",
    "",
    "Plan animated by bare CRs",
    "Documented; each CR becomes a line end.",
    messages.NEEDS_PLAN,
)
untestable(
    "F087",
    "MUST",
    "RFC 1288 2.4",
    "What is forwarded",
    "The right-most host is removed, /W is kept.",
    messages.NEEDS_FORWARDING,
)
untestable(
    "F088",
    "MUST",
    "RFC 1288 2.4",
    "Forwarded answers",
    "Passed on completely as they arrive; closed when the other side closes.",
    messages.NEEDS_FORWARDING,
)
untestable(
    "F089",
    "practice",
    "",
    "Forwarding to private addresses",
    "Refused; the address that is dialled decides.",
    messages.NEEDS_FORWARDING,
)
untestable(
    "F090",
    "practice",
    "",
    "Forwarding loop",
    "Refused.",
    messages.NEEDS_FORWARDING,
)
untestable(
    "F091",
    "practice",
    "",
    "Forwarding to an endless or silent host",
    "Limited in bytes and in time, with a one-line error.",
    messages.NEEDS_FORWARDING,
)
untestable(
    "F093",
    "SHOULD",
    "RFC 1288 2.5.1",
    "Configurable list fields",
    "Terminal, office, phone, job and idle time can each be turned on or off.",
    messages.IS_SETTING,
)
untestable(
    "F099",
    "SHOULD",
    "RFC 1288 2.5.2",
    "Plans can be turned off",
    "By the operator and by the owner.",
    messages.IS_SETTING,
)
untestable(
    "F101",
    "SHOULD",
    "RFC 1288 3.2.3",
    "The three examples of atomic discharge",
    "Each can be produced by settings.",
    messages.IS_SETTING,
)
untestable(
    "F105",
    "practice",
    "",
    "Same values on every protocol",
    "For the same person and the same viewer.",
    messages.NEEDS_OTHER_PROTOCOLS,
)
untestable(
    "F106",
    "practice",
    "RFC 1288 3.2.4",
    "Plan that links to another user's file",
    "Not shown.",
    messages.NEEDS_FILES,
)
untestable(
    "F107",
    "practice",
    "RFC 1288 3.2.4",
    "Plan that is not a regular file",
    "Not shown, and the server does not hang on it.",
    messages.NEEDS_FILES,
)
untestable(
    "F109",
    "practice",
    "RFC 1288 3.2.4",
    "Plan swapped while it is being opened",
    "Checks apply to the file that was opened.",
    messages.NEEDS_FILES,
)
untestable(
    "F110",
    "practice",
    "RFC 1288 3.2.4",
    "Home directory without search permission",
    "The person is treated as hidden.",
    messages.NEEDS_FILES,
)
untestable(
    "F111",
    "practice",
    "RFC 1288 3.2.4",
    "Plan that has changed",
    "The new plan is shown without a restart.",
    messages.NEEDS_FILES,
)
untestable(
    "F112",
    "MUST",
    "RFC 1288 3.2.5",
    "User programs",
    "Not run, or the documentation says how.",
    messages.IN_DOCUMENTATION,
)
untestable(
    "F114",
    "SHOULD",
    "RFC 1288 2.5.5",
    "Vending machine",
    "Lists its items; a query never dispenses anything.",
    messages.NEEDS_SERVICE,
)
untestable(
    "F115",
    "SHOULD",
    "RFC 1288 3.2.7",
    "Query log",
    "Each query is logged with time, client and query.",
    messages.IN_LOG,
)
untestable(
    "F117",
    "practice",
    "",
    "Addresses in the log",
    "Whole, shortened, hashed or none.",
    messages.IN_LOG,
)
untestable(
    "F118",
    "practice",
    "",
    "Who looked me up?",
    "Left to the server.",
    messages.IN_LOG,
)
untestable(
    "F119",
    "practice",
    "",
    "Queries that intrusion detection reports",
    "Documented.",
    messages.IN_DOCUMENTATION,
)
untestable(
    "F121",
    "SHOULD",
    "RFC 1288 3.3",
    "Clients print nothing unsafe",
    "Clients filter what they print by default.",
    messages.ABOUT_CLIENTS,
)
untestable(
    "F122",
    "practice",
    "",
    "Clients that do not filter",
    "The server filters for them (F029-F033).",
    messages.ABOUT_CLIENTS,
)
