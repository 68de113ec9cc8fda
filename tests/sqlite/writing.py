"""A process that writes, ``python -m tests.sqlite.writing URL SECONDS THREADS``, and prints how often."""

import sys
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

from tests.sqlite.note_writer import ORIGIN
from usercore.opening import open_storage
from usercore.storage import Unit
from usercore.testing.samples import ANN


def touch(unit: Unit) -> None:
    """Write one row."""
    unit.users.lock(ANN)


def main(url: str, seconds: str, threads: str) -> None:
    """Write as often as possible, once the parent sends a line."""
    storage = open_storage(url)
    units = storage.units(ORIGIN)

    def write(_: int) -> tuple[int, float]:
        count, longest, last = 0, 0.0, perf_counter()
        until = last + float(seconds)
        while last < until:
            units.write(touch)
            now = perf_counter()
            count, longest, last = count + 1, max(longest, now - last), now
        return count, longest

    print("ready", flush=True)  # noqa: T201 - to the parent
    sys.stdin.readline()
    with ThreadPoolExecutor(int(threads)) as pool:
        counts, waits = zip(*pool.map(write, range(int(threads))), strict=True)
    print(sum(counts), max(waits), flush=True)  # noqa: T201 - as above
    storage.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
