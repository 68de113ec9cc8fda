"""User agents are stored once, by at most one statement per unit, and only what was committed is taken as stored."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from usercore.kernel.context import MAIN, Context
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.storage.recording import UnitContext
from usercore.testing import NOON, FakeClock
from usercore.testing.samples import an_attempt
from usercore_storage import sqlite
from usercore_storage.sql.user_agents import MOST_KNOWN
from usercore_storage.sqlite.storage import SqliteStorage

WEEK = timedelta(days=7)
ORIGIN = UnitContext(context=Context(tenant_id=MAIN), clock=FakeClock())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def storage(path: Path) -> Iterator[SqliteStorage]:
    with closing(sqlite.open_storage(f"sqlite:///{path}")) as storage:
        yield storage


@pytest.fixture
def units(storage: SqliteStorage) -> Units[Unit]:
    return storage.units(ORIGIN)


def attempt(units: Units[Unit], number: int, agent: str | None = "Lynx", *, at: datetime = NOON) -> None:
    units.write(lambda unit: unit.attempts.add(an_attempt(id=number, user_id=None, user_agent=agent, at=at)))


def written(storage: SqliteStorage) -> int:
    """Return how many rows the writing connection has changed."""
    return storage.writer()._connection.raw.total_changes


def stored(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [text for (text,) in connection.execute("SELECT text FROM usercore_user_agents ORDER BY text")]


def listed(units: Units[Unit]) -> list[str | None]:
    attempts = units.read(lambda unit: unit.attempts.list_of(None, before=None, limit=100))
    return [each.user_agent for each in attempts]


@pytest.mark.rule("S6")
def test_a_user_agent_is_stored_once_for_many_attempts(path: Path, units: Units[Unit]) -> None:
    for number, agent in enumerate(["Lynx", "curl", "Lynx", None], 1):
        attempt(units, number, agent)
    assert stored(path) == ["Lynx", "curl"]
    assert listed(units) == [None, "Lynx", "curl", "Lynx"]


@pytest.mark.rule("S6")
def test_a_committed_user_agent_takes_no_statement_until_its_week_is_over(
    storage: SqliteStorage, units: Units[Unit]
) -> None:
    statements: list[str] = []
    attempt(units, 1)
    storage.writer()._connection.raw.set_trace_callback(statements.append)
    attempt(units, 2)
    assert not [each for each in statements if "INTO usercore_user_agents" in each]
    attempt(units, 3, at=NOON + WEEK)
    assert len([each for each in statements if "INTO usercore_user_agents" in each]) == 1


@pytest.mark.rule("S6")
def test_a_user_agent_that_another_process_stored_is_not_written_again(path: Path, units: Units[Unit]) -> None:
    attempt(units, 1)
    with closing(sqlite.open_storage(f"sqlite:///{path}")) as other:
        before = written(other)
        attempt(other.units(ORIGIN), 2)
        assert written(other) - before == 1


@pytest.mark.rule("S6")
def test_a_user_agent_of_a_failed_transaction_is_not_taken_as_stored(
    path: Path, storage: SqliteStorage, units: Units[Unit]
) -> None:
    agents = storage.writer()._connection.unit.user_agents

    def fail(unit: Unit) -> None:
        unit.attempts.add(an_attempt(id=1, user_id=None, user_agent="Lynx"))
        raise LookupError

    with pytest.raises(LookupError):
        units.write(fail)
    assert (stored(path), agents._committed) == ([], {})
    attempt(units, 2)
    assert listed(units) == ["Lynx"]


@pytest.mark.rule("K8")
def test_a_user_agent_is_removed_once_nothing_can_name_it(path: Path, units: Units[Unit]) -> None:
    attempt(units, 1)
    removed = [
        units.write(lambda unit, before=before: unit.user_agents.remove_unused(before, limit=9))  # type: ignore[misc]  # a bound loop variable
        for before in (NOON, NOON + WEEK + timedelta(microseconds=1))
    ]
    assert (removed, stored(path)) == ([0, 1], [])


@pytest.mark.rule("K8")
def test_no_more_user_agents_are_removed_than_asked(path: Path, units: Units[Unit]) -> None:
    for number in range(1, 6):
        attempt(units, number, f"agent {number}")
    later = NOON + 2 * WEEK
    counts = [units.write(lambda unit: unit.user_agents.remove_unused(later, limit=2)) for _ in range(4)]
    assert (counts, stored(path)) == ([2, 2, 1, 0], [])


def test_a_connection_remembers_a_bounded_number_of_user_agents(storage: SqliteStorage, units: Units[Unit]) -> None:
    def add(unit: Unit) -> None:
        for number in range(1, MOST_KNOWN + 100):
            unit.attempts.add(an_attempt(id=number, user_id=None, user_agent=f"agent {number}"))

    units.write(add)
    assert len(storage.writer()._connection.unit.user_agents._committed) == MOST_KNOWN
