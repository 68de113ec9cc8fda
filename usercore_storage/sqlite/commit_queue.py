"""The queue in front of the writing connection: one waiting thread runs all units and commits once.

A commit waits for the disk; sixteen waiting units can share one. The leader is one of the calling threads, so there is
no thread to start, to stop or to lose at a fork, and a single writer leads itself.

An interrupt (Ctrl-C) may land anywhere. So leadership is not a lock, which could be lost between acquiring it and
entering the ``try``, but a reference to a queued unit, which that unit's own thread clears; clearing it twice is
harmless. Waiters poll now and then, so that a lost wake-up costs a moment and not the program. No loop is inside a
``with``: CPython 3.13.0 forgets to release a lock if an interrupt lands where a loop jumps back.
"""

import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Final

from usercore.history.model import Entry
from usercore.kernel.errors import Busy
from usercore.storage.recording import UnitContext

POLL_SECONDS: Final = 0.05
"""Seconds after which a waiter polls whether it should lead. Source: usercore's experiments with interrupts."""

LONGEST_POLL: Final = 2.0
"""Seconds between two polls of a unit that has waited as long: thousands of threads would otherwise do little else. A
leader wakes the thread whose unit is next."""

LONGEST_WAIT: Final = 30.0
"""Seconds that a unit waits in the queue before ``Busy``; three times the busy timeout of the connection."""

MOST_TOGETHER: Final = 64
"""Units of one commit, so that the first of them does not wait long for the last."""


class QueuedUnit:
    """A unit in the queue and its outcome."""

    __slots__ = ("deadline", "done", "entries", "error", "origin", "result", "wake", "work")

    def __init__(self, work: Callable[[Any], Any], origin: UnitContext, *, max_wait: float = LONGEST_WAIT) -> None:
        """Queue this work; it waits at most so many seconds."""
        self.work, self.origin, self.deadline = work, origin, monotonic() + max_wait
        self.result: Any = None
        self.error: BaseException | None = None
        self.entries: Sequence[Entry] = ()
        self.done = False
        self.wake = threading.Lock()
        self.wake.acquire()

    def call(self) -> None:
        """Wake the thread that waits for this unit; calling it again does nothing."""
        if self.wake.locked():
            try:
                self.wake.release()
            except RuntimeError:  # another thread released it in between
                return


Take = Callable[[], Sequence[QueuedUnit]]
"""Returns to the leader the units that wait by now, its own among them."""


class CommitQueue:
    """Queues units and makes one of them the leader, which takes the waiting ones and sees that each is done."""

    def __init__(self, lead: Callable[[Take], None]) -> None:
        """Lead by calling this function. If it raises before it takes any unit, only its own caller sees the error."""
        self._lead = lead
        self._mutex = threading.Lock()
        self._waiting: list[QueuedUnit] = []
        self._taken: list[QueuedUnit] = []
        self._leader: QueuedUnit | None = None

    def submit(self, queued: QueuedUnit) -> None:
        """Wait until the unit is done; lead if no other unit does.

        Raises:
            Busy: it waited too long.
        """
        try:
            with self._mutex:
                self._waiting.append(queued)
                if self._leader is None:
                    self._leader = queued
            self._wait(queued)
        except BaseException:
            try:
                self._leave(queued)
            except BaseException:
                self._leave(queued)
                raise
            raise

    def _wait(self, queued: QueuedUnit) -> None:
        pause = POLL_SECONDS
        while not queued.done:
            if self._leader is queued or self._takes_lead(queued):  # no other thread makes this unit the leader
                self._lead(self._take)
                self._leave(queued)
            elif monotonic() >= queued.deadline and self._withdraws(queued):
                raise Busy
            elif not queued.wake.acquire(timeout=_pause_before(queued.deadline, pause)):
                pause = min(2 * pause, LONGEST_POLL)

    def left(self) -> float:
        """Return the seconds that the leader may still wait, for its caller; 0 if its time is over."""
        leader = self._leader
        return 0.0 if leader is None else max(0.0, leader.deadline - monotonic())

    def _takes_lead(self, queued: QueuedUnit) -> bool:
        with self._mutex:
            if self._leader is not None or queued.done:
                return False
            self._leader = queued
            return True

    def _take(self) -> Sequence[QueuedUnit]:
        """Take the waiting units; not when leading begins, because the process lock may take long to acquire."""
        with self._mutex:
            self._split()
            return self._taken

    def _split(self) -> None:
        waiting = [queued for queued in self._waiting if not queued.done]
        taken, left = waiting[:MOST_TOGETHER], waiting[MOST_TOGETHER:]
        if self._leader in left:
            left.remove(self._leader)
            left.insert(0, taken[-1])
            taken[-1] = self._leader
        self._taken, self._waiting = taken, left

    def _withdraws(self, queued: QueuedUnit) -> bool:
        """Remove the unit from the queue, unless a leader has taken it already."""
        with self._mutex:
            if queued not in self._waiting:
                return False
            self._waiting.remove(queued)
            return True

    def _leave(self, queued: QueuedUnit) -> None:
        """Release the lead, if this unit has it, and wake the next; units that were taken but not done wait again."""
        with self._mutex:
            next_one = self._without(queued)
        if next_one is not None:
            next_one.call()

    def _without(self, queued: QueuedUnit) -> QueuedUnit | None:
        if queued in self._waiting:
            self._waiting.remove(queued)
        if self._leader is queued:
            undone = [one for one in self._taken if not one.done and one is not queued]
            self._waiting, self._taken = undone + self._waiting, []
            self._leader = None
        return self._waiting[0] if self._waiting and self._leader is None else None


def _pause_before(deadline: float, pause: float) -> float:
    """Return the pause, but no more than what is left; after the deadline the unit is in a group that is running."""
    left = deadline - monotonic()
    return min(pause, left) if left > 0 else pause
