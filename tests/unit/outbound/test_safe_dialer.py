"""Names resolved once, addresses judged, and the judged address dialled."""

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

from .network import Begun, Network


async def connected(
    network: Network, host: str, judge: Any = allow_any_address, resolver: HostResolver | None = None
) -> Any:
    endpoint = SafeDialer(network, resolver or HostResolver(network), host, 79, 10.0, judge)
    return await endpoint.connect(Factory.forProtocol(Protocol))


def outgoing(
    network: Network, listened: Sequence[str | None] = ("9.9.9.1",), names: Sequence[str] = ()
) -> OutboundConnections:
    return OutboundConnections(network, lambda: listened, lambda: names)


async def to_public(network: Network, host: str, **options: Any) -> Any:
    endpoint = outgoing(network, **options).endpoint(host, 79, 10.0)
    return await endpoint.connect(Factory.forProtocol(Protocol))


def test_F089_a_name_that_resolves_differently_the_second_time_gains_nothing() -> None:
    """DNS rebinding: the address that was judged is the one that is dialled, and the name is asked for once."""
    network = Network({"b.test": [["9.9.9.9"], ["127.0.0.1"]]})
    begun = Begun(to_public(network, "b.test"))
    network.advance(5)
    assert network.tried == [("9.9.9.9", 79)]
    network.refuses()
    assert begun.error.host == "b.test"
    assert (network.names.asked, network.tried) == (["b.test"], [("9.9.9.9", 79)])


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "::1", "fe80::1", "::ffff:10.0.0.1", "0.0.0.0"],
)
def test_F089_private_addresses_are_refused(address: str) -> None:
    network = Network({"b.test": [[address]]})
    begun = Begun(to_public(network, "b.test"))
    assert isinstance(begun.error, NotPublic)
    assert network.tried == []
    assert isinstance(Begun(to_public(network, f"[{address}]")).error, NotPublic)
    assert network.tried == []


def test_F089_of_several_addresses_the_public_ones_are_tried() -> None:
    network = Network({"b.test": [["10.0.0.1", "9.9.9.9", "::1", "2620:fe::9"]]})
    begun = Begun(to_public(network, "b.test"))
    network.refuses()
    assert network.tried == [("9.9.9.9", 79), ("2620:fe::9", 79)]
    network.takes()
    assert isinstance(begun.result, Protocol)


@pytest.mark.parametrize("address", ["9.9.9.1", "::ffff:9.9.9.1", "64:ff9b::9.9.9.1"])
def test_F090_our_own_address_is_refused(address: str) -> None:
    network = Network({"b.test": [["9.9.9.9", address]]})
    assert isinstance(Begun(to_public(network, "b.test")).error, IsThisServer)
    assert network.tried == []


def test_F090_the_address_of_our_own_name_is_refused() -> None:
    """As behind a router: it is on no interface of ours."""
    network = Network({"b.test": [["9.9.9.9"]], "dir.test": [["9.9.9.9"]]})
    begun = Begun(to_public(network, "b.test", listened=["10.0.0.1"], names=["gone.test", "dir.test"]))
    assert isinstance(begun.error, IsThisServer)


def test_our_own_names_are_not_waited_for_long() -> None:
    network = Network({"b.test": [["9.9.9.9"]], "dir.test": []})
    Begun(to_public(network, "b.test", names=["dir.test"]))
    assert network.tried == []
    network.advance(2.1)
    assert network.tried == [("9.9.9.9", 79)]


def test_F089_our_addresses_are_those_that_we_listen_on() -> None:
    """All of the machine where we listen on all, or where something before us on this machine does it for us."""

    def written(*listened: str | None) -> set[str]:
        return {str(address) for address in own_addresses(listened)}

    machine = {str(address) for address in interface_addresses()}
    assert "127.0.0.1" in machine
    assert written("9.9.9.1", "127.0.0.1") == {"9.9.9.1"}
    assert written("9.9.9.1", "::ffff:9.9.9.2", None) == {"9.9.9.1", "9.9.9.2"}
    for everywhere in (("0.0.0.0",), ("::",), ("127.0.0.1", "::1"), (None,), (), ("9.9.9.1", "::")):
        assert written(*everywhere) >= machine


def test_a_host_that_nobody_knows() -> None:
    network = Network()
    for host in ("b.test", "-l", "b..test", "b\r\n"):
        assert isinstance(Begun(connected(network, host)).error, NoSuchHost)
    assert network.names.asked == ["b.test"]


def test_addresses_are_tried_one_after_the_other_within_one_deadline() -> None:
    addresses = [f"9.9.9.{number}" for number in range(20)]
    network = Network({"b.test": [addresses]})
    begun = Begun(connected(network, "b.test"))
    assert [host for host, _ in network.tried] == addresses[:1]
    network.advance(CONNECTION_ATTEMPT_DELAY)
    assert [host for host, _ in network.tried] == addresses[:2]
    network.refuses(0)
    assert [host for host, _ in network.tried] == addresses[:3]
    for _ in range(40):
        network.advance(CONNECTION_ATTEMPT_DELAY / 2)
    assert [host for host, _ in network.tried] == addresses[:8]
    assert begun.results == []
    network.advance(10)
    assert isinstance(begun.error, TimeoutError)
    assert network.getDelayedCalls() == []


def test_the_first_that_connects_is_taken_and_the_others_are_let_go() -> None:
    network = Network({"b.test": [["2620:fe::9", "9.9.9.9", "9.9.9.10"]]})
    begun = Begun(connected(network, "b.test"))
    network.advance(CONNECTION_ATTEMPT_DELAY)
    network.takes(1)
    assert isinstance(begun.result, Protocol)
    network.advance(30)
    assert len(network.tried) == 2
    assert [connector.stoppedConnecting for connector in network.connectors] == [True, False]


def test_who_goes_ends_all_attempts() -> None:
    network = Network({"b.test": [["2620:fe::9", "9.9.9.9"]]})
    begun = Begun(connected(network, "b.test"))
    network.advance(CONNECTION_ATTEMPT_DELAY)
    begun.deferred.cancel()
    assert isinstance(begun.error, CancelledError)
    assert all(connector.stoppedConnecting for connector in network.connectors)
    assert network.getDelayedCalls() == []


def test_a_dead_name_server_holds_few_threads() -> None:
    """A lookup cannot be called back: it keeps its place until it ends, however long ago its asker went."""
    network = Network({"dead.test": [], "b.test": [["9.9.9.9"]]})
    resolver = HostResolver(network)
    dead = [Begun(connected(network, "dead.test", resolver=resolver)) for _ in range(MAX_CONCURRENT_LOOKUPS + 3)]
    assert len(network.names.silent) == MAX_CONCURRENT_LOOKUPS
    network.advance(10.1)
    assert all(isinstance(each.error, TimeoutError) for each in dead)
    waits = Begun(connected(network, "b.test", resolver=resolver))
    assert network.tried == []
    network.names.silent.pop().resolutionComplete()
    assert network.tried == [("9.9.9.9", 79)]
    network.takes()
    assert isinstance(waits.result, Protocol)


def test_the_judge_sees_every_address_of_a_literal_too() -> None:
    seen: list[IPAddress] = []

    async def judge(host: str, addresses: Sequence[IPAddress]) -> Sequence[IPAddress]:
        seen.extend(addresses)
        raise NotPublic(host)

    network = Network()
    assert isinstance(Begun(connected(network, "[::ffff:9.9.9.9]", judge)).error, NotPublic)
    assert [str(each) for each in seen] == ["9.9.9.9"]
    assert network.names.asked == []


def test_F091_room_is_bounded_for_one_host_and_for_all() -> None:
    out = outgoing(Network())
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
