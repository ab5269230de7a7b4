"""The queue of lines to send on one network.

A server disconnects clients that send too fast, so lines leave by a token bucket. Targets take turns, so that a long
answer to one does not hold up another, and what may wait for one target is limited. Independent of IRC: *write*
gets a target and a line.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from twisted.internet.interfaces import IDelayedCall, IReactorTime

MAX_LINES_PER_TARGET = 60
MAX_LINES = 500  # of all targets together; they take a quarter of an hour at one line every two seconds


@dataclass
class _PendingAnswer:
    """The remaining lines of one answer. *short_line* replaces them if they cannot be kept."""

    lines: deque[str]
    short_line: str


@dataclass
class _TargetQueue:
    """The answers to one target. *dropped* counts the answers dropped as a whole since the last notice about that."""

    answers: deque[_PendingAnswer] = field(default_factory=deque)
    waiting: int = 0
    dropped: int = 0


class Outbox:
    """A token bucket: *burst* lines at once, then one every *line_interval* seconds.

    *dropped_notice* makes the line that says how many answers were dropped.
    """

    def __init__(
        self,
        write: Callable[[str, str], None],
        burst: int,
        line_interval: float,
        clock: IReactorTime,
        dropped_notice: Callable[[int], str],
    ) -> None:
        self.set_rate(burst, line_interval)
        self._write, self._clock = write, clock
        self._dropped_notice = dropped_notice
        self._queues: OrderedDict[str, _TargetQueue] = OrderedDict()
        self._due = 0.0  # when the bucket is full again
        self._timer: IDelayedCall | None = None
        self.waiting = 0

    def set_rate(self, burst: int, line_interval: float) -> None:
        """Set the rate from now on. Waiting lines stay."""
        self._burst, self._line_interval = burst, line_interval

    def put(self, target: str, lines: Sequence[str], short_line: str) -> None:
        """Send *lines* to *target* as soon as possible. *short_line* replaces lines that have to be dropped."""
        if not lines:
            return
        queue = self._queues.setdefault(target, _TargetQueue())
        queue.answers.append(_PendingAnswer(deque(lines), short_line))
        self._count(queue, len(lines))
        while queue.waiting > MAX_LINES_PER_TARGET:
            self._drop_oldest(queue)
        while self.waiting > MAX_LINES:
            longest, queue = max(self._queues.items(), key=lambda each: each[1].waiting)
            self._drop_oldest(queue)
            if not queue.answers:  # there are so many targets that none has more than one line waiting
                del self._queues[longest]
        self._flush()

    def clear(self) -> None:
        """Drop everything: the connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._queues.clear()
        self.waiting = 0

    def _count(self, queue: _TargetQueue, lines: int) -> None:
        queue.waiting += lines
        self.waiting += lines

    def _drop_oldest(self, queue: _TargetQueue) -> None:
        """Shorten the oldest answer with more than one line left; if there is none, drop the oldest answer."""
        for answer in queue.answers:
            if len(answer.lines) > 1:
                self._count(queue, 1 - len(answer.lines))
                answer.lines = deque([answer.short_line])
                return
        queue.answers.popleft()
        self._count(queue, -1)
        queue.dropped += 1

    def _flush(self) -> None:
        """Write what the bucket allows, one line of each target in turn; set a timer for the rest."""
        if self._timer is not None:
            return
        now = self._clock.seconds()
        self._due = max(self._due, now)
        while self._queues and self._due - now <= (self._burst - 1) * self._line_interval + 1e-9:
            target, queue = self._queues.popitem(last=False)
            line = self._next_line(queue)
            if queue.waiting or queue.dropped:
                self._queues[target] = queue
            self._due += self._line_interval
            self._write(target, line)
        if self._queues:
            self._timer = self._clock.callLater(self._due - now - (self._burst - 1) * self._line_interval, self._tick)

    def _next_line(self, queue: _TargetQueue) -> str:
        if queue.dropped:
            dropped, queue.dropped = queue.dropped, 0
            return self._dropped_notice(dropped)
        answer = queue.answers[0]
        line = answer.lines.popleft()
        if not answer.lines:
            queue.answers.popleft()
        self._count(queue, -1)
        return line

    def _tick(self) -> None:
        self._timer = None
        self._flush()
