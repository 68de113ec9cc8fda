"""The undo of a takeover against everything that the thief may do at the same time; see ``undo_races.py``."""

from contextlib import closing
from typing import Any

import attrs
import pytest

from tests.email_change.undo_races import RIVALS, Interrupting, Rival, rival_inside_the_undo, undo_inside_the_rival
from usercore import Host, UserCore
from usercore.storage import Storage
from usercore.testing import FakeClock, FakeHasher, FakeRandomness, MemoryMailer
from usercore_storage import memory


def over(storage: Interrupting, host: Host) -> UserCore:
    """Return a core with fakes of its own and the policy of a host."""
    fakes: dict[str, Any] = {
        "clock": FakeClock(),
        "randomness": FakeRandomness(),
        "hasher": FakeHasher(),
        "mailer": MemoryMailer(),
    }
    return UserCore.over(storage, attrs.evolve(host, **fakes))


@pytest.mark.rule("E3", "K9")
@pytest.mark.parametrize("rival", RIVALS.values(), ids=RIVALS)
def test_what_the_thief_does_between_the_look_and_the_undo_is_undone(
    core: UserCore, kept_in: Storage, rival: Rival
) -> None:
    storage = Interrupting(kept_in)
    rival_inside_the_undo(over(storage, core._runtime.host), storage, rival)


@pytest.mark.rule("E3", "K9")
@pytest.mark.parametrize("name", [name for name, rival in RIVALS.items() if not rival.trusted])
def test_what_the_thief_began_before_the_undo_comes_to_nothing_after_it(core: UserCore, name: str) -> None:
    units, goes_on = 0, True
    while goes_on:
        with closing(memory.open_storage("memory://")) as kept:
            storage = Interrupting(kept)
            goes_on = undo_inside_the_rival(over(storage, core._runtime.host), storage, RIVALS[name], after=units)
            units += goes_on
    assert units
