"""Locks of accounts: a process verifies one attempt of an account at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import attrs

from usercore.kernel.errors import Overloaded
from usercore.kernel.forks import reset_in_child


@attrs.define
class _AccountLock:
    lock: threading.Lock = attrs.field(factory=threading.Lock)
    waiting: int = 0


class AccountLocks:
    """One lock for each account with an attempt under way. Safe to share between threads."""

    def __init__(self, max_wait: float) -> None:
        """Wait for a lock at most this many seconds."""
        self._longest_wait = max_wait
        self.reset_after_fork()
        reset_in_child(self)

    def reset_after_fork(self) -> None:
        """Discard all locks; see ``forks``."""
        self._mutex = threading.Lock()
        self._locks: dict[str, _AccountLock] = {}

    @contextmanager
    def hold(self, account: str) -> Iterator[None]:
        """Hold the lock of an account.

        Raises:
            Overloaded: the wait took too long.
        """
        with self._mutex:
            found = self._locks.setdefault(account, _AccountLock())
            found.waiting += 1
        try:
            if not found.lock.acquire(timeout=self._longest_wait):
                raise Overloaded
            try:
                yield
            finally:
                found.lock.release()
        finally:
            self._leave(account, found)

    def _leave(self, account: str, held: _AccountLock) -> None:
        with self._mutex:
            held.waiting -= 1
            if not held.waiting:
                del self._locks[account]
