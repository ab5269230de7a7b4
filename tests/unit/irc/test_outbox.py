"""Paced, bounded, fair output."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from gateway.irc.outbox import MAX_LINES, MAX_LINES_PER_TARGET, Outbox


class Heard:
    """An outbox with what left it, and when."""

    def __init__(self, burst: int = 5, pace: float = 2.0) -> None:
        self.clock = Clock()
        self.said: list[tuple[float, str, str]] = []
        self.outbox = Outbox(self._write, burst, pace, self.clock, lambda count: f"{count} lost")

    def _write(self, target: str, line: str) -> None:
        self.said.append((self.clock.seconds(), target, line))

    def times(self) -> list[float]:
        return [at for at, _, _ in self.said]

    def lines(self) -> list[str]:
        return [line for _, _, line in self.said]

    def run(self, seconds: float) -> None:
        self.clock.pump([0.5] * int(seconds * 2))


def test_a_burst_leaves_at_once_then_one_line_each_pace() -> None:
    """I026"""
    heard = Heard()
    heard.outbox.put("bob", [f"{n}" for n in range(8)], "cut")
    assert heard.times() == [0] * 5
    heard.run(10)
    assert heard.times() == [0, 0, 0, 0, 0, 2, 4, 6]
    assert heard.lines() == ["0", "1", "2", "3", "4", "5", "6", "7"]


def test_the_bucket_fills_again_while_nothing_is_said() -> None:
    """I026"""
    heard = Heard()
    heard.outbox.put("bob", ["x"] * 5, "cut")
    heard.clock.advance(4)
    heard.outbox.put("bob", ["y"] * 3, "cut")
    assert heard.times() == [0] * 5 + [4, 4]
    heard.run(60)
    heard.outbox.put("bob", ["z"] * 9, "cut")
    assert heard.times().count(heard.clock.seconds()) == 5


def test_targets_take_turns() -> None:
    """I026"""
    heard = Heard(burst=1)
    heard.outbox.put("long", [f"l{n}" for n in range(20)], "cut")
    heard.outbox.put("bob", ["b0", "b1"], "cut")
    heard.outbox.put("#tea", ["t0"], "cut")
    heard.run(10)
    assert heard.lines() == ["l0", "l1", "b0", "t0", "l2", "b1"]


def test_over_the_bound_the_oldest_answer_is_cut_short_and_says_so() -> None:
    """I026"""
    heard = Heard(burst=1)
    heard.outbox.put("bob", [f"a{n}" for n in range(40)], "(a: https://dir.test/a)")
    heard.outbox.put("bob", [f"b{n}" for n in range(30)], "(b: https://dir.test/b)")
    assert heard.outbox.waiting == 31
    heard.run(8)
    assert heard.lines() == ["a0", "(a: https://dir.test/a)", "b0", "b1", "b2"]


def test_what_is_dropped_as_a_whole_is_told_by_number() -> None:
    """I026"""
    heard = Heard(burst=1)
    for number in range(MAX_LINES_PER_TARGET + 11):
        heard.outbox.put("bob", [f"{number}"], "cut")
    heard.run(4)
    assert heard.lines() == ["0", "10 lost", "11"]


def test_all_targets_together_are_bounded_and_the_longest_queue_pays() -> None:
    """I026"""
    heard = Heard(burst=1)
    heard.outbox.put("bob", ["b0", "b1", "b2"], "cut")
    for number in range(MAX_LINES // 40 + 5):
        heard.outbox.put(f"other{number}", ["x"] * 40, "cut")
    assert heard.outbox.waiting <= MAX_LINES
    heard.run(4 * MAX_LINES)
    assert [line for _, target, line in heard.said if target == "bob"] == ["b0", "b1", "b2"]


def test_more_targets_than_lines_are_bounded_too() -> None:
    """I026"""
    heard = Heard(burst=1)
    for number in range(MAX_LINES + 50):
        heard.outbox.put(f"other{number}", ["x", "y"], f"{number}")
        assert heard.outbox.waiting <= MAX_LINES
        assert len(heard.outbox._queues) <= MAX_LINES
    heard.run(4 * MAX_LINES)
    assert heard.outbox.waiting == 0
    assert heard.lines()[-1] == str(MAX_LINES + 49)
    assert 450 < len(heard.lines()) <= MAX_LINES + 1


def test_nothing_is_said_after_clear() -> None:
    """I026"""
    heard = Heard(burst=1)
    heard.outbox.put("bob", ["a", "b"], "cut")
    heard.outbox.clear()
    heard.outbox.clear()
    heard.run(10)
    assert heard.lines() == ["a"]
    assert heard.outbox.waiting == 0
    assert not heard.clock.getDelayedCalls()


def test_no_line_is_no_answer() -> None:
    """I026"""
    heard = Heard()
    heard.outbox.put("bob", [], "cut")
    assert heard.lines() == []


@given(
    st.lists(st.tuples(st.sampled_from(["bob", "eve", "#tea"]), st.integers(1, 90), st.floats(0, 9)), max_size=20),
    st.integers(1, 6),
)
def test_never_more_than_the_burst_and_the_pace_allow(puts: list[tuple[str, int, float]], burst: int) -> None:
    """I026"""
    heard = Heard(burst)
    for target, lines, wait in puts:
        heard.outbox.put(target, ["x"] * lines, "cut")
        heard.clock.advance(wait)
    heard.run(500)
    assert heard.outbox.waiting == 0
    times = heard.times()
    for index, first in enumerate(times):
        for count, last in enumerate(times[index:], 1):
            assert count <= burst + (last - first) / 2.0 + 1e-6
