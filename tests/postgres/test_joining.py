"""Joining a transaction of the host's on PostgreSQL."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.numeric import IntDumper
from psycopg.types.string import TextLoader

from scripts.postgres_server import Server
from tests.storages.joining import ANN, ORDERS, Engine, JoiningCases
from usercore import Email, LostRace, StorageError, UserCore
from usercore_storage import postgres


class PostgresEngine(Engine):
    """A database with a table of the host's."""

    def __init__(self, server: Server, database: str) -> None:
        self.server, self.database = server, database
        self.storage = postgres.open_storage(server.url(database))
        for statement in ("DROP TABLE IF EXISTS orders", ORDERS):
            server.ask(statement, database=database)

    def connect(self) -> Any:
        return psycopg.connect(self.server.url(self.database))

    def begin(self, connection: Any) -> None:
        connection.execute("SELECT 1")  # the driver begins

    def elsewhere(self) -> Any:
        return psycopg.connect(self.server.url("postgres"))

    def watch(self, connection: Any, hear: Callable[[], None]) -> None:  # noqa: ARG002 - all that the child has
        execute, commit = psycopg.Cursor.execute, psycopg.Connection.commit

        def heard_execute(self: Any, *given: Any, **options: Any) -> Any:
            hear()
            return execute(self, *given, **options)

        def heard_commit(self: Any) -> None:
            hear()
            commit(self)

        psycopg.Cursor.execute = heard_execute  # type: ignore[method-assign]  # in a child that lives for one call
        psycopg.Connection.commit = heard_commit  # type: ignore[method-assign]


@pytest.fixture
def engine(server: Server, emptied: str) -> Iterator[PostgresEngine]:
    engine = PostgresEngine(server, emptied)
    yield engine
    engine.storage.close()


@pytest.mark.rule("ERR")
class TestJoining(JoiningCases):
    """As it says."""

    def test_how_the_host_reads_its_rows_and_types_is_not_for_ours(
        self, engine: PostgresEngine, core: UserCore
    ) -> None:
        with engine.open() as connection:
            connection.row_factory = dict_row
            connection.prepare_threshold = 0
            for name in ("int8", "bool"):
                connection.adapters.register_loader(name, TextLoader)
            connection.adapters.register_dumper(int, IntDumper)
            joined = core.joined(connection)
            user = joined.registration.register_external(ANN, external_id="7").user
            assert joined.users.get(user.id) == user

    def test_a_client_encoding_that_loses_text_is_refused(self, engine: PostgresEngine, core: UserCore) -> None:
        with engine.open() as connection:
            connection.execute("SET LOCAL client_encoding = latin1")
            with pytest.raises(ValueError, match="client_encoding must be UTF8"):
                core.joined(connection)

    def test_a_race_that_was_lost_is_told_and_not_run_again(self, engine: PostgresEngine, core: UserCore) -> None:
        with closing(engine.connect()) as connection:
            connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
            engine.begin(connection)
            joined = core.joined(connection)
            assert joined.users.find(Email(ANN)) is None
            core.registration.register_external(ANN)
            with pytest.raises(LostRace):
                joined.registration.register_external(ANN)
            connection.rollback()
            engine.begin(connection)
            assert core.joined(connection).registration.register_external("bob@example.com").created
            connection.commit()

    def test_a_transaction_with_an_error_of_the_hosts_is_told(self, engine: PostgresEngine, core: UserCore) -> None:
        with engine.open() as connection:
            joined = core.joined(connection)
            with pytest.raises(psycopg.Error):
                connection.execute("SELECT nothing FROM nowhere")
            with pytest.raises(StorageError):
                joined.users.find(Email(ANN))
