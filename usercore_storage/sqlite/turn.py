"""Whose turn it is to write, among the processes of a machine: ``flock`` on a side file.

It waits in the kernel, in order, and ends with its process. But it knows no time limit, and a process that was stopped
keeps its turn. So where another process has the turn, a thread waits in our stead; where none has, there is no thread.
"""

import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path

from usercore.kernel.errors import Busy, Unavailable
from usercore_storage.sqlite.errors import mapped_of_system
from usercore_storage.sqlite.files import open_side


class Turn:
    """The turn of this process; ``lock`` is held while somebody has it or waits for it."""

    def __init__(self, path: Path) -> None:
        """Open the side file.

        Raises:
            StorageError: it cannot be opened; its subclasses say why.
        """
        self.lock = threading.Lock()
        self._side = open_side(path)
        self._awaited: threading.Event | None = None

    def run(self, run: Callable[[], None], *, longest_wait: float) -> None:
        """Wait for the turn, for so many seconds, and run this in it.

        Raises:
            Busy: another process had it all the time.
            Unavailable: it is closed.
        """
        with self.lock:
            if self._side < 0:
                raise Unavailable
            try:
                self._take(longest_wait)
                run()
            finally:
                fcntl.flock(self._side, fcntl.LOCK_UN)  # no function of ours, where a Ctrl-C could land as it begins

    def _take(self, longest_wait: float) -> None:
        try:
            fcntl.flock(self._side, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not self._await().wait(longest_wait):
                raise Busy from None
        except OSError as error:
            raise mapped_of_system(error) from error

    def _await(self) -> threading.Event:
        """Let a thread wait, or go on to wait if somebody gave up."""
        awaited = self._awaited
        if awaited is None or awaited.is_set():
            awaited = self._awaited = threading.Event()
            threading.Thread(target=self._wait, args=(os.dup(self._side), awaited), daemon=True).start()
        return awaited

    def _wait(self, side: int, awaited: threading.Event) -> None:
        fcntl.flock(side, fcntl.LOCK_EX)
        awaited.set()
        with self.lock:  # the turn was given back by now, unless whoever waited for it gave up before it came
            fcntl.flock(side, fcntl.LOCK_UN)
        os.close(side)

    def close(self) -> None:
        """Close the side file; whoever calls holds the lock. Closing again does nothing."""
        if self._side >= 0:
            os.close(self._side)
            self._side = -1
