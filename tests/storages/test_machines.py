"""The state machines on every storage."""

import tempfile
from pathlib import Path
from typing import Final

import pytest

from tests.profiles import fewer
from usercore.storage import Storage
from usercore.testing.machines import LIVES, StateMachine, run_machine
from usercore_storage import memory, sqlite

FEW: Final = 5
"""The sequences on SQLite of the profile ``dev``: in memory all of them run in any case."""

FEW_IN_CI: Final = 50


class InMemory(StateMachine):
    """A state machine in memory."""

    def open_storage(self) -> Storage:
        return memory.open_storage("memory://")


class OnSqlite(StateMachine):
    """A state machine on a SQLite file, which is deleted after it."""

    def open_storage(self) -> Storage:
        self.folder = tempfile.TemporaryDirectory()
        return sqlite.open_storage(f"sqlite:///{Path(self.folder.name)}/store.db")

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "folder"):
            self.folder.cleanup()


@pytest.mark.parametrize("place", [InMemory, OnSqlite], ids=lambda place: place.__name__)
@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.__name__)
def test_a_dict_foretells_a_life(life: type[StateMachine], place: type[StateMachine]) -> None:
    run_machine(
        type(f"{life.__name__}{place.__name__}", (place, life), {}),
        examples=fewer(FEW, in_ci=FEW_IN_CI) if place is OnSqlite else None,
    )
