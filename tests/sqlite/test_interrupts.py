"""A Ctrl-C in the main thread, wherever it lands: what is told as kept and what is found agree, and nobody hangs."""

import fcntl
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any, Final

import pytest

from tests.faults.rounds import rounds
from tests.sqlite.notebooks import PATIENCE, Notebook, WaitingLine, note
from usercore_storage.sql.run import Run


class Interrupter:
    """Raises ``KeyboardInterrupt`` at the n-th place where CPython looks for signals: calls, and returns from C."""

    def __init__(self, place: int) -> None:
        self.left = place

    def __call__(self, _: FrameType, event: str, __: object) -> None:
        if event in {"call", "c_return"}:
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt

    def write(self, notebook: Notebook, name: str) -> bool | None:
        """Write a name down; say whether this was told, or None if it was interrupted."""
        sys.setprofile(self)
        try:
            told = notebook.write(note(name)) == name
        except KeyboardInterrupt:
            return None
        finally:
            sys.setprofile(None)
        return told


def check_free(notebook: Notebook) -> None:
    """See that nothing is left over: others may write, also those of other processes."""
    assert notebook.line._leader is None
    assert not notebook.raw.in_transaction
    side = os.open(side_of(notebook), os.O_RDWR)
    fcntl.flock(side, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(side)
    assert notebook.write(note("next")) == "next"


def side_of(notebook: Notebook) -> str:
    return os.readlink(f"/proc/self/fd/{notebook.writer._side}")
