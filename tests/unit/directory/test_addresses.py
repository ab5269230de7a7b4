"""Client addresses as values, and networks of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.directory.addresses import Address, Networks


def parse(text: str) -> Address:
    address = Address.parse(text)
    assert address is not None, text
    return address


@pytest.mark.parametrize(
    ("text", "packed", "key", "text_form", "truncated"),
    [
        ("192.0.2.77", "c000024d", "c000024d", "192.0.2.77", "192.0.2.0"),
        ("::ffff:192.0.2.77", "c000024d", "c000024d", "192.0.2.77", "192.0.2.0"),
        ("::FFFF:c000:24d", "c000024d", "c000024d", "192.0.2.77", "192.0.2.0"),
        (
            "2001:db8:1:2:3:4:5:6",
            "20010db8000100020003000400050006",
            "20010db800010002",
            "2001:db8:1:2:3:4:5:6",
            "2001:db8:1::",
        ),
        ("fe80::1%eth0", "fe800000000000000000000000000001", "fe80000000000000", "fe80::1", "fe80::"),
        ("::1", "00000000000000000000000000000001", "0000000000000000", "::1", "::"),
        ("::", "00000000000000000000000000000000", "0000000000000000", "::", "::"),
    ],
)
def test_address_forms(text: str, packed: str, key: str, text_form: str, truncated: str) -> None:
    address = parse(text)
    assert address.packed == bytes.fromhex(packed)
    assert address.key == bytes.fromhex(key)
    assert str(address) == text_form
    assert address.truncated() == truncated


@pytest.mark.parametrize(
    "text",
    ["", "alice", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", ":::", "g::", "1\x00", "é", "\ud800"],
)
def test_invalid_addresses(text: str) -> None:
    assert Address.parse(text) is None


def test_the_key_is_an_ipv4_address_or_an_ipv6_64() -> None:
    assert parse("2001:db8::1").key == parse("2001:db8::ffff:1").key
    assert parse("2001:db8::1").key != parse("2001:db8:0:1::1").key
    assert parse("192.0.2.1").key != parse("192.0.2.2").key
    assert parse("fe80::1%eth0") == parse("fe80::1%eth1") == parse("fe80::1")


@given(st.ip_addresses())
def test_every_address_round_trips(address: object) -> None:
    text = str(address)
    parsed = parse(text)
    assert parse(str(parsed)) == parsed
    assert len(parsed.packed) in (4, 16)


@pytest.mark.parametrize("text", ["127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"])
def test_loopback(text: str) -> None:
    assert parse(text).is_loopback


@pytest.mark.parametrize("text", ["128.0.0.1", "126.255.255.255", "::2", "7f00::", "::127.0.0.1"])
def test_not_loopback(text: str) -> None:
    assert not parse(text).is_loopback


def test_networks() -> None:
    networks = Networks(["192.0.2.0/24", "2001:db8::/32", "198.51.100.7"])
    for inside in ("192.0.2.0", "192.0.2.255", "::ffff:192.0.2.9", "2001:db8:ffff::1", "198.51.100.7"):
        assert parse(inside) in networks, inside
    for outside in ("192.0.3.0", "2001:db9::", "198.51.100.8", "::c000:201"):
        assert parse(outside) not in networks, outside
    assert "192.0.2.1" not in networks
    assert None not in networks
    assert parse("192.0.2.1") not in Networks([])


@pytest.mark.parametrize("text", ["", "here", "192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/", "::/129"])
def test_invalid_networks(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Networks([text])
