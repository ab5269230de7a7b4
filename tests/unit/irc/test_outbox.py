"""The outbox: rate, limits, fairness."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from gateway.irc.outbox import MAX_LINES, MAX_LINES_PER_TARGET, Outbox


class OutboxHarness:
    """An outbox, with the lines that it wrote and when."""

    def __init__(self, burst: int = 5, line_interval: float = 2.0) -> None:
        self.clock = Clock()
        self.written: list[tuple[float, str, str]] = []
        self.outbox = Outbox(self._write, burst, line_interval, self.clock, lambda count: f"{count} dropped")

    def _write(self, target: str, line: str) -> None:
        self.written.append((self.clock.seconds(), target, line))

    def times(self) -> list[float]:
        return [at for at, _, _ in self.written]

    def lines(self) -> list[str]:
        return [line for _, _, line in self.written]

    def run(self, seconds: float) -> None:
        self.clock.pump([0.5] * int(seconds * 2))


def test_sends_a_burst_then_one_line_per_interval() -> None:
    """I026"""
    harness = OutboxHarness()
    harness.outbox.put("bob", [f"{n}" for n in range(8)], "cut")
    assert harness.times() == [0] * 5
    harness.run(10)
    assert harness.times() == [0, 0, 0, 0, 0, 2, 4, 6]
    assert harness.lines() == ["0", "1", "2", "3", "4", "5", "6", "7"]


def test_refills_the_bucket_while_idle() -> None:
    """I026"""
    harness = OutboxHarness()
    harness.outbox.put("bob", ["x"] * 5, "cut")
    harness.clock.advance(4)
    harness.outbox.put("bob", ["y"] * 3, "cut")
    assert harness.times() == [0] * 5 + [4, 4]
    harness.run(60)
    harness.outbox.put("bob", ["z"] * 9, "cut")
    assert harness.times().count(harness.clock.seconds()) == 5


def test_targets_take_turns() -> None:
    """I026"""
    harness = OutboxHarness(burst=1)
    harness.outbox.put("long", [f"l{n}" for n in range(20)], "cut")
    harness.outbox.put("bob", ["b0", "b1"], "cut")
    harness.outbox.put("#tea", ["t0"], "cut")
    harness.run(10)
    assert harness.lines() == ["l0", "l1", "b0", "t0", "l2", "b1"]


def test_replaces_the_oldest_answer_with_its_short_line() -> None:
    """I026"""
    harness = OutboxHarness(burst=1)
    harness.outbox.put("bob", [f"a{n}" for n in range(40)], "(a: https://dir.test/a)")
    harness.outbox.put("bob", [f"b{n}" for n in range(30)], "(b: https://dir.test/b)")
    assert harness.outbox.waiting == 31
    harness.run(8)
    assert harness.lines() == ["a0", "(a: https://dir.test/a)", "b0", "b1", "b2"]


def test_reports_how_many_answers_were_dropped() -> None:
    """I026"""
    harness = OutboxHarness(burst=1)
    for number in range(MAX_LINES_PER_TARGET + 11):
        harness.outbox.put("bob", [f"{number}"], "cut")
    harness.run(4)
    assert harness.lines() == ["0", "10 dropped", "11"]


def test_drops_from_the_longest_queue_at_the_total_limit() -> None:
    """I026"""
    harness = OutboxHarness(burst=1)
    harness.outbox.put("bob", ["b0", "b1", "b2"], "cut")
    for number in range(MAX_LINES // 40 + 5):
        harness.outbox.put(f"other{number}", ["x"] * 40, "cut")
    assert harness.outbox.waiting <= MAX_LINES
    harness.run(4 * MAX_LINES)
    assert [line for _, target, line in harness.written if target == "bob"] == ["b0", "b1", "b2"]


def test_limits_the_number_of_targets() -> None:
    """I026"""
    harness = OutboxHarness(burst=1)
    for number in range(MAX_LINES + 50):
        harness.outbox.put(f"other{number}", ["x", "y"], f"{number}")
        assert harness.outbox.waiting <= MAX_LINES
        assert len(harness.outbox._queues) <= MAX_LINES
    harness.run(4 * MAX_LINES)
    assert harness.outbox.waiting == 0
    assert harness.lines()[-1] == str(MAX_LINES + 49)
    assert 450 < len(harness.lines()) <= MAX_LINES + 1


def test_sends_nothing_after_clear() -> None:
    """I026"""
    harness = OutboxHarness(burst=1)
    harness.outbox.put("bob", ["a", "b"], "cut")
    harness.outbox.clear()
    harness.outbox.clear()
    harness.run(10)
    assert harness.lines() == ["a"]
    assert harness.outbox.waiting == 0
    assert not harness.clock.getDelayedCalls()


def test_ignores_an_answer_without_lines() -> None:
    """I026"""
    harness = OutboxHarness()
    harness.outbox.put("bob", [], "cut")
    assert harness.lines() == []


@given(
    st.lists(st.tuples(st.sampled_from(["bob", "eve", "#tea"]), st.integers(1, 90), st.floats(0, 9)), max_size=20),
    st.integers(1, 6),
)
def test_never_exceeds_the_rate(puts: list[tuple[str, int, float]], burst: int) -> None:
    """I026"""
    harness = OutboxHarness(burst)
    for target, lines, wait in puts:
        harness.outbox.put(target, ["x"] * lines, "cut")
        harness.clock.advance(wait)
    harness.run(500)
    assert harness.outbox.waiting == 0
    times = harness.times()
    for index, first in enumerate(times):
        for count, last in enumerate(times[index:], 1):
            assert count <= burst + (last - first) / 2.0 + 1e-6
