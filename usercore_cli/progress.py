"""A bar of progress on a terminal, if tqdm is installed."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from usercore.kernel.values import frozen


class Show(Protocol):
    """Shows how much is done, of how much if that is known."""

    def __call__(self, done: int, total: int | None = None) -> object:
        """Show it."""


@frozen
class Progress:
    """Shows progress, and writes lines beside the bar."""

    show: Show
    write: Callable[[str], object]


@contextmanager
def progress(unit: str, total: int | None = None) -> Iterator[Progress]:
    """Yield what shows progress on a terminal; elsewhere only its lines are written, to standard error."""
    try:
        from tqdm import tqdm  # noqa: PLC0415 - an optional dependency
    except ImportError:
        yield Progress(lambda *_: None, lambda text: print(text, file=sys.stderr))
        return
    with tqdm(total=total, unit=unit, unit_scale=True, disable=None, leave=False) as bar:  # None: only on a terminal

        def show(done: int, total: int | None = None) -> None:
            bar.total = total or bar.total
            bar.update(done - bar.n)

        yield Progress(show, lambda text: bar.write(text, file=sys.stderr))
