"""Random walks of several connections through all events that can happen; failures name the seed."""

import random
from typing import Any

from gateway.finger.protocol import FingerService
from gateway.finger.settings import FingerSettings
from tests.fuzz import LONG, SEED, find_fault, make_case
from tests.unit.finger.conftest import Build
from tests.unit.finger.wire import Client, SlowSource, logged_failures
from tests.unit.fixtures import PEOPLE, GatewayHarness

SERVERS, WALKS = (200, 100) if LONG else (10, 60)
HUGE = {"login": "frank", "name": "Frank", "plan": "x" * 90 + "\n" + "y" * 200_000}


class Walker:
    """A client that sends random segments and then a query with a huge answer, in case they were not a query."""

    def __init__(self, factory: Any, built: GatewayHarness, rng: random.Random) -> None:
        self.client, self.gone = Client(built, factory=factory), False
        self.unsent = [*make_case(SEED, rng.randrange(10**9)).segments, b"frank\r\n"]

    def step(self, event: int) -> None:
        """Apply event number *event*, if it is possible now."""
        if self.gone:
            return
        if self.client.aborted() or event == 0:
            self.client.lose_connection()
            self.gone = True
        elif event <= 3 and self.unsent:
            self.client.send(self.unsent.pop(0))
        elif event == 4:
            self.client.half_close()
        elif event == 5:
            self.client.drain()
        elif event == 6 and self.client.producer is not None:
            self.client.producer.resumeProducing()

    @property
    def wrong(self) -> str:
        """Describe what is wrong with the reply if it is complete, else return an empty text."""
        if self.client.aborted() or self.client.producer is not None or not self.client.received:
            return ""
        return find_fault(b"x", self.client.received)


def test_F010_F011_F015_F120_random_walks(build: Build) -> None:
    """No failure is logged, every complete reply is valid, and no connection or timer is left."""
    for round_number in range(SERVERS):
        slow = SlowSource()
        built = build(people=[*PEOPLE, HUGE], sources=[slow], queries_per_minute=10**9, connections=20, per_address=5)
        factory = FingerService(FingerSettings(max_plan_bytes=300_000), built.deps).factory
        timers = len(built.clock.getDelayedCalls())
        for number in range(WALKS):
            seed = f"{SEED}/{round_number}/{number}"
            with logged_failures() as failures:
                walkers = walk(factory, built, slow, random.Random(seed))
            assert not failures, f"{seed}: {failures[0]}"
            assert [walker.wrong for walker in walkers if walker.wrong] == [], seed
            assert not factory.connections, seed
            built.clock.advance(30)
            assert len(built.clock.getDelayedCalls()) <= timers, seed


def walk(factory: Any, built: GatewayHarness, slow: SlowSource, rng: random.Random) -> list[Walker]:
    """Run one walk until all clients are disconnected, and return the clients."""
    walkers = [Walker(factory, built, rng) for _ in range(rng.randint(1, 9))]
    for _ in range(rng.randint(5, 80)):
        event = rng.randrange(10)
        if event == 9:
            slow.complete_requests()
        elif event == 8:
            built.clock.advance(rng.choice((0.05, 0.3, 1, 4)))
        else:
            rng.choice(walkers).step(event)
    for walker in walkers:
        walker.step(0)
    slow.complete_requests()
    return walkers
