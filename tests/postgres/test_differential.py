"""The same calls on memory, SQLite and PostgreSQL: same results, same errors, same rows after each of them."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Final

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from scripts.postgres_server import Server, folder_in_memory
from tests.postgres.comparison import Differences
from tests.profiles import IS_THOROUGH
from usercore.storage import Storage
from usercore_storage import memory, postgres, sqlite

LEAST: Final = 50 if IS_THOROUGH else 20
STEPS: Final = 50
"""Sequences, and the steps of each. The nightly profile runs more sequences."""

MOST_BY_DAY: Final = 100
"""The most examples of a profile that is not nightly."""

OUTCOMES: Final = frozenset(
    """change_email revoke_tokens go_to identify issue link find look_back redeem register register_external
    set_access_ids set_password shut_out_or_let_in sign_in steer_tenants update wait
    ExternalIdLinked Invalid PasswordRefused RateLimited SignInRefused Taken TenantNotFound TokenUnknown
    """.split()  # noqa: SIM905 - easier to read than a list
)
"""The outcomes that must occur in these sequences: each call, and these errors."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder in memory, if there is room: many sequences run, and durability is not tested here."""
    folder = Path(tempfile.mkdtemp(dir=folder_in_memory()))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.rule("U3", "U13", "E1", "E4", "K3", "S7", "T2", "R3")
def test_three_storages_do_not_differ(server: Server, database: str, folder: Path) -> None:
    def fresh() -> Iterator[Storage]:
        server.empty(database)
        for file in folder.iterdir():
            file.unlink()
        yield memory.open_storage("memory://")
        yield sqlite.open_storage(f"sqlite:///{folder}/store.db")
        yield postgres.open_storage(server.url(database))

    class Machine(Differences):
        storages = staticmethod(fresh)
        seen: ClassVar[set[str]] = set()

    asked = settings.default.max_examples if settings.default else 0
    is_night = asked > MOST_BY_DAY
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=asked if is_night else LEAST,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=not is_night,  # each outcome must occur, and so few random sequences may miss one
        ),
    )
    assert not OUTCOMES - Machine.seen, f"never came about: {sorted(OUTCOMES - Machine.seen)}"
