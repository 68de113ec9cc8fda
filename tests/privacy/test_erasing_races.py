"""Erasing a user against everything that stores something of the same person; see ``erasing_races.py``."""

from contextlib import closing

import attrs
import pytest

from tests.email_change.undo_races import Interrupting
from tests.privacy.erasing_races import MARK, RIVALS, Rival, erasure_inside_the_rival, rival_inside_the_erasure
from tests.services.helpers import dump
from usercore import UserCore
from usercore.storage import Storage
from usercore.testing import MemoryMailer
from usercore_storage import memory


def over(storage: Interrupting, core: UserCore) -> UserCore:
    """Return a core with the policy and the fakes of another one, and a mailer that may be called in a unit."""
    return UserCore.over(storage, attrs.evolve(core._runtime.host, mailer=MemoryMailer()))


def marked(core: UserCore) -> set[str]:
    """Return the columns that contain the mark."""
    return {
        f"{table}.{column}"
        for table, rows in dump(core).items()
        for row in rows
        for column, value in row.items()
        if MARK in value.lower()
    }


@pytest.mark.rule("X6")
@pytest.mark.parametrize("rival", RIVALS.values(), ids=RIVALS)
def test_what_is_stored_between_the_read_and_the_write_of_an_erasure_is_gone(
    core: UserCore, kept_in: Storage, rival: Rival
) -> None:
    storage = Interrupting(kept_in)
    one = over(storage, core)
    rival_inside_the_erasure(one, storage, rival, lambda: marked(one))


@pytest.mark.rule("X6")
@pytest.mark.parametrize("rival", RIVALS.values(), ids=RIVALS)
def test_an_erasure_between_two_units_of_another_call_leaves_nothing(core: UserCore, rival: Rival) -> None:
    units, goes_on = 0, True
    while goes_on:
        with closing(memory.open_storage("memory://")) as kept:
            storage = Interrupting(kept)
            one = over(storage, core)
            goes_on = erasure_inside_the_rival(one, storage, rival, lambda: marked(one), after=units)  # noqa: B023 - runs at once
            units += goes_on
    assert units
