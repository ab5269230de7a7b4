"""Which IP addresses are public, and the canonical form of host names."""

from ipaddress import ip_address

import pytest

from gateway.outbound.host_names import BadPattern, HostPatterns, canonical_host
from gateway.outbound.ip_addresses import is_public, parse_ip_literal, translate_nat64

PRIVATE = (
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.9.9.9",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.168.1.1", "198.18.0.1",
    "198.51.100.7", "203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::9.9.9.9", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "::ffff:0:9.9.9.9", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::9.9.9.9", "100::1",
    "2001::1", "2001:0:909:909::1", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::",
    "2002:0909:0909::1",
    "3fff::1", "4000::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%lo", "fec0::1", "ff02::1",
    "2620:fe::9%lo", "64:ff9b::9.9.9.9%lo",
)  # fmt: skip
PUBLIC = (
    "1.1.1.1", "9.9.9.9", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1", "192.0.1.1", "192.1.0.1",
    "198.17.255.255", "198.20.0.1", "223.255.255.255", "::ffff:9.9.9.9", "64:ff9b::9.9.9.9", "2001:200::1",
    "2001:4860:4860::8888", "2606:4700::1", "2620:fe::9", "2a00::1",
)  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_F089_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    assert is_public(ip_address(address))


def test_NAT64_translation_and_IP_literals() -> None:
    assert (
        str(translate_nat64(ip_address("::ffff:9.9.9.9")))
        == str(translate_nat64(ip_address("64:ff9b::9.9.9.9")))
        == "9.9.9.9"
    )
    assert str(translate_nat64(ip_address("2620:fe::9"))) == "2620:fe::9"
    assert [str(parse_ip_literal(each)) for each in ("[::FFFF:9.9.9.9]", "9.9.9.9", "9.9", "b.test", "[b.test]", "")] == [
        "9.9.9.9", "9.9.9.9", "None", "None", "None", "None"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("B.Test.", "b.test"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example.", "xn--bcher-kva.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("b。test", "b.test"),
        ("my_host.example", "my_host.example"),
        ("[2620:FE::0009]", "2620:fe::9"),
        ("9.9.9.9", "9.9.9.9"),
        ("0x7f.1", "0x7f.1"),
        *((host, None) for host in ("", ".", "b..test", "-b.test", "b-.test", "b test", "b\r\n.test", "b/test", "b:79",
                                    "x" * 64, "a." * 127 + "test", "b\ufffd.test", "b\u202e.test", "[b.test]", "::1%",
                                    "fe80::1%\x1b[2J", "fe80::1%a b", "fe80::1%" + "x" * 16)),
        ("FE80::1%eth0.2", "fe80::1%eth0.2"),
    ],
)  # fmt: skip
def test_canonical_host(host: str, expected: str | None) -> None:
    assert canonical_host(host) == expected


def test_F087_host_patterns() -> None:
    allowed = HostPatterns(["B.test.", "*.example.org", "bücher.example", "[2620:fe::9]"])
    host: str | None
    for host in ("b.test", "a.example.org", "a.b.example.org", "xn--bcher-kva.example", "2620:fe::9"):
        assert host in allowed
    for host in ("a.b.test", "test", "example.org", "badexample.org", "2620:fe::a", "", None):
        assert host not in allowed
    assert "b.test" not in HostPatterns([])


@pytest.mark.parametrize("host", ["::1%.example.org", "64:ff9b::9.9.9.9%.example.org", "[2620:fe::9%a.example.org]"])
def test_F089_an_address_with_a_zone_like_a_name_matches_no_pattern(host: str) -> None:
    name = canonical_host(host)
    assert name is not None and name not in HostPatterns(["*.example.org"])


@pytest.mark.parametrize("pattern", ["", "*", "*.", "*.*.test", "b.*", "b.test:79", "*.9.9.9.9", "http://b.test/"])
def test_invalid_patterns(pattern: str) -> None:
    with pytest.raises(BadPattern):
        HostPatterns([pattern])
