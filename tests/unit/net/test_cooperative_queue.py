"""Work by turns of the reactor."""

from twisted.internet.task import Clock

from gateway.net.cooperative_queue import MAX_TURN, CooperativeQueue


def test_so_much_in_a_turn_and_no_more() -> None:
    clock = Clock()
    spent = [0.0]
    done: list[int] = []
    counts: list[int] = []
    turns = CooperativeQueue(clock, lambda: spent[0])

    def work(number: int) -> None:
        done.append(number)
        spent[0] += MAX_TURN / 2.5

    def look() -> None:
        counts.append(len(done))
        if turns:
            clock.callLater(0, look)

    for number in range(10):
        turns.call_later(lambda number=number: work(number))  # type: ignore[misc]
    assert done == []
    look()
    clock.advance(0)
    assert done == list(range(10))
    assert counts == [0, 3, 6, 9, 10]
    assert clock.getDelayedCalls() == []


def test_a_share_is_spent_by_time() -> None:
    spent = [0.0]
    turns = CooperativeQueue(Clock(), lambda: spent[0])
    began = turns.now()
    assert not turns.used_up_turn(began)
    spent[0] += MAX_TURN
    assert turns.used_up_turn(began)


def test_what_comes_meanwhile_waits_for_the_next_turn() -> None:
    clock = Clock()
    turns = CooperativeQueue(clock, lambda: 0.0)
    seen: list[int] = []

    def again() -> None:
        seen.append(len(clock.getDelayedCalls()))
        if len(seen) < 3:
            turns.call_later(again)

    turns.call_later(again)
    clock.advance(0)
    assert len(seen) == 3
    assert len(turns) == 0
