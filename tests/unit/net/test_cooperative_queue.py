"""The cooperative queue: work split over reactor turns."""

from twisted.internet.task import Clock

from gateway.net.cooperative_queue import MAX_TIME_SLICE, CooperativeQueue


def test_work_per_reactor_turn_is_limited() -> None:
    clock = Clock()
    spent = [0.0]
    done: list[int] = []
    counts: list[int] = []
    turns = CooperativeQueue(clock, lambda: spent[0])

    def work(number: int) -> None:
        done.append(number)
        spent[0] += MAX_TIME_SLICE / 2.5

    def count() -> None:
        counts.append(len(done))
        if turns:
            clock.callLater(0, count)

    for number in range(10):
        turns.call_later(lambda number=number: work(number))  # type: ignore[misc]
    assert done == []
    count()
    clock.advance(0)
    assert done == list(range(10))
    assert counts == [0, 3, 6, 9, 10]
    assert clock.getDelayedCalls() == []


def test_used_up_turn_depends_on_time() -> None:
    spent = [0.0]
    turns = CooperativeQueue(Clock(), lambda: spent[0])
    began = turns.now()
    assert not turns.used_up_turn(began)
    spent[0] += MAX_TIME_SLICE
    assert turns.used_up_turn(began)


def test_work_added_meanwhile_runs_too() -> None:
    clock = Clock()
    turns = CooperativeQueue(clock, lambda: 0.0)
    pending: list[int] = []

    def again() -> None:
        pending.append(len(clock.getDelayedCalls()))
        if len(pending) < 3:
            turns.call_later(again)

    turns.call_later(again)
    clock.advance(0)
    assert len(pending) == 3
    assert len(turns) == 0
