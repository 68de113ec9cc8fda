"""Joining a transaction of the host's on SQLite."""

import sqlite3
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.storages.joining import ANN, ORDERS, HostEngine, JoiningCases
from usercore import Busy, Email, StorageError, UserCore
from usercore.storage import Unit
from usercore.testing.contracts.failure_counters import a_rule
from usercore.throttling.model import CounterKind
from usercore_storage import sqlite


class SqliteEngine(HostEngine):
    """A file with a table of the host's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.storage = sqlite.open_storage(f"sqlite:///{folder}/store.db")
        with closing(self.connect()) as connection:
            connection.execute(ORDERS)

    def connect(self) -> Any:
        return sqlite3.connect(self.folder / "store.db", isolation_level=None)

    def connect_beginning(self, *, elsewhere: bool = False) -> Any:
        return sqlite3.connect(self.folder / ("other.db" if elsewhere else "store.db"))

    def connect_autocommitting(self) -> list[Any]:
        modes: list[dict[str, Any]] = [{"isolation_level": None}]
        modes += [{"autocommit": True}] if sys.version_info >= (3, 12) else []
        return [sqlite3.connect(self.folder / "store.db", **mode) for mode in modes]

    def is_open(self, connection: Any) -> bool:
        return bool(connection.in_transaction)

    def begin(self, connection: Any) -> None:
        connection.execute("BEGIN IMMEDIATE")

    def is_closed(self, connection: Any) -> bool:
        try:
            return bool(connection.total_changes < 0)
        except sqlite3.ProgrammingError:
            return True

    def elsewhere(self) -> Any:
        return sqlite3.connect(self.folder / "other.db", isolation_level=None)

    def watch(self, connection: Any, notify: Callable[[], None]) -> None:
        connection.set_trace_callback(lambda _: notify())


def in_thread(call: Callable[[], object]) -> Any:
    """Return the error of a call in another thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).exception()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[SqliteEngine]:
    engine = SqliteEngine(tmp_path)
    yield engine
    engine.storage.close()


@pytest.mark.rule("ERR")
class TestJoining(JoiningCases):
    """Cases that only SQLite has."""

    def test_the_hosts_row_factory_does_not_apply_to_our_rows(self, engine: SqliteEngine, core: UserCore) -> None:
        with engine.open() as connection:
            connection.row_factory = sqlite3.Row
            user = core.joined(connection).registration.register_external(ANN).user
            assert core.joined(connection).users.get(user.id) == user
            connection.text_factory = bytes
            with pytest.raises(ValueError, match="text_factory must be str"):
                core.joined(connection)

    def test_changing_the_text_factory_later_is_refused(self, engine: SqliteEngine, core: UserCore) -> None:
        with engine.open() as connection:
            joined = core.joined(connection)
            connection.text_factory = lambda kept: kept.decode("latin-1")
            with pytest.raises(ValueError, match="text_factory must be str"):
                joined.registration.register_external(ANN)

    @pytest.mark.parametrize("name", ["INTEGER", "TEXT", "BLOB"])
    def test_values_that_are_converted_are_refused(self, engine: SqliteEngine, core: UserCore, name: str) -> None:
        sqlite3.register_converter(name, repr)
        try:
            path, parse = engine.folder / "store.db", sqlite3.PARSE_DECLTYPES
            with closing(sqlite3.connect(path, isolation_level=None, detect_types=parse)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                with pytest.raises(ValueError, match="converts values"):
                    core.joined(connection)
        finally:
            del sqlite3.converters[name]

    def test_an_attached_store_is_refused(self, engine: SqliteEngine, core: UserCore) -> None:
        with closing(engine.elsewhere()) as connection:
            connection.execute("ATTACH ? AS people", [str(engine.folder / "store.db")])
            connection.execute("BEGIN IMMEDIATE")
            with pytest.raises(ValueError, match="not to the store of this core"):
                core.joined(connection)

    @pytest.mark.parametrize("made", ["TABLE USERCORE_Users (id INTEGER)", "VIEW usercore_users AS SELECT 1"])
    def test_a_temporary_table_hides_ours_whatever_its_case(
        self, engine: SqliteEngine, core: UserCore, made: str
    ) -> None:
        with engine.open() as connection:
            joined = core.joined(connection)
            connection.execute(f"CREATE TEMP {made}")
            with pytest.raises(ValueError, match="temporary tables"):
                joined.users.find(Email(ANN))

    def test_the_drivers_own_transactions_are_joined_too(self, engine: SqliteEngine, core: UserCore) -> None:
        with closing(sqlite3.connect(engine.folder / "store.db")) as connection, connection:
            connection.execute("INSERT INTO orders VALUES (1, 7)")
            user = core.joined(connection).registration.register_external(ANN).user
        assert core.users.get(Email(ANN)) == user
        assert engine.orders() == 1

    def test_a_deferred_transaction_whose_snapshot_is_outdated_loses_the_race(
        self, engine: SqliteEngine, core: UserCore
    ) -> None:
        with closing(engine.connect()) as connection:
            connection.execute("BEGIN")
            joined = core.joined(connection)
            core.registration.register_external(ANN)
            with pytest.raises(Busy):
                joined.registration.register_external("bob@example.com")
            assert connection.in_transaction
            assert joined.users.find(Email(ANN)) is None

    def test_a_connection_of_another_thread_is_refused(self, engine: SqliteEngine, core: UserCore) -> None:
        with engine.open() as connection:
            joined = core.joined(connection)
            outcomes = in_thread(lambda: joined.users.find(Email(ANN))), in_thread(lambda: core.joined(connection))
        assert [outcome.code for outcome in outcomes] == ["storage.unavailable"] * 2

    def test_a_transaction_that_sqlite_rolled_back_is_not_continued(self, engine: SqliteEngine, core: UserCore) -> None:
        with engine.open() as connection:
            joined = core.joined(connection)

            def write_and_lose_all(unit: Unit) -> None:
                unit.failure_counters.record_failure(b"key", CounterKind.LOGIN, at=core._service.clock(), rule=a_rule())
                connection.execute("ROLLBACK")  # as a full disk does
                raise StorageError

            with pytest.raises(StorageError):
                joined._service.units.write(write_and_lose_all)
            assert not connection.in_transaction
            with pytest.raises(ValueError, match="no transaction is open"):
                joined.registration.register_external(ANN)
        assert core.users.find(Email(ANN)) is None
