"""The safe dialer resolves a name once, checks the addresses, and connects to a checked address."""

from collections.abc import Sequence
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, TimeoutError
from twisted.internet.protocol import Factory, Protocol

from gateway.outbound.ip_addresses import IPAddress
from gateway.outbound.public_hosts import (
    MAX_CONNECTIONS,
    MAX_CONNECTIONS_PER_HOST,
    OutboundConnections,
    TooManyConnections,
    interface_addresses,
    own_addresses,
)
from gateway.outbound.safe_dialer import (
    CONNECTION_ATTEMPT_DELAY,
    MAX_CONCURRENT_LOOKUPS,
    HostResolver,
    IsThisServer,
    NoSuchHost,
    NotPublic,
    SafeDialer,
    allow_any_address,
)

from .network import Network, StartedCoroutine


async def connect_to(
    network: Network, host: str, check: Any = allow_any_address, resolver: HostResolver | None = None
) -> Any:
    endpoint = SafeDialer(network, resolver or HostResolver(network), host, 79, 10.0, check)
    return await endpoint.connect(Factory.forProtocol(Protocol))


def make_outbound(
    network: Network, listen_addresses: Sequence[str | None] = ("9.9.9.1",), names: Sequence[str] = ()
) -> OutboundConnections:
    return OutboundConnections(network, lambda: listen_addresses, lambda: names)


async def connect_to_public_host(network: Network, host: str, **options: Any) -> Any:
    endpoint = make_outbound(network, **options).endpoint(host, 79, 10.0)
    return await endpoint.connect(Factory.forProtocol(Protocol))


def test_F089_DNS_rebinding() -> None:
    """DNS rebinding: the connection goes to the address that was checked, and the name is resolved once."""
    network = Network({"b.test": [["9.9.9.9"], ["127.0.0.1"]]})
    begun = StartedCoroutine(connect_to_public_host(network, "b.test"))
    network.advance(5)
    assert network.tried == [("9.9.9.9", 79)]
    network.refuse()
    assert begun.error.host == "b.test"
    assert (network.names.queried, network.tried) == (["b.test"], [("9.9.9.9", 79)])


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "::1", "fe80::1", "::ffff:10.0.0.1", "0.0.0.0"],
)
def test_F089_private_addresses_are_refused(address: str) -> None:
    network = Network({"b.test": [[address]]})
    begun = StartedCoroutine(connect_to_public_host(network, "b.test"))
    assert isinstance(begun.error, NotPublic)
    assert network.tried == []
    assert isinstance(StartedCoroutine(connect_to_public_host(network, f"[{address}]")).error, NotPublic)
    assert network.tried == []


def test_F089_only_public_addresses_of_a_name_are_tried() -> None:
    network = Network({"b.test": [["10.0.0.1", "9.9.9.9", "::1", "2620:fe::9"]]})
    begun = StartedCoroutine(connect_to_public_host(network, "b.test"))
    network.refuse()
    assert network.tried == [("9.9.9.9", 79), ("2620:fe::9", 79)]
    network.accept()
    assert isinstance(begun.result, Protocol)


@pytest.mark.parametrize("address", ["9.9.9.1", "::ffff:9.9.9.1", "64:ff9b::9.9.9.1"])
def test_F090_own_addresses_are_refused(address: str) -> None:
    network = Network({"b.test": [["9.9.9.9", address]]})
    assert isinstance(StartedCoroutine(connect_to_public_host(network, "b.test")).error, IsThisServer)
    assert network.tried == []


def test_F090_the_address_of_an_own_host_name_is_refused() -> None:
    """As behind a router, where no local interface has that address."""
    network = Network({"b.test": [["9.9.9.9"]], "dir.test": [["9.9.9.9"]]})
    begun = StartedCoroutine(
        connect_to_public_host(network, "b.test", listen_addresses=["10.0.0.1"], names=["gone.test", "dir.test"])
    )
    assert isinstance(begun.error, IsThisServer)


def test_resolving_own_host_names_has_a_timeout() -> None:
    network = Network({"b.test": [["9.9.9.9"]], "dir.test": []})
    StartedCoroutine(connect_to_public_host(network, "b.test", names=["dir.test"]))
    assert network.tried == []
    network.advance(2.1)
    assert network.tried == [("9.9.9.9", 79)]


def test_F089_own_addresses_are_those_listened_on() -> None:
    """All addresses of the machine if we listen on all of them, or only on loopback behind a local proxy."""

    def addresses_for(*listen_addresses: str | None) -> set[str]:
        return {str(address) for address in own_addresses(listen_addresses)}

    machine = {str(address) for address in interface_addresses()}
    assert "127.0.0.1" in machine
    assert addresses_for("9.9.9.1", "127.0.0.1") == {"9.9.9.1"}
    assert addresses_for("9.9.9.1", "::ffff:9.9.9.2", None) == {"9.9.9.1", "9.9.9.2"}
    for everywhere in (("0.0.0.0",), ("::",), ("127.0.0.1", "::1"), (None,), (), ("9.9.9.1", "::")):
        assert addresses_for(*everywhere) >= machine


def test_unknown_hosts() -> None:
    network = Network()
    for host in ("b.test", "-l", "b..test", "b\r\n"):
        assert isinstance(StartedCoroutine(connect_to(network, host)).error, NoSuchHost)
    assert network.names.queried == ["b.test"]


def test_addresses_are_tried_in_turn_within_one_deadline() -> None:
    addresses = [f"9.9.9.{number}" for number in range(20)]
    network = Network({"b.test": [addresses]})
    begun = StartedCoroutine(connect_to(network, "b.test"))
    assert [host for host, _ in network.tried] == addresses[:1]
    network.advance(CONNECTION_ATTEMPT_DELAY)
    assert [host for host, _ in network.tried] == addresses[:2]
    network.refuse(0)
    assert [host for host, _ in network.tried] == addresses[:3]
    for _ in range(40):
        network.advance(CONNECTION_ATTEMPT_DELAY / 2)
    assert [host for host, _ in network.tried] == addresses[:8]
    assert begun.results == []
    network.advance(10)
    assert isinstance(begun.error, TimeoutError)
    assert network.getDelayedCalls() == []


def test_the_first_connection_wins_and_others_are_cancelled() -> None:
    network = Network({"b.test": [["2620:fe::9", "9.9.9.9", "9.9.9.10"]]})
    begun = StartedCoroutine(connect_to(network, "b.test"))
    network.advance(CONNECTION_ATTEMPT_DELAY)
    network.accept(1)
    assert isinstance(begun.result, Protocol)
    network.advance(30)
    assert len(network.tried) == 2
    assert [connector.stoppedConnecting for connector in network.connectors] == [True, False]


def test_cancelling_ends_all_attempts() -> None:
    network = Network({"b.test": [["2620:fe::9", "9.9.9.9"]]})
    begun = StartedCoroutine(connect_to(network, "b.test"))
    network.advance(CONNECTION_ATTEMPT_DELAY)
    begun.deferred.cancel()
    assert isinstance(begun.error, CancelledError)
    assert all(connector.stoppedConnecting for connector in network.connectors)
    assert network.getDelayedCalls() == []


def test_a_dead_name_server_blocks_few_threads() -> None:
    """A lookup cannot be cancelled: it keeps its slot until it ends, even if its caller has given up."""
    network = Network({"dead.test": [], "b.test": [["9.9.9.9"]]})
    resolver = HostResolver(network)
    dead = [
        StartedCoroutine(connect_to(network, "dead.test", resolver=resolver)) for _ in range(MAX_CONCURRENT_LOOKUPS + 3)
    ]
    assert len(network.names.unanswered) == MAX_CONCURRENT_LOOKUPS
    network.advance(10.1)
    assert all(isinstance(each.error, TimeoutError) for each in dead)
    waits = StartedCoroutine(connect_to(network, "b.test", resolver=resolver))
    assert network.tried == []
    network.names.unanswered.pop().resolutionComplete()
    assert network.tried == [("9.9.9.9", 79)]
    network.accept()
    assert isinstance(waits.result, Protocol)


def test_address_literals_are_checked_too() -> None:
    checked: list[IPAddress] = []

    async def check(host: str, addresses: Sequence[IPAddress]) -> Sequence[IPAddress]:
        checked.extend(addresses)
        raise NotPublic(host)

    network = Network()
    assert isinstance(StartedCoroutine(connect_to(network, "[::ffff:9.9.9.9]", check)).error, NotPublic)
    assert [str(each) for each in checked] == ["9.9.9.9"]
    assert network.names.queried == []


def test_F091_connections_are_limited_per_host_and_in_total() -> None:
    out = make_outbound(Network())
    held = [out.reserve_slot("b.test") for _ in range(MAX_CONNECTIONS_PER_HOST)]
    for each in held:
        each.__enter__()
    with pytest.raises(TooManyConnections), out.reserve_slot("b.test"):
        pass
    others = [out.reserve_slot(f"{number}.test") for number in range(MAX_CONNECTIONS - MAX_CONNECTIONS_PER_HOST)]
    for each in others:
        each.__enter__()
    with pytest.raises(TooManyConnections), out.reserve_slot("c.test"):
        pass
    held[0].__exit__(None, None, None)
    with out.reserve_slot("c.test"):
        pass
    for each in (*held[1:], *others):
        each.__exit__(None, None, None)
    assert not out._open
