"""Rate limits, and the admission of connections."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.directory.addresses import Address
from gateway.net.admission import Admission, AdmissionControl
from gateway.ops.rate_limit import RateLimit


class ManualClock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_burst_of_60_requests_then_one_per_second() -> None:
    clock = ManualClock()
    rate = RateLimit(60, clock)
    assert [rate.retry_after("a") for _ in range(60)] == [0.0] * 60
    assert rate.retry_after("a") == pytest.approx(1.0)
    assert rate.retry_after("a") == pytest.approx(1.0)  # a refused request costs nothing
    clock.now += 0.4
    assert rate.retry_after("a") == pytest.approx(0.6)
    clock.now += 0.6
    assert rate.retry_after("a") == 0.0
    assert rate.retry_after("a") == pytest.approx(1.0)
    clock.now += 10
    assert [rate.retry_after("a") == 0.0 for _ in range(11)] == [True] * 10 + [False]
    clock.now += 3600
    assert [rate.retry_after("a") == 0.0 for _ in range(61)] == [True] * 60 + [False]


def test_each_client_has_its_own_limit() -> None:
    rate = RateLimit(2, ManualClock())
    for key in ("a", b"\xc0\x00\x02\x01", ("irc", "libera", "alice")):
        assert [rate.retry_after(key) == 0.0 for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(("per_minute", "wait"), [(1, 60.0), (6, 10.0), (600, 0.1), (6000, 0.01)])
def test_retry_after(per_minute: int, wait: float) -> None:
    rate = RateLimit(per_minute, ManualClock())
    assert all(rate.retry_after("a") == 0.0 for _ in range(per_minute))
    assert rate.retry_after("a") == pytest.approx(wait)


@given(
    st.integers(1, 8),
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([0, 0, 0, 1, 5, 7, 30, 60, 300])), max_size=60),
)
def test_equals_a_token_bucket(per_minute: int, requests: list[tuple[str, int]]) -> None:
    """Compare with a token bucket of *per_minute* tokens that refills one token every 60 / per_minute seconds.

    The model counts sixtieths of a token, so that it is exact."""
    clock = ManualClock()
    rate = RateLimit(per_minute, clock)
    full = 60 * per_minute
    buckets = {"a": full, "b": full}
    for key, seconds in requests:
        clock.now += seconds
        buckets = {name: min(full, held + seconds * per_minute) for name, held in buckets.items()}
        wait = rate.retry_after(key)
        if buckets[key] >= 60:
            buckets[key] -= 60
            assert wait == 0.0
        else:
            assert wait == pytest.approx((60 - buckets[key]) / per_minute)


def test_memory_is_limited() -> None:
    rate = RateLimit(1, ManualClock(), max_keys=1000)
    for number in range(10_000):
        rate.retry_after(number)
        assert len(rate._recent) <= 1000
        assert len(rate._previous) <= 1000
    assert rate.retry_after(9_999) > 0
    assert rate.retry_after(9_000) > 0
    assert rate.retry_after(0) == 0.0  # evicted


def test_an_active_client_is_not_evicted() -> None:
    """Other clients, however many, do not reset the limit of a client that keeps sending requests."""
    rate = RateLimit(1, ManualClock(), max_keys=10)
    assert rate.retry_after("a") == 0.0
    for number in range(200):
        assert rate.retry_after(number) == 0.0
        assert rate.retry_after("a") == pytest.approx(60.0), number


def address(text: str) -> Address:
    parsed = Address.parse(text)
    assert parsed is not None
    return parsed


def test_limit_of_all_connections() -> None:
    connections = AdmissionControl(10, 100)
    admissions = [connections.admit(address(f"192.0.2.{number}")) for number in range(14)]
    assert admissions == [Admission.ACCEPT] * 10 + [Admission.REJECT] * 2 + [Admission.DROP] * 2
    assert connections.open == 14
    for number in range(14):
        connections.leave(address(f"192.0.2.{number}"))
    assert (connections.open, len(connections._per_client)) == (0, 0)
    assert connections.admit(address("192.0.2.1")) is Admission.ACCEPT


def test_limit_of_connections_per_address() -> None:
    connections = AdmissionControl(1000, 5)
    one = address("192.0.2.1")
    assert [connections.admit(one) for _ in range(7)] == [Admission.ACCEPT] * 5 + [Admission.REJECT] + [Admission.DROP]
    assert connections.admit(address("192.0.2.2")) is Admission.ACCEPT
    for _ in range(3):
        connections.leave(one)
    assert connections.admit(one) is Admission.ACCEPT


def test_an_IPv6_64_network_counts_as_one_address() -> None:
    connections = AdmissionControl(1000, 1)
    assert connections.admit(address("2001:db8::1")) is Admission.ACCEPT
    assert connections.admit(address("2001:db8::2")) is not Admission.ACCEPT
    assert connections.admit(address("2001:db8:0:1::1")) is Admission.ACCEPT


def test_a_connection_without_an_address() -> None:
    connections = AdmissionControl(1, 1)
    assert connections.admit(None) is Admission.ACCEPT
    assert connections.admit(None) is not Admission.ACCEPT
    connections.leave(None)
    connections.leave(None)
    assert connections.open == 0


# a million addresses


def million_addresses() -> Iterator[Address]:
    """Yield a million clients, alternately of IPv4 and of IPv6 /64 networks."""
    for number in range(500_000):
        yield Address(b"\x0a" + number.to_bytes(3, "big"))
        yield Address(b"\x20\x01\x0d\xb8" + number.to_bytes(4, "big") + bytes(8))


def resident_bytes() -> int:
    """Return the resident memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.usefixtures("untraced")
def test_R040_a_million_addresses_take_limited_memory_and_affect_nobody_else() -> None:
    clock = ManualClock()
    rate, connections = RateLimit(60, clock), AdmissionControl(1000, 20)
    good = address("192.0.2.1")
    before = resident_bytes()
    for number, each in enumerate(million_addresses()):
        assert rate.retry_after(each.key) == 0.0
        connections.admit(each)
        if number % 1000 == 0:  # fifty a minute
            clock.now += 1.2
            assert connections.admit(good) is Admission.ACCEPT
            assert rate.retry_after(good.key) == 0.0
            connections.leave(good)
        connections.leave(each)
    assert len(rate._recent) + len(rate._previous) <= 200_000
    assert resident_bytes() - before < 48 * 2**20
    assert (connections.open, len(connections._per_client)) == (0, 0)


def test_R040_one_64_is_one_client_and_IPv4_mapped_is_IPv4() -> None:
    """However many addresses of one /64 connect, and however an IPv4 address is written."""
    rate, connections = RateLimit(60, ManualClock()), AdmissionControl(1000, 20)
    network = [address(f"2001:db8::{number:x}:{number:x}") for number in range(1, 31)]
    assert [connections.admit(each) for each in network[:25]] == [Admission.ACCEPT] * 20 + [Admission.REJECT] * 4 + [
        Admission.DROP
    ]
    assert sum(rate.retry_after(each.key) == 0.0 for each in network * 3) == 60
    assert len(connections._per_client) == 1
    both = [address("192.0.2.7"), address("::ffff:192.0.2.7")]
    assert [connections.admit(each) for each in both * 10] == [Admission.ACCEPT] * 20
    assert connections.admit(both[1]) is Admission.REJECT
    assert sum(rate.retry_after(each.key) == 0.0 for each in both * 40) == 60


def test_R040_only_open_connections_are_counted() -> None:
    """Addresses that connect and leave while the limit is reached are forgotten."""
    connections = AdmissionControl(100, 20)
    held = [address(f"192.0.2.{number}") for number in range(100)]
    assert {connections.admit(each) for each in held} == {Admission.ACCEPT}
    for number in range(10_000):
        other = Address(number.to_bytes(4, "big"))
        assert connections.admit(other) is Admission.REJECT
        connections.leave(other)
    assert len(connections._per_client) == 100


def test_rate_over_another_period() -> None:
    clock = ManualClock()
    rate = RateLimit(20, clock, over=600.0)
    assert [rate.retry_after("a") for _ in range(20)] == [0.0] * 20
    assert rate.retry_after("a") == pytest.approx(30.0)
