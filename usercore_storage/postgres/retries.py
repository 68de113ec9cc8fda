"""Retry transactions that lost a race, after a random pause, so that the same ones do not collide again."""

from collections.abc import Callable
from time import sleep
from typing import Final, TypeVar

from usercore.kernel.errors import LostRace, RunAgain, Unavailable
from usercore.kernel.randomness import system_randomness
from usercore_storage.postgres.errors import Lost

T = TypeVar("T")

MOST_RUNS: Final = 50
"""Runs of one unit. Source: usercore: 16 threads changing one user without a pause needed at most 23; twice that."""

FIRST_PAUSE: Final = 0.01
LONGEST_PAUSE: Final = 0.1
"""Seconds: the longest first pause, which doubles with each run, and its maximum. Source: usercore: with 1 ms at first
such units ran twice as often, and not faster."""


def retry_transaction(run: Callable[[bool], T], *, max_losses: int) -> T:
    """Run while it loses races or connections; ``run`` is passed whether it runs again.

    Raises:
        LostRace: it lost the race fifty times.
        Unavailable: it lost more than ``max_losses`` connections.
    """
    races = losses = 0
    while True:
        try:
            return run(races + losses > 0)
        except RunAgain as race:
            races += 1
            if races >= MOST_RUNS:
                raise LostRace from race
            sleep(pause_after(races))
        except Lost as lost:
            losses += 1
            if losses > max_losses:
                raise Unavailable(lost.reason) from lost


def pause_after(races: int) -> float:
    """Return a random number of seconds to wait."""
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (races - 1))
    return longest * int.from_bytes(system_randomness(2), "big") / 0xFFFF
