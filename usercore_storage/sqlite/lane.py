"""The lane in front of the reading connections: while looks are quick, one thread looks at a time.

A newcomer would let all threads look at once. But each statement gives the interpreter's lock away and takes it again,
and where sixteen threads want it, getting it back takes twice as long as the look. Those who wait in a lane do not want
it. Nobody waits long for a slow look: whoever has stood in the lane for a while opens another for all.
"""

import threading
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

LONGEST_WAIT: Final = 0.02
"""Seconds in a lane. Source: usercore: of sixteen threads that look without pause some wait for ten milliseconds, as
nobody keeps their order; with lanes that open so soon half of the gain is lost."""


class Lane:
    """Lets those who look wait for each other, though not for long."""

    def __init__(self, *, longest_wait: float = LONGEST_WAIT) -> None:
        """Let the first in."""
        self._lock = threading.Lock()
        self._longest_wait = longest_wait

    def run(self, query: Callable[[], T]) -> T:
        """Look, as soon as the lane is free or another opens.

        A Ctrl-C that leads somebody out without giving the lane free costs one such wait.
        """
        lock, is_in = self._lock, False
        try:
            is_in = lock.acquire(timeout=self._longest_wait)
            if not is_in and lock is self._lock:
                self._lock = threading.Lock()
            return query()
        finally:
            if is_in:
                lock.release()
