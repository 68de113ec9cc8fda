"""W12: the figures of a dashboard, with the closed days counted already, and with none counted yet."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import repeat
from typing import Any

import attrs

from benchmarks.baseline.counting import Counting
from benchmarks.measuring import Calls, Cost, Side
from benchmarks.people import NOW
from benchmarks.stores import StoreProvider


@attrs.frozen
class Prepared:
    """Operations that each need a preparation, which is not measured."""

    prepare: Callable[[], object]
    call: Callable[[Any], object]

    def run(self, count: int) -> Cost:
        """Prepare and make the calls."""
        total = Cost(0, 0)
        for _ in range(count):
            self.prepare()
            total += Calls(self.call, iter([None])).run(1)
        return total


@contextmanager
def count_open_days(stores: StoreProvider, users: int) -> Iterator[dict[str, Side]]:
    """Return the figures when all closed days have been counted."""
    with (
        closing(stores.open_core(users)) as core,
        closing(Counting(stores.by_hand(users, reads=True), lambda: NOW)) as raw,
    ):
        core.statistics.widgets()
        yield {
            "usercore": Calls(lambda _: core.statistics.widgets(), repeat(None)),
            "raw": Calls(lambda _: raw.widgets(), repeat(None)),
        }


@contextmanager
def count_all_days(stores: StoreProvider, users: int) -> Iterator[dict[str, Side]]:
    """Return the figures when no day has been counted; usercore stores the counts of the closed ones."""
    with (
        closing(stores.open_core(users)) as core,
        closing(Counting(stores.by_hand(users, reads=True), lambda: NOW)) as raw,
    ):
        yield {
            "usercore": Prepared(core.statistics.recount, lambda _: core.statistics.widgets()),
            "raw": Calls(lambda _: raw.widgets(), repeat(None)),
        }
