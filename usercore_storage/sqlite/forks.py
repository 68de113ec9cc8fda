"""Forks: all connections are closed before a fork, and both processes open their own when they need them.

Opening new connections in the child is not enough. SQLite records, for each file in the process, which locks it has,
and a child inherits these records without the locks: its parent, when it closes, believes that it is alone and removes
the WAL that the child still writes.
"""

import os
import threading
import weakref
from collections.abc import Callable
from threading import get_ident
from time import monotonic, sleep
from typing import Final, Protocol, TypeVar

T = TypeVar("T")

LONGEST_WAIT: Final = 30.0
"""Seconds that a fork waits for the units of other threads. Source: usercore: as long as a unit waits in the queue."""

_PAUSE: Final = 0.001

_barriers: "weakref.WeakSet[ForkBarrier]" = weakref.WeakSet()
_forking = threading.RLock()


class HasConnections(Protocol):
    """An object that has connections."""

    def close_for_fork(self) -> None:
        """Close all connections; later units open others."""

    def abandon(self) -> None:
        """Abandon the connections of the parent, which could not be closed and must not be used here."""


class ForkBarrier:
    """Admits each thread to one unit at a time, and none while the process forks."""

    def __init__(self, store: HasConnections) -> None:
        """Guard the connections of this store."""
        self._store = store
        self._open()
        _barriers.add(self)

    def _open(self) -> None:
        self._inside: set[int] = set()
        self.is_shut = False
        """Whether a fork is waiting for units to end; a long operation polls this, stops, and begins again."""
        self._is_closed_for_fork = False

    def run(self, run: Callable[[], T]) -> T:
        """Run a unit.

        Raises:
            RuntimeError: a unit is open in this thread already: this one would wait for it for ever.
        """
        inside, thread = self._inside, get_ident()
        if thread in inside:
            msg = "a unit is open in this thread already; use that one"
            raise RuntimeError(msg)
        try:
            inside.add(thread)
            while self.is_shut:  # read after ``add``; ``shut`` does both in the opposite order
                inside.discard(thread)
                self._await_opening()
                inside.add(thread)
            return run()
        finally:
            inside.discard(thread)

    def _await_opening(self) -> None:
        while self.is_shut:
            sleep(_PAUSE)  # not an ``Event``: an interrupt could leave its lock locked for ever

    def shut(self) -> None:
        """Admit no thread, wait for running units, and close the store's connections, unless a unit does not end."""
        self.is_shut = True
        me, until = {get_ident()}, monotonic() + LONGEST_WAIT
        while (others := self._inside - me) and monotonic() < until:
            sleep(_PAUSE)
        # A thread that arrived since then sees that the barrier is shut.
        self._is_closed_for_fork = not others and not self._inside & me
        if self._is_closed_for_fork:
            self._store.close_for_fork()

    def open_again(self) -> None:
        """Admit threads again."""
        self.is_shut = False

    def reset_after_fork(self) -> None:
        """Start in a child, where no other thread exists."""
        if not self._is_closed_for_fork:
            self._store.abandon()
        self._open()


def between_forks() -> threading.RLock:
    """Return the lock that a fork holds; code that opens connections outside a barrier must hold it, too."""
    return _forking


def _before() -> None:
    _forking.acquire()
    for barrier in list(_barriers):
        barrier.shut()


def _in_parent() -> None:
    for barrier in list(_barriers):
        barrier.open_again()
    _forking.release()


def _in_child() -> None:
    for barrier in list(_barriers):
        barrier.reset_after_fork()
    _forking.release()  # the forking thread holds it, and is the one that exists in the child


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
