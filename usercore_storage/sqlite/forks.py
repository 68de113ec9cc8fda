"""Forks: all connections are closed before one, and both sides open their own when they need them.

A newcomer would open new connections in the child and think that enough. But SQLite notes, for each file in the
process, which locks it has, and a child inherits these notes without the locks: its parent, when it closes, believes to
be alone and removes the WAL that the child still writes.
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
"""Seconds that a fork waits for the units of other threads. Source: usercore: as long as a unit waits for its turn."""

_PAUSE: Final = 0.001

_gates: "weakref.WeakSet[ForkBarrier]" = weakref.WeakSet()
_forking = threading.RLock()


class HasConnections(Protocol):
    """What has connections."""

    def close_for_fork(self) -> None:
        """Close all connections; those who come later open others."""

    def abandon(self) -> None:
        """Do without the connections of the parent, which could not be closed and must not be used here."""


class ForkBarrier:
    """Lets each thread into one unit at a time, and nobody while the process forks."""

    def __init__(self, store: HasConnections) -> None:
        """Stand before this store."""
        self._store = store
        self._open()
        _gates.add(self)

    def _open(self) -> None:
        self._inside: set[int] = set()
        self.is_shut = False
        """Whether a fork waits for those inside; who takes long looks now and then, gives up, and begins again."""
        self._rests = False

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
            while self.is_shut:  # looked at after ``add``, and ``shut`` looks the other way round
                inside.discard(thread)
                self._await_opening()
                inside.add(thread)
            return run()
        finally:
            inside.discard(thread)

    def _await_opening(self) -> None:
        while self.is_shut:
            sleep(_PAUSE)  # no ``Event``: a Ctrl-C could leave its lock locked for ever

    def shut(self) -> None:
        """Let nobody in, wait for those inside, and let the store rest, unless somebody stays."""
        self.is_shut = True
        me, until = {get_ident()}, monotonic() + LONGEST_WAIT
        while (others := self._inside - me) and monotonic() < until:
            sleep(_PAUSE)
        self._rests = not others and not self._inside & me  # whoever came since then sees that it is shut
        if self._rests:
            self._store.close_for_fork()

    def go_on(self) -> None:
        """Let them in again."""
        self.is_shut = False

    def reset_after_fork(self) -> None:
        """Start in a child, where no other thread is."""
        if not self._rests:
            self._store.abandon()
        self._open()


def between_forks() -> threading.RLock:
    """Give the lock that a fork holds: whoever makes connections outside a gate holds it, too."""
    return _forking


def _before() -> None:
    _forking.acquire()
    for gate in list(_gates):
        gate.shut()


def _in_parent() -> None:
    for gate in list(_gates):
        gate.go_on()
    _forking.release()


def _in_child() -> None:
    for gate in list(_gates):
        gate.reset_after_fork()
    _forking.release()  # the thread that forked holds it, and lives on here


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
