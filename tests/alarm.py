"""Alarms that raise in the main thread, wherever it is."""

import gc
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def alarm_handler(handle: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Handle alarms in the block by ``handle``, which may raise; ``signal.setitimer`` in the block sets them.

    The garbage collector is off meanwhile: CPython does not pass on what is raised in one of its callbacks, and
    Hypothesis registers one.
    """
    before, was_collecting = signal.signal(signal.SIGALRM, handle), gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if was_collecting:
            gc.enable()
