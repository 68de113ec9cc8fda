"""Interrupt the main thread, at a chosen point of the code or at a chosen moment."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from tests.alarm import alarm_handler
from tests.sqlite.note_writer import NoteWriter, note


class Interrupter:
    """Interrupts one call in the main thread.

    At the ``place``-th place of the storage's code at which CPython looks for signals: where functions begin, and where
    they return from C; then once more where the ``again``-th function after it begins. Without a place by an alarm,
    ``delay`` seconds later.
    """

    def __init__(
        self, place: int = 0, *, again: int = 0, delay: float = 0.0, error: type[BaseException] = KeyboardInterrupt
    ) -> None:
        self._left, self._again, self._delay, self._error = place, again, delay, error
        self._is_armed = False

    def write(self, note_writer: NoteWriter, name: str) -> bool:
        """Write a name; return whether the call reported it as stored."""
        reported = []
        self.interrupt(lambda: reported.append(note_writer.write(note(name)) == name))
        return reported == [True]

    def interrupt(self, call: Callable[[], object]) -> bool:
        """Make a call; return whether the interrupt occurred."""
        with suppress(self._error), self._watching():
            call()
        return self._left <= 0

    @contextmanager
    def _watching(self) -> Iterator[None]:
        tracing = sys.gettrace()
        with alarm_handler(self._ring):
            try:
                self._is_armed = True
                if self._left:
                    sys.setprofile(self._watch)
                else:
                    signal.setitimer(signal.ITIMER_REAL, self._delay)
                yield
            finally:
                self._is_armed = False
                sys.setprofile(None)
                sys.settrace(tracing)

    def _watch(self, frame: FrameType, event: str, _: object) -> None:
        if event in {"call", "c_return"} and is_ours(frame):
            self._left -= 1
            if not self._left:
                if self._again:
                    sys.settrace(self._watch_again)  # raising ends the tracing
                raise self._error

    def _watch_again(self, frame: FrameType, _: str, __: object) -> None:
        if is_ours(frame):
            self._again -= 1
            if not self._again:
                raise self._error

    def _ring(self, _: int, __: FrameType | None) -> None:
        if self._is_armed:
            self._is_armed = False
            raise self._error


def is_ours(frame: FrameType) -> bool:
    module: str = frame.f_globals.get("__name__", "")  # compiled source has none
    return module.startswith(("usercore_storage.sqlite.", "usercore_storage.postgres.", "usercore_storage.sql.joined"))
