"""Run functions in forked children."""

import os
import traceback
import warnings
from collections.abc import Callable

NOBODY = 65_534


def in_child(run: Callable[[], str], *, as_nobody: bool = False) -> str:
    """Return the result of ``run`` in a forked child, or its traceback.

    ``as_nobody`` gives up the rights of root, to whom nothing is read-only.
    """
    return _output_of(*_fork(run, as_nobody=as_nobody))


def in_children(count: int, run: Callable[[], str]) -> list[str]:
    """Return the results of ``run`` in ``count`` children that start together."""
    start, held_back = os.pipe()

    def run_together() -> str:
        os.close(held_back)
        os.read(start, 1)  # returns when the parent closes the pipe
        return run()

    children = [_fork(run_together, as_nobody=False) for _ in range(count)]
    os.close(held_back)
    os.close(start)
    return [_output_of(*child) for child in children]


def _fork(run: Callable[[], str], *, as_nobody: bool) -> tuple[int, int]:
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the test runner has threads, too
        child = os.fork()
    if not child:
        _run_in_child(run, writing, as_nobody=as_nobody)
    os.close(writing)
    return child, reading


def _output_of(child: int, reading: int) -> str:
    with os.fdopen(reading, encoding="utf-8") as said:
        text = said.read()
    os.waitpid(child, 0)
    return text


def _run_in_child(run: Callable[[], str], writing: int, *, as_nobody: bool) -> None:
    try:
        if as_nobody and os.geteuid() == 0:
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
        text = run()
    except BaseException:  # noqa: BLE001 - reported to the parent
        text = traceback.format_exc()
    os.write(writing, text.encode())
    os._exit(0)  # skips the parent's exit handlers
