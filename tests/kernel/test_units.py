"""A unit that lost a race runs again, a bounded number of times."""

import pytest

from usercore.kernel.errors import LostRace, RunAgain, UserNotFound
from usercore.kernel.units import MOST_RUNS, run_until_stored


class Racing:
    """Work that loses this many races before it is stored."""

    def __init__(self, lost: int) -> None:
        self.left = lost
        self.runs = 0

    def __call__(self) -> str:
        self.runs += 1
        if self.left:
            self.left -= 1
            raise RunAgain
        return "kept"


@pytest.mark.rule("U3")
@pytest.mark.parametrize("lost", [0, 1, MOST_RUNS - 1])
def test_work_runs_again_until_it_is_stored(lost: int) -> None:
    work = Racing(lost)
    assert run_until_stored(work) == "kept"
    assert work.runs == lost + 1


@pytest.mark.rule("U3")
def test_work_that_always_loses_raises() -> None:
    work = Racing(10**6)
    with pytest.raises(LostRace):
        run_until_stored(work)
    assert work.runs == MOST_RUNS == 20


def test_another_error_is_raised_without_a_retry() -> None:
    runs = []

    def work() -> None:
        runs.append(1)
        raise UserNotFound

    with pytest.raises(UserNotFound):
        run_until_stored(work)
    assert len(runs) == 1
