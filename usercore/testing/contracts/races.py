"""Races as services have them: a read and a write in another unit, or two units open at the same time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from typing import Final, TypeVar

from usercore.kernel.units import Units
from usercore.storage import Unit

T = TypeVar("T")

THREADS: Final = 8

Meet = Callable[[], None]
"""Waits until all threads have reached it."""

_PATIENCE: Final = 60.0
"""Seconds after which a missing thread is a fault of the storage."""

_MEETING: Final = 0.2
"""Seconds in which two open units meet. A storage with one writer never opens two, and lets them pass."""


def race(run: Callable[[int, Meet], T]) -> list[T]:
    """Run in eight threads, numbered from 0; each reads, meets the others, and writes."""
    barrier = Barrier(THREADS)

    def meet() -> None:
        barrier.wait(_PATIENCE)

    return _in_threads(THREADS, lambda number: run(number, meet))


def overlap(units: Units[Unit], work: Callable[[Unit, int, Meet], T]) -> list[T]:
    """Run two units, numbered 0 and 1, that meet while both are open, if the storage allows it."""
    barrier = Barrier(2)

    def meet() -> None:
        with suppress(BrokenBarrierError):
            barrier.wait(_MEETING)

    return _in_threads(2, lambda number: units.write(lambda unit: work(unit, number, meet)))


def _in_threads(threads: int, run: Callable[[int], T]) -> list[T]:
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))
