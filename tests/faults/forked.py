"""Running something in a forked child."""

import os
import traceback
import warnings
from collections.abc import Callable

NOBODY = 65_534


def in_child(run: Callable[[], str], *, as_nobody: bool = False) -> str:
    """Give what ``run`` says in a forked child, or its traceback.

    ``as_nobody`` gives up the rights of root, to whom nothing is read-only.
    """
    return _heard(*_forked(run, as_nobody=as_nobody))


def in_children(count: int, run: Callable[[], str]) -> list[str]:
    """Give what ``run`` says in each of so many children, which start together."""
    start, held_back = os.pipe()

    def run_together() -> str:
        os.close(held_back)
        os.read(start, 1)  # ends when nobody holds it back
        return run()

    children = [_forked(run_together, as_nobody=False) for _ in range(count)]
    os.close(held_back)
    os.close(start)
    return [_heard(*child) for child in children]


def _forked(run: Callable[[], str], *, as_nobody: bool) -> tuple[int, int]:
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the test runner has threads, too
        child = os.fork()
    if not child:
        _live(run, writing, as_nobody=as_nobody)
    os.close(writing)
    return child, reading


def _heard(child: int, reading: int) -> str:
    with os.fdopen(reading, encoding="utf-8") as said:
        text = said.read()
    os.waitpid(child, 0)
    return text


def _live(run: Callable[[], str], writing: int, *, as_nobody: bool) -> None:
    try:
        if as_nobody and os.geteuid() == 0:
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
        text = run()
    except BaseException:  # noqa: BLE001 - told to the parent
        text = traceback.format_exc()
    os.write(writing, text.encode())
    os._exit(0)  # the parent's clean-up is not the child's
