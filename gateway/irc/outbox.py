"""What waits to be said on one network. A server kills who talks too fast, so lines leave by a token bucket; targets
take turns, so that nobody's long answer starves another; what one target may have waiting is bounded.

It knows no IRC: *write* is given a target and a line.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from twisted.internet.interfaces import IDelayedCall, IReactorTime

MOST_OF_A_TARGET = 60  # lines
MOST = 500  # lines of all targets together: a quarter of an hour at one line each two seconds


@dataclass
class _Answer:
    """*short* takes the place of all lines that are left, once those cannot be kept."""

    lines: deque[str]
    short: str


@dataclass
class _Queue:
    """*lost*: answers that were dropped as a whole and of which the target has not heard."""

    answers: deque[_Answer] = field(default_factory=deque)
    waiting: int = 0
    lost: int = 0


class Outbox:
    """*burst* lines may leave at once, then one every *line_interval* seconds. *said_of_lost* makes the line that tells how
    many    answers were dropped."""

    def __init__(
        self,
        write: Callable[[str, str], None],
        burst: int,
        line_interval: float,
        clock: IReactorTime,
        said_of_lost: Callable[[int], str],
    ) -> None:
        self.change(burst, line_interval)
        self._write, self._clock = write, clock
        self._said_of_lost = said_of_lost
        self._queues: OrderedDict[str, _Queue] = OrderedDict()
        self._due = 0.0  # when the bucket is full again
        self._timer: IDelayedCall | None = None
        self.waiting = 0

    def change(self, burst: int, line_interval: float) -> None:
        """Another line_interval from now on; what waits stays."""
        self._burst, self._line_interval = burst, line_interval

    def put(self, target: str, lines: Sequence[str], short: str) -> None:
        """Says *lines* to *target* as soon as it may. *short* is said in place of what has to be dropped."""
        if not lines:
            return
        queue = self._queues.setdefault(target, _Queue())
        queue.answers.append(_Answer(deque(lines), short))
        self._count(queue, len(lines))
        while queue.waiting > MOST_OF_A_TARGET:
            self._drop(queue)
        while self.waiting > MOST:
            longest, queue = max(self._queues.items(), key=lambda each: each[1].waiting)
            self._drop(queue)
            if not queue.answers:  # so many ask that nobody has more than a line waiting
                del self._queues[longest]
        self._flush()

    def clear(self) -> None:
        """Forgets everything: nobody is there to hear it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._queues.clear()
        self.waiting = 0

    def _count(self, queue: _Queue, lines: int) -> None:
        queue.waiting += lines
        self.waiting += lines

    def _drop(self, queue: _Queue) -> None:
        """The oldest answer that has more than a line left is cut short; where there is none, the oldest goes as a whole."""
        for answer in queue.answers:
            if len(answer.lines) > 1:
                self._count(queue, 1 - len(answer.lines))
                answer.lines = deque([answer.short])
                return
        queue.answers.popleft()
        self._count(queue, -1)
        queue.lost += 1

    def _flush(self) -> None:
        """Writes what the bucket allows, a line of each target in turn, and comes back for the rest."""
        if self._timer is not None:
            return
        now = self._clock.seconds()
        self._due = max(self._due, now)
        while self._queues and self._due - now <= (self._burst - 1) * self._line_interval + 1e-9:
            target, queue = self._queues.popitem(last=False)
            line = self._next(queue)
            if queue.waiting or queue.lost:
                self._queues[target] = queue
            self._due += self._line_interval
            self._write(target, line)
        if self._queues:
            self._timer = self._clock.callLater(self._due - now - (self._burst - 1) * self._line_interval, self._tick)

    def _next(self, queue: _Queue) -> str:
        if queue.lost:
            lost, queue.lost = queue.lost, 0
            return self._said_of_lost(lost)
        answer = queue.answers[0]
        line = answer.lines.popleft()
        if not answer.lines:
            queue.answers.popleft()
        self._count(queue, -1)
        return line

    def _tick(self) -> None:
        self._timer = None
        self._flush()
