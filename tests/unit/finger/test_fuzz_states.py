"""Random walks of a few connections at once through all that can happen to them, each from a printed seed."""

import random
from typing import Any

from gateway.finger.protocol import FingerService
from gateway.finger.settings import FingerSettings
from tests.fuzz import LONG, SEED, case, fault
from tests.unit.finger.conftest import Build
from tests.unit.finger.wire import Client, SlowSource, logged_failures
from tests.unit.fixtures import PEOPLE, Built

HOUSES, WALKS = (200, 100) if LONG else (10, 60)
HUGE = {"login": "frank", "name": "Frank", "plan": "x" * 90 + "\n" + "y" * 200_000}


class Walker:
    """A client that says something random, bit by bit, and asks for a huge answer where that was no question."""

    def __init__(self, factory: Any, built: Built, dice: random.Random) -> None:
        self.client, self.gone = Client(built, factory=factory), False
        self.unsaid = [*case(SEED, dice.randrange(10**9)).pieces, b"frank\r\n"]

    def step(self, what: int) -> None:
        """One of seven things happens to it, where it can."""
        if self.gone:
            return
        if self.client.aborted() or what == 0:
            self.client.lose_connection()
            self.gone = True
        elif what <= 3 and self.unsaid:
            self.client.send(self.unsaid.pop(0))
        elif what == 4:
            self.client.half_close()
        elif what == 5:
            self.client.drain()
        elif what == 6 and self.client.producer is not None:
            self.client.producer.resumeProducing()

    @property
    def wrong(self) -> str:
        """What is wrong with the reply, if that has come whole."""
        if self.client.aborted() or self.client.producer is not None or not self.client.received:
            return ""
        return fault(b"x", self.client.received)


def test_F010_F011_F015_F120_random_walks(build: Build) -> None:
    """Nothing fails, every reply that is whole is in the data format, and no connection and no timer is left."""
    for round_number in range(HOUSES):
        slow = SlowSource()
        built = build(people=[*PEOPLE, HUGE], sources=[slow], queries_per_minute=10**9, connections=20, per_address=5)
        factory = FingerService(FingerSettings(max_plan_bytes=300_000), built.deps).factory
        timers = len(built.clock.getDelayedCalls())
        for number in range(WALKS):
            seed = f"{SEED}/{round_number}/{number}"
            with logged_failures() as seen:
                walkers = walk(factory, built, slow, random.Random(seed))
            assert not seen, f"{seed}: {seen[0]}"
            assert [walker.wrong for walker in walkers if walker.wrong] == [], seed
            assert not factory.connections, seed
            built.clock.advance(30)
            assert len(built.clock.getDelayedCalls()) <= timers, seed


def walk(factory: Any, built: Built, slow: SlowSource, dice: random.Random) -> list[Walker]:
    """Those who walked, when the last of them is gone."""
    walkers = [Walker(factory, built, dice) for _ in range(dice.randint(1, 9))]
    for _ in range(dice.randint(5, 80)):
        what = dice.randrange(10)
        if what == 9:
            slow.answer()
        elif what == 8:
            built.clock.advance(dice.choice((0.05, 0.3, 1, 4)))
        else:
            dice.choice(walkers).step(what)
    for walker in walkers:
        walker.step(0)
    slow.answer()
    return walkers
