"""The state machines on PostgreSQL."""

from typing import Final, TypeVar

import pytest

from scripts.postgres_server import Server
from tests.profiles import fewer
from usercore.storage import Storage
from usercore.testing.machines import LIVES, StateMachine, run_machine
from usercore_storage import postgres

L = TypeVar("L", bound=StateMachine)

FEW: Final = 4
"""The sequences of the profile ``dev``: each takes 0.3 s here, and 0.01 s in memory, where all run in any case."""

FEW_IN_CI: Final = 40


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.__name__)
def test_a_machine_agrees_with_its_model(server: Server, database: str, life: type[StateMachine]) -> None:
    class OnPostgres(life):  # type: ignore[misc, valid-type]  # a parameter
        def open_storage(self) -> Storage:
            server.empty(database)
            return postgres.open_storage(server.url(database))

    run_machine(OnPostgres, examples=fewer(FEW, in_ci=FEW_IN_CI))
