"""Joining a transaction of the host's on PostgreSQL."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import PurePosixPath
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from psycopg.types.numeric import IntDumper
from psycopg.types.string import StrBinaryDumper, TextLoader

from scripts.postgres_server import Server
from tests.storages.joining import ANN, ORDERS, HostEngine, JoiningCases
from usercore import Email, LostRace, StorageError, Unavailable, UserCore
from usercore_storage import postgres


class PostgresEngine(HostEngine):
    """A database with a table of the host's."""

    def __init__(self, server: Server, database: str) -> None:
        self.server, self.database = server, database
        self.storage = postgres.open_storage(server.url(database))
        for statement in ("DROP TABLE IF EXISTS orders", ORDERS):
            server.ask(statement, database=database)

    def connect(self) -> Any:
        return psycopg.connect(self.server.url(self.database))

    def end_session(self, connection: Any) -> None:
        """End the session of one connection, and wait until it is over."""
        self.server.ask("SELECT pg_terminate_backend(%s, 10000)", connection.info.backend_pid)

    def connect_beginning(self, *, elsewhere: bool = False) -> Any:
        return self.elsewhere() if elsewhere else self.connect()

    def connect_autocommitting(self) -> list[Any]:
        return [psycopg.connect(self.server.url(self.database), autocommit=True)]

    def is_open(self, connection: Any) -> bool:
        return bool(connection.info.transaction_status != TransactionStatus.IDLE)

    def begin(self, connection: Any) -> None:
        connection.execute("SELECT 1")  # begins a transaction implicitly

    def is_closed(self, connection: Any) -> bool:
        return bool(connection.closed)

    def elsewhere(self) -> Any:
        return psycopg.connect(self.server.url("postgres"))

    def watch(self, connection: Any, notify: Callable[[], None]) -> None:  # noqa: ARG002 - all that the child has
        execute, commit = psycopg.Cursor.execute, psycopg.Connection.commit

        def notifying_execute(self: Any, *given: Any, **options: Any) -> Any:
            notify()
            return execute(self, *given, **options)

        def notifying_commit(self: Any) -> None:
            notify()
            commit(self)

        psycopg.Cursor.execute = notifying_execute  # type: ignore[method-assign]  # in a child that lives for one call
        psycopg.Connection.commit = notifying_commit  # type: ignore[method-assign]


@pytest.fixture
def engine(server: Server, emptied: str) -> Iterator[PostgresEngine]:
    engine = PostgresEngine(server, emptied)
    yield engine
    engine.storage.close()


@pytest.mark.rule("ERR")
class TestJoining(JoiningCases):
    """Cases that only PostgreSQL has."""

    def test_the_hosts_row_factory_and_loaders_do_not_apply_to_our_rows(
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

    def test_a_lost_race_is_reported_and_not_run_again(self, engine: PostgresEngine, core: UserCore) -> None:
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

    def test_a_failed_transaction_is_refused(self, engine: PostgresEngine, core: UserCore) -> None:
        with engine.open() as connection:
            joined = core.joined(connection)
            with pytest.raises(psycopg.Error):
                connection.execute("SELECT nothing FROM nowhere")
            for call in (lambda: joined.users.find(Email(ANN)), lambda: core.joined(connection)):
                with pytest.raises(StorageError) as refusal:
                    call()
                assert type(refusal.value) is StorageError

    def test_a_session_that_ends_raises_a_public_error_that_names_the_reason(
        self, engine: PostgresEngine, core: UserCore
    ) -> None:
        with engine.open() as connection:
            joined = core.joined(connection)
            engine.end_session(connection)
            with pytest.raises(Unavailable, match="terminating connection") as refusal:
                joined.users.find(Email(ANN))
            assert type(refusal.value) is Unavailable
        with engine.open() as connection:
            engine.end_session(connection)
            with pytest.raises(Unavailable) as refusal:
                core.joined(connection)
            assert type(refusal.value) is Unavailable

    def test_a_pipeline_in_which_rows_come_later_is_refused(self, engine: PostgresEngine, core: UserCore) -> None:
        with engine.open() as connection:
            joined = core.joined(connection)
            with connection.pipeline(), pytest.raises(ValueError, match="pipeline mode"):
                joined.users.find(Email(ANN))
            assert joined.users.find(Email(ANN)) is None

    def test_a_client_encoding_that_is_changed_later_is_refused(self, engine: PostgresEngine, core: UserCore) -> None:
        with engine.open() as connection:
            joined = core.joined(connection)
            connection.execute("SET LOCAL client_encoding = latin1")
            with pytest.raises(ValueError, match="client_encoding must be UTF8"):
                joined.users.find(Email(ANN))

    def test_the_hosts_dumpers_do_not_apply_to_our_copies(self, engine: PostgresEngine, core: UserCore) -> None:
        class PathDumper(StrBinaryDumper):
            def dump(self, obj: Any) -> bytes | bytearray | memoryview | None:
                return super().dump(obj.as_posix())

        with engine.open() as connection:
            connection.adapters.register_dumper(PurePosixPath, PathDumper)
            records = [{"external_id": str(number), "email": f"{number}@example.com"} for number in range(30)]
            assert core.joined(connection).registration.import_users(records).created == len(records)

    def test_an_import_that_lost_a_race_raises_and_reports_no_record(
        self, engine: PostgresEngine, core: UserCore
    ) -> None:
        ann = core.registration.register_external(ANN).user
        with closing(engine.connect()) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            engine.begin(connection)
            joined = core.joined(connection)
            core.users.update(ann.id, first_name="Ann")
            with pytest.raises(LostRace):
                joined.registration.import_users([{"email": ANN, "last_name": "Lee"}, {"email": "bob@example.com"}])

    def test_a_failed_transaction_is_refused_when_joined(self, engine: PostgresEngine, core: UserCore) -> None:
        ann = core.registration.register_external(ANN).user
        with closing(engine.connect()) as connection, closing(engine.connect()) as other:
            for one in (connection, other):
                one.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
            connection.execute("SELECT change_no FROM usercore_users").fetchall()
            other.execute("SELECT count(*) FROM usercore_claims").fetchall()
            connection.execute("DELETE FROM usercore_claims WHERE holder_id = %s", [ann.id])
            other.execute("UPDATE usercore_users SET change_no = change_no + 1")
            other.commit()
            with pytest.raises(LostRace):
                core.joined(connection).users.update(ann.id, first_name="Ann")
