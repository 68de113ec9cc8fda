"""Whose turn it is to write, among the processes of a machine: ``flock`` on a side file.

It waits in the kernel, in order, and ends with its process. But it knows no time limit, and a process that was stopped
keeps its turn. So where another process has the turn, a thread waits in our stead; where none has, there is no thread.
"""

import fcntl
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from usercore.kernel.errors import Busy, Unavailable
from usercore.kernel.forks import reset_in_child
from usercore_storage.sqlite.errors import translate_os_error
from usercore_storage.sqlite.files import open_side, side_of


class _Awaited:
    """A turn that a thread waits for, on a handle of its own.

    No ``Event``: a Ctrl-C could leave its lock locked for ever.
    """

    def __init__(self, side: int) -> None:
        self.side = side
        self.handles = [side]
        """Emptied by whoever is to close the handle: the thread, or who could not start it."""
        self.came = False
        self.error: OSError | None = None
        self.call = threading.Lock()
        self.call.acquire()


class ProcessLock:
    """The turn of this process; ``lock`` is held while somebody has it or waits for it."""

    def __init__(self, path: Path) -> None:
        """Open the side file.

        Raises:
            StorageError: it cannot be opened; its subclasses say why.
        """
        self.lock = threading.Lock()
        self._path = path
        self._side = open_side(path)
        self._awaited: _Awaited | None = None
        reset_in_child(self)

    def reset_after_fork(self) -> None:
        """Give up, in a child, what a thread of the parent waits by: held here, it would keep the parent's turn."""
        awaited, self._awaited = self._awaited, None
        if awaited is not None and not awaited.came:
            os.close(awaited.side)

    def run(self, run: Callable[[], None], *, longest_wait: float) -> None:
        """Wait for the turn, for so many seconds, and run this in it; what it raises comes out.

        Raises:
            Busy: another process had it all the time, or no thread can be started that would wait.
            Unavailable: it is closed.
            StorageError: the system refused.
        """
        with self.lock:
            if self._side < 0:
                raise Unavailable("the store is closed")
            try:
                self._take(longest_wait)
                run()
            finally:
                try:  # noqa: SIM105 - no function of ours, nor of contextlib, where a Ctrl-C could land as it begins
                    fcntl.flock(self._side, fcntl.LOCK_UN)
                except OSError:  # taking it has failed, too, or what ran is told already
                    pass

    def _take(self, longest_wait: float) -> None:
        try:
            if self._takes_at_once():
                return
            awaited = self._await()
        except OSError as error:
            raise translate_os_error(error, side_of(self._path)) from error
        if not awaited.call.acquire(timeout=longest_wait) and not awaited.came:
            raise Busy("another process was writing all the time")
        if awaited.error is not None:
            raise translate_os_error(awaited.error, side_of(self._path)) from awaited.error

    def _takes_at_once(self) -> bool:
        try:
            fcntl.flock(self._side, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _await(self) -> _Awaited:
        """Let a thread wait, or go on to wait if somebody gave up."""
        awaited = self._awaited
        if awaited is None or awaited.came:
            awaited = _Awaited(os.dup(self._side))
            try:
                threading.Thread(target=self._wait, args=(awaited,), daemon=True).start()
            except BaseException as error:
                for handle in _taken_from(awaited):
                    os.close(handle)
                if isinstance(error, RuntimeError):  # there is no room for another thread
                    raise Busy("no thread can be started to wait for another process") from error
                raise
            self._awaited = awaited  # last of all, or after a Ctrl-C somebody would wait for nobody
        return awaited

    def _wait(self, awaited: _Awaited) -> None:
        for side in _taken_from(awaited):  # none, if whoever started this thread was interrupted
            try:
                fcntl.flock(side, fcntl.LOCK_EX)
            except OSError as error:
                awaited.error = error
            awaited.came = True
            awaited.call.release()
            with self.lock:  # the turn was given back by now, unless whoever waited for it gave up before it came
                if awaited.error is None:
                    fcntl.flock(side, fcntl.LOCK_UN)
            os.close(side)

    def remember(self, record: bytes) -> None:
        """Store in the side file, in the turn, which file and store its writers have open.

        Raises:
            StorageError: the system refused.
        """
        try:
            if os.pread(self._side, len(record) + 1, 0) != record:
                os.pwrite(self._side, record, 0)
                os.ftruncate(self._side, len(record))
        except OSError as error:
            raise translate_os_error(error, side_of(self._path)) from error

    def remembers(self, record: bytes) -> bool:
        """Return whether the side file has this record.

        Raises:
            StorageError: the system refused.
        """
        try:
            return os.pread(self._side, len(record) + 1, 0) == record
        except OSError as error:
            raise translate_os_error(error, side_of(self._path)) from error

    def close(self) -> None:
        """Close the side file; whoever calls holds the lock. Closing again does nothing."""
        if self._side >= 0:
            os.close(self._side)
            self._side = -1


def _taken_from(awaited: _Awaited) -> Sequence[int]:
    """Take the handle, unless somebody else has."""
    try:
        return [awaited.handles.pop()]
    except IndexError:
        return []
