"""Races about second factors, in memory and in SQLite; ``tests/postgres`` runs them there."""

from collections.abc import Callable

import pytest

from tests.services.factor_races import RACES
from usercore import UserCore


@pytest.mark.rule("F1", "F2", "F3", "F4")
@pytest.mark.parametrize("check", RACES, ids=lambda check: check.__name__)
def test_of_many_callers_at_once_one_succeeds(core: UserCore, check: Callable[[UserCore], None]) -> None:
    check(core)
