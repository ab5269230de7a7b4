"""PROXY headers byte by byte: valid, invalid and incomplete ones; data after a header stays untouched."""

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address

from gateway.net.proxy_header import InvalidProxyHeader, ProxyHeader, parse_header
from tests.unit.proxy import LOCAL, PROXY, TCP4, TCP6, UDP4, UDP6, UNIX, addresses, relayed, tlv, v1, v2

LONGEST_V1 = (
    b"PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"
)
LONGEST_6 = LONGEST_V1.replace(b"UNKNOWN", b"TCP6")
HIGHEST_6 = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535"
QUERY = b"alice\r\n"

# header, client, destination (None: the connection's own addresses)
VALID: list[tuple[bytes, str | None, str | None]] = [
    (b"PROXY TCP4 198.51.100.7 203.0.113.9 50000 79\r\n", "198.51.100.7 50000", "203.0.113.9 79"),
    (b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255 65535", "255.255.255.255 65535"),
    (b"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", "0.0.0.0 0", "0.0.0.0 0"),
    (b"PROXY TCP6 2001:db8::7 2001:DB8:0:0::9 1 79\r\n", "2001:db8::7 1", "2001:db8::9 79"),
    (b"PROXY TCP6 ::ffff:198.51.100.7 ::ffff:cb00:7109 1 2\r\n", "::ffff:198.51.100.7 1", "::ffff:203.0.113.9 2"),
    (b"PROXY TCP6 :: ::1 1 2\r\n", ":: 1", "::1 2"),
    (LONGEST_6, HIGHEST_6, HIGHEST_6),
    (b"PROXY UNKNOWN\r\n", None, None),
    (b"PROXY UNKNOWN \r\n", None, None),
    (b"PROXY UNKNOWN 1.2.3.4 5.6.7.8 1 2\r\n", None, None),
    (b"PROXY UNKNOWN \x1b[31m\x00\xff \n \r x\r\n", None, None),
    (LONGEST_V1, None, None),
    (relayed(), "198.51.100.7 50000", "203.0.113.9 79"),
    (relayed("2001:db8::7", "2001:db8::9"), "2001:db8::7 50000", "2001:db8::9 79"),
    (relayed("::ffff:198.51.100.7", "::ffff:203.0.113.9"), "::ffff:198.51.100.7 50000", "::ffff:203.0.113.9 79"),
    (relayed(more=tlv(0x04, b"") + tlv(0x02, b"dir.test")), "198.51.100.7 50000", "203.0.113.9 79"),
    (relayed(more=tlv(0x20, b"\x01\0\0\0\0" + tlv(0x21, b"TLSv1.3"))), "198.51.100.7 50000", "203.0.113.9 79"),
    (relayed(more=b"no TLV"), "198.51.100.7 50000", "203.0.113.9 79"),
    (relayed(more=tlv(0xEE, b"x" * (4096 - 12 - 3))), "198.51.100.7 50000", "203.0.113.9 79"),
    (v2(LOCAL, 0, b""), None, None),
    (v2(LOCAL, TCP4, addresses()), None, None),
    (v2(LOCAL, 0xFF, b"what is this"), None, None),
    (v2(LOCAL, 0, tlv(0x04, b"x" * 4093)), None, None),
    (v2(PROXY, 0, b""), None, None),
    (v2(PROXY, 0, b"x" * 9), None, None),
    (v2(PROXY, 0x10, addresses()), None, None),
    (v2(PROXY, 0x01, addresses()), None, None),
    (v2(PROXY, UDP4, addresses()), None, None),
    (v2(PROXY, UDP6, addresses("::1", "::2")), None, None),
    (v2(PROXY, UNIX, b"/run/client".ljust(108, b"\0") + b"/run/haproxy".ljust(108, b"\0")), None, None),
]

INVALID_IPV4 = [
    b"", b"1", b"1.2.3", b"1.2.3.4.5", b"1.2.3.256", b"1.2.3.-1", b"01.2.3.4", b"1.2.3.00", b"1.2.3.4 ", b" 1.2.3.4",
    b"1.2.3.4\t", b"1,2,3,4", b"0x1.2.3.4", b"1.2.3.4/8", b"2001:db8::7", b"::ffff:1.2.3.4", b"localhost", b"1.2.3.4\0",
    b"evil\x1b[31m", b"1.2.3.4\x1b[31m", "１.2.3.4".encode(), b"\xff\xfe", b"1.2.3.", b".1.2.3", b"1..2.3", b"[1.2.3.4]",
    b"1.2.3.4%eth0", b"1.2.3.4:79", b"*", b"-", b"999999999999", b"1.2.3.4\r",
]  # fmt: skip
INVALID_IPV6 = [
    b"", b"1.2.3.4", b":", b":::", b"1::2::3", b"1:2:3:4:5:6:7", b"1:2:3:4:5:6:7:8:9", b"1:2:3:4:5:6:7:8::", b"12345::",
    b"g::", b"::1%eth0", b"[::1]", b"::1/128", b"fe80::1%1", b"::1\x1b[31m", b"::1.2.3", b"::256.1.1.1", b":1", b"1:",
    b"::01.2.3.4", "：：1".encode(), b"::1\0", b"\xff", b"evil\x1b]0;x\x07",
]  # fmt: skip
INVALID_PORTS = [
    b"", b"-1", b"+1", b"00", b"079", b"65536", b"99999", b"100000", b"1e3", b"0x50", b" 79", b"7 9", b"79\t", b"79\0", b"x",
    b"\x1b[31m", "７９".encode(), "²".encode(), b"79.0", b"1_0", b"18446744073709551695",
]  # fmt: skip

INVALID: list[bytes] = [
    b"alice\r\n", b"\r\nx\r\n", b"\n", b" PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", b"proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n", b"P\r\n",
    b"PROXY\r\n", b"PROXY \r\n", b"PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n", b"PROXY\tTCP4 1.2.3.4 5.6.7.8 1 2\r\n",
    b"PROXY TCP4\r\n", b"PROXY TCP 1.2.3.4 5.6.7.8 1 2\r\n", b"PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n",
    b"PROXY tcp4 1.2.3.4 5.6.7.8 1 2\r\n", b"PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n", b"PROXY TCP44 1.2.3.4 5.6.7.8 1 2\r\n",
    b"PROXY UNKNOWNX\r\n", b"PROXY UNKNOWN\n", b"PROXY UNKNOWN\rx", b"PROXY unknown\r\n", b"PROXYUNKNOWN\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\r\n", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n", b"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", b"PROXY TCP4 1.2.3.4 5.6.7.8\r\n",
    b"PROXY TCP4 1.2.3.4  5.6.7.8 1 2\r\n", b"PROXY TCP4 1.2.3.4\n5.6.7.8 1 2\r\n", b"PROXY TCP4 \r\n",
    b"PROXY TCP4 1.2.3.4 ::1 1 2\r\n", b"PROXY TCP6 ::1 1.2.3.4 1 2\r\n", b"PROXY TCP4 " + b"1" * 96,
    b"PROXY UNKNOWN " + b"x" * 93, b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n", b"PROXY UNKNOWN " + b"x" * 5000,
    b"PROXY TCP4 " + b"\x1b[31m" * 20,
    b"\r\nalice", b"\r\n\r\n\0\r\nQUIT\r", b"\r\n\r\n\0\r\nQUIX\n", b"\r\n\r\nalice\r\n", b"GET / HTTP/1.1\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32), b"\0", b"\xff" * 200,
    *(v2(command, TCP4, addresses()) for command in range(256) if command not in (LOCAL, PROXY)),
    *(v2(PROXY, family, addresses("::1", "::2")) for family in range(256) if family >> 4 > 3 or family & 15 > 2),
    *(v2(PROXY, TCP4, addresses()[:size]) for size in range(12)),
    *(v2(PROXY, TCP6, addresses("::1", "::2")[:size]) for size in range(36)),
    v2(PROXY, TCP4, addresses(), announced=4097), v2(PROXY, TCP4, addresses(), announced=65535),
    v2(LOCAL, 0, b"", announced=4097), v2(PROXY, 0, b"", announced=65535),
    *(b"PROXY TCP4 %s 5.6.7.8 1 2\r\n" % each for each in INVALID_IPV4),
    *(b"PROXY TCP4 1.2.3.4 %s 1 2\r\n" % each for each in INVALID_IPV4),
    *(b"PROXY TCP6 %s ::1 1 2\r\n" % each for each in INVALID_IPV6),
    *(b"PROXY TCP6 ::1 %s 1 2\r\n" % each for each in INVALID_IPV6),
    *(b"PROXY TCP4 1.2.3.4 5.6.7.8 %s 2\r\n" % each for each in INVALID_PORTS),
    *(b"PROXY TCP4 1.2.3.4 5.6.7.8 1 %s\r\n" % each for each in INVALID_PORTS),
]  # fmt: skip


def format_address(address: IPv4Address | IPv6Address | None) -> str | None:
    return None if address is None else f"{address.host} {address.port}"


def parse_or_reason(data: bytes) -> ProxyHeader | str | None:
    """Return the header, the reason why it is invalid, or None if it is incomplete."""
    try:
        return parse_header(data)
    except InvalidProxyHeader as bad:
        return str(bad)


@pytest.mark.parametrize("number", range(len(VALID)))
def test_F019_R034_a_valid_header_is_parsed_and_nothing_after_it(number: int) -> None:
    data, source, destination = VALID[number]
    found = parse_header(data + QUERY)
    assert found is not None
    assert (data + QUERY)[found.length :] == QUERY
    assert (format_address(found.source), format_address(found.destination)) == (source, destination)
    assert all(parse_header(data[:end]) is None for end in range(len(data)))
    assert parse_header(data) == found


@pytest.mark.parametrize("data", INVALID, ids=range(len(INVALID)))
def test_F019_R034_an_invalid_header_stays_invalid(data: bytes) -> None:
    reason = parse_or_reason(data)
    assert isinstance(reason, str)
    first = next(end for end in range(len(data) + 1) if parse_or_reason(data[:end]) is not None)
    assert isinstance(parse_or_reason(data[:first]), str)
    assert {parse_or_reason(data[:end] + QUERY) for end in range(first, len(data) + 1)} <= {
        parse_or_reason(data[:first])
    }
    assert re.fullmatch(r"[A-Za-z0-9 ,]+", reason)  # contains no received data


def test_number_of_cases() -> None:
    assert len(VALID) + len(INVALID) > 550


def test_R034_an_endless_line_is_refused_at_its_107th_byte() -> None:
    for start in (b"PROXY TCP4 ", b"PROXY TCP6 ", b"PROXY UNKNOWN "):
        line = start + b"1" * 200
        assert next(end for end in range(200) if parse_or_reason(line[:end]) is not None) == 107
    assert len(LONGEST_V1) == 107 and parse_header(LONGEST_V1) == ProxyHeader(107)


def test_R034_version_2_is_refused_as_early_as_possible() -> None:
    for data, end in (
        (v2(0x11, TCP4, addresses()), 13),
        (v2(PROXY, 0x41, addresses()), 14),
        (v2(PROXY, TCP4, b""), 16),
        (v2(LOCAL, 0, b"", announced=9999), 16),
        (b"\r\n\r\n\0\r\nQUIT\r", 12),
    ):
        assert parse_or_reason(data[: end - 1]) is None
        assert isinstance(parse_or_reason(data[:end]), str)


PORTS = st.integers(0, 65535)


@given(source=st.ip_addresses(v=4), destination=st.ip_addresses(v=4), ports=st.tuples(PORTS, PORTS), rest=st.binary())
def test_F019_both_versions_give_equal_results_for_IPv4(
    source: object, destination: object, ports: tuple[int, int], rest: bytes
) -> None:
    text = v1(str(source), str(destination), f"{ports[0]} {ports[1]}")
    binary = v2(PROXY, TCP4, addresses(str(source), str(destination), ports))
    one, other = parse_header(text + rest), parse_header(binary + rest)
    assert one is not None and other is not None
    assert (one.length, other.length) == (len(text), len(binary))
    assert (one.source, one.destination) == (other.source, other.destination)
    assert (
        format_address(one.source) == f"{source} {ports[0]}"
        and format_address(one.destination) == f"{destination} {ports[1]}"
    )


@given(source=st.ip_addresses(v=6), ports=st.tuples(PORTS, PORTS), rest=st.binary(), tlvs=st.binary(max_size=300))
def test_F019_both_versions_give_equal_results_for_IPv6(
    source: object, ports: tuple[int, int], rest: bytes, tlvs: bytes
) -> None:
    text = v1(str(source), "2001:db8::9", f"{ports[0]} {ports[1]}", family="TCP6")
    binary = v2(PROXY, TCP6, addresses(str(source), "2001:db8::9", ports) + tlvs)
    one, other = parse_header(text + rest), parse_header(binary + rest)
    assert one is not None and other is not None
    assert (one.length, other.length) == (len(text), len(binary))
    assert (one.source, one.destination) == (other.source, other.destination)


ANY_BYTES = st.one_of(
    st.binary(max_size=300),
    st.binary(max_size=200).map(lambda rest: b"PROXY TCP4 " + rest),
    st.binary(max_size=200).map(lambda rest: b"PROXY UNKNOWN" + rest),
    st.binary(max_size=300).map(lambda rest: v2(PROXY, TCP4, b"")[:12] + rest),
    st.builds(v2, st.sampled_from([LOCAL, PROXY]), st.integers(0, 255), st.binary(max_size=300)),
    st.builds(
        lambda whole, at, byte: whole[: at % len(whole)] + byte + whole[at % len(whole) :],
        st.sampled_from([each[0] for each in VALID]),
        st.integers(0, 5000),
        st.binary(max_size=2),
    ),
)


@given(data=ANY_BYTES, more=st.binary(max_size=50))
def test_R034_results_do_not_depend_on_how_data_is_split(data: bytes, more: bytes) -> None:
    """Only InvalidProxyHeader is raised, and a decision does not change with further data."""
    whole = parse_or_reason(data + more)
    first = next((result for end in range(len(data) + 1) if (result := parse_or_reason(data[:end])) is not None), None)
    if first is not None:
        assert whole == first
    if isinstance(whole, ProxyHeader):
        assert whole.length <= len(data + more)
        assert parse_or_reason((data + more)[: whole.length]) == whole
        assert parse_or_reason((data + more)[: whole.length - 1]) is None


def test_valid_headers_without_a_client_use_the_connections_address() -> None:
    for family, transport in product(range(4), range(3)):
        found = parse_header(v2(PROXY, family << 4 | transport, bytes(216)))
        assert found is not None and found.length == 232
        assert (found.source is None) == (family << 4 | transport not in (TCP4, TCP6))
