"""The line in front of the writing connection: whoever finds no leader runs everybody's units and commits once.

A commit waits for the disk; sixteen waiting units can share one. The leader needs no thread of its own, so there is
none to start, to stop or to lose at a fork, and a lone writer leads itself.

Written so that a Ctrl-C may land anywhere: leadership is not a lock that could be lost between being taken and being
guarded, but the name of a job, which that job's own thread gives up; giving up may be done twice. Waiters look up now
and then, so that a lost wake-up costs a moment and not the program. No loop stands inside a ``with``: CPython 3.13.0
forgets to release a lock for a Ctrl-C that lands where a loop jumps back.
"""

import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Final

from usercore.history.model import Entry
from usercore.kernel.errors import Busy
from usercore.storage.recording import UnitContext

LOOK_UP: Final = 0.05
"""Seconds after which a waiter looks whether it should lead. Source: usercore's experiments with Ctrl-C."""

LONGEST_WAIT: Final = 30.0
"""Seconds that a unit waits for its turn before ``Busy``; three times the busy timeout behind it."""

MOST_TOGETHER: Final = 64
"""Units of one commit, so that the first of them does not wait long for the last."""


class QueuedUnit:
    """A unit in the line, and what became of it."""

    __slots__ = ("done", "entries", "error", "origin", "result", "wake", "work")

    def __init__(self, work: Callable[[Any], Any], origin: UnitContext) -> None:
        """Stand for this unit."""
        self.work, self.origin = work, origin
        self.result: Any = None
        self.error: BaseException | None = None
        self.entries: Sequence[Entry] = ()
        self.done = False
        self.wake = threading.Lock()
        self.wake.acquire()

    def call(self) -> None:
        """Wake the thread that waits for this job; calling again does nothing."""
        if self.wake.locked():
            try:
                self.wake.release()
            except RuntimeError:  # somebody else called between
                return


Take = Callable[[], Sequence[QueuedUnit]]
"""Gives the leader those who wait by now, itself among them."""


class CommitQueue:
    """Lets jobs wait, and makes one of them the leader, who takes those that wait and sees that each is done."""

    def __init__(self, lead: Callable[[Take], None], *, longest_wait: float = LONGEST_WAIT) -> None:
        """Lead by this function. If it raises before it takes anybody, only its own caller hears of it."""
        self._lead = lead
        self._longest_wait = longest_wait
        self._mutex = threading.Lock()
        self._waiting: list[QueuedUnit] = []
        self._taken: list[QueuedUnit] = []
        self._leader: QueuedUnit | None = None

    def submit(self, job: QueuedUnit) -> None:
        """Wait until the job is done, leading if nobody does.

        Raises:
            Busy: its turn did not come.
        """
        try:
            with self._mutex:
                self._waiting.append(job)
            self._wait(job)
        except BaseException:
            try:
                self._leave(job)
            except BaseException:
                self._leave(job)
                raise
            raise

    def _wait(self, job: QueuedUnit) -> None:
        until = monotonic() + self._longest_wait
        while not job.done:
            if self._takes_lead(job):
                self._lead(self._take)
                self._leave(job)
            elif not job.wake.acquire(timeout=LOOK_UP) and monotonic() > until and self._withdraws(job):
                raise Busy

    def _takes_lead(self, job: QueuedUnit) -> bool:
        with self._mutex:
            if self._leader is not None or job.done:
                return False
            self._leader = job
            return True

    def _take(self) -> Sequence[QueuedUnit]:
        """Take those who wait; later than leading begins, because the turn may be long in coming."""
        with self._mutex:
            self._split()
            return self._taken

    def _split(self) -> None:
        waiting = [job for job in self._waiting if not job.done]
        taken = waiting[:MOST_TOGETHER]
        if self._leader in waiting[MOST_TOGETHER:]:
            taken[-1] = self._leader
        self._taken, self._waiting = taken, [job for job in waiting if job not in taken]

    def _withdraws(self, job: QueuedUnit) -> bool:
        """Take the job out of the line, unless a leader has it already."""
        with self._mutex:
            if job not in self._waiting:
                return False
            self._waiting.remove(job)
            return True

    def _leave(self, job: QueuedUnit) -> None:
        """Give up the lead, if this job has it, and call the next; what was taken and not done waits again."""
        with self._mutex:
            following = self._without(job)
        if following is not None:
            following.call()

    def _without(self, job: QueuedUnit) -> QueuedUnit | None:
        if job in self._waiting:
            self._waiting.remove(job)
        if self._leader is job:
            undone = [one for one in self._taken if not one.done and one is not job]
            self._waiting, self._taken = undone + self._waiting, []
            self._leader = None
        return self._waiting[0] if self._waiting and self._leader is None else None
