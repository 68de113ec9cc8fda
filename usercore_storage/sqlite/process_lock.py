"""The lock for writing between the processes of a machine: ``flock`` on a side file.

The kernel queues the waiting processes and releases the lock of a process that ends. But ``flock`` has no timeout, and
a stopped process keeps its lock. So while another process holds the lock, a helper thread waits for it; otherwise there
is no thread.
"""

import fcntl
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from usercore.kernel.errors import Busy, Unavailable
from usercore.kernel.forks import reset_in_child
from usercore_storage.sqlite.errors import translate_os_error
from usercore_storage.sqlite.files import open_side
from usercore_storage.sqlite.wal_owner import side_of


class _Awaited:
    """A lock that a helper thread waits for, on a handle of its own.

    Not an ``Event``: an interrupt could leave its lock locked for ever.
    """

    def __init__(self, side: int) -> None:
        self.side = side
        self.handles = [side]
        """Store the handle; the thread that is to close it, or the code that failed to start that thread, empties the
        list."""
        self.came = False
        self.error: OSError | None = None
        self.call = threading.Lock()
        self.call.acquire()


class ProcessLock:
    """The lock of this process; ``lock`` is held while a thread holds it or waits for it."""

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
        """Discard in a child the handle that a thread of the parent waits on: here it would hold the parent's lock."""
        awaited, self._awaited = self._awaited, None
        if awaited is not None and not awaited.came:
            os.close(awaited.side)

    def run(self, run: Callable[[], None], *, max_wait: float) -> None:
        """Acquire the lock within so many seconds and call ``run``; its exceptions propagate.

        Raises:
            Busy: another process held it all the time, or the helper thread cannot be started.
            Unavailable: it is closed.
            StorageError: the system refused.
        """
        with self.lock:
            if self._side < 0:
                raise Unavailable("the store is closed")
            try:
                self._take(max_wait)
                run()
            finally:
                try:  # noqa: SIM105 - a function call, also of contextlib's, would be a place where an interrupt can land first
                    fcntl.flock(self._side, fcntl.LOCK_UN)
                except OSError:  # acquiring has failed, too, or the outcome is reported already
                    pass

    def _take(self, max_wait: float) -> None:
        try:
            try:
                fcntl.flock(self._side, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if max_wait <= 0:
                    raise Busy("another process is writing") from None
                awaited = self._await()
            else:
                return
        except OSError as error:
            raise translate_os_error(error, side_of(self._path)) from error
        if not awaited.call.acquire(timeout=max_wait) and not awaited.came:
            raise Busy("another process was writing all the time")
        if awaited.error is not None:
            raise translate_os_error(awaited.error, side_of(self._path)) from awaited.error

    def _await(self) -> _Awaited:
        """Start a helper thread, or reuse the one of a caller that gave up."""
        awaited = self._awaited
        if awaited is None or awaited.came:
            awaited = _Awaited(os.dup(self._side))
            try:
                threading.Thread(target=self._wait, args=(awaited,), daemon=True).start()
            except BaseException as error:
                for handle in _taken_from(awaited):
                    os.close(handle)
                if isinstance(error, RuntimeError):  # no further thread can be started
                    raise Busy("no thread can be started to wait for another process") from error
                raise
            self._awaited = awaited  # last: an interrupt before it must not leave a wait without a thread
        return awaited

    def _wait(self, awaited: _Awaited) -> None:
        for side in _taken_from(awaited):  # empty if the thread that started this one was interrupted
            try:
                fcntl.flock(side, fcntl.LOCK_EX)
            except OSError as error:
                awaited.error = error
            awaited.came = True
            awaited.call.release()
            with self.lock:  # the lock was released by now, unless its waiter gave up before it was acquired
                if awaited.error is None:
                    fcntl.flock(side, fcntl.LOCK_UN)
            os.close(side)

    def remember(self, record: bytes) -> None:
        """Write to the side file, while holding the lock, which file and store its writers have open.

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
        """Close the side file; the caller holds ``lock``. Closing it again does nothing."""
        if self._side >= 0:
            os.close(self._side)
            self._side = -1


def _taken_from(awaited: _Awaited) -> Sequence[int]:
    """Take the handle, unless the other side has."""
    try:
        return [awaited.handles.pop()]
    except IndexError:
        return []
