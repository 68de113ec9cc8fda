"""Users live their lives on every storage, and a dict foretells every answer."""

import tempfile
from pathlib import Path

import pytest

from usercore.storage import Storage
from usercore.testing.machines import IdentifierMachine, LoginTokenMachine, SignInMachine, StateMachine, run_machine
from usercore_storage import memory, sqlite


class InMemory(StateMachine):
    """A life in memory."""

    def open_storage(self) -> Storage:
        return memory.open_storage("memory://")


class OnSqlite(StateMachine):
    """A life on a SQLite file, which goes with it."""

    def open_storage(self) -> Storage:
        self.folder = tempfile.TemporaryDirectory()
        return sqlite.open_storage(f"sqlite:///{Path(self.folder.name)}/store.db")

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "folder"):
            self.folder.cleanup()


class IdentifiersInMemory(InMemory, IdentifierMachine):
    """As it says."""


class IdentifiersOnSqlite(OnSqlite, IdentifierMachine):
    """As it says."""


@pytest.mark.parametrize("life", [IdentifiersInMemory, IdentifiersOnSqlite])
@pytest.mark.rule("U3", "U8", "U9", "U13", "I3")
def test_a_dict_foretells_the_life_of_identifiers(life: type[IdentifierMachine]) -> None:
    run_machine(life)


class LoginTokensInMemory(InMemory, LoginTokenMachine):
    """As it says."""


class LoginTokensOnSqlite(OnSqlite, LoginTokenMachine):
    """As it says."""


@pytest.mark.parametrize("life", [LoginTokensInMemory, LoginTokensOnSqlite])
@pytest.mark.rule("K3", "K9")
def test_a_dict_foretells_a_login_tokens_life(life: type[LoginTokenMachine]) -> None:
    run_machine(life)


class SignInsInMemory(InMemory, SignInMachine):
    """As it says."""


class SignInsOnSqlite(OnSqlite, SignInMachine):
    """As it says."""


@pytest.mark.parametrize("life", [SignInsInMemory, SignInsOnSqlite])
@pytest.mark.rule("S7", "K2", "K9", "T3")
def test_a_dict_foretells_the_life_of_signing_in(life: type[SignInMachine]) -> None:
    run_machine(life)
