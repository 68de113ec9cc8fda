"""Joining a transaction that the host has open on a connection of psycopg."""

from collections.abc import Callable
from typing import Any, Final

import psycopg
from psycopg.pq import Format, PipelineStatus, TransactionStatus
from psycopg.rows import TupleRow, tuple_row
from psycopg.types.bool import BoolBinaryLoader
from psycopg.types.numeric import Int8BinaryLoader
from psycopg.types.string import (
    ByteaBinaryLoader,
    StrBinaryDumper,
    StrDumperUnknown,
    TextBinaryLoader,
)

from usercore.kernel.errors import StorageError, Unavailable
from usercore_storage.postgres.connections import Statements, adapt
from usercore_storage.postgres.profiles import ServerProfile
from usercore_storage.postgres.two_phase import NotingExecutor
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.joined import HostTransaction

SECRET: Final = "SELECT secret FROM usercore_schema"  # noqa: S105 - a statement
SHADOWS: Final = (
    "SELECT relname FROM pg_catalog.pg_class"
    " WHERE relname BETWEEN 'usercore_' AND 'usercore_~' AND relnamespace = pg_catalog.pg_my_temp_schema()"
)
"""The schema of temporary tables comes first in every ``search_path`` that does not name it."""

_OPEN: Final = frozenset({TransactionStatus.INTRANS, TransactionStatus.INERROR, TransactionStatus.ACTIVE})

_LOADERS: Final = (
    ("int8", Int8BinaryLoader),
    ("bool", BoolBinaryLoader),
    ("text", TextBinaryLoader),
    ("bytea", ByteaBinaryLoader),
)


class HostStatements(Statements):
    """Statements on the host's connection, by cursors without the host's row factory and adapters."""

    def _cursor(self, *, binary: bool) -> psycopg.Cursor[TupleRow]:
        cursor = psycopg.RawCursor(self._raw, row_factory=tuple_row)
        cursor.format = Format.BINARY if binary else Format.TEXT
        adapt(cursor.adapters)
        cursor.adapters.register_dumper(str, StrBinaryDumper)  # or COPY would use the host's dumper
        cursor.adapters.register_dumper(str, StrDumperUnknown)
        for name, loader in _LOADERS:
            cursor.adapters.register_loader(name, loader)
        return cursor


def joined(connection: object, *, secret: bytes, profile: ServerProfile) -> HostTransaction:
    """Return the open transaction of this connection to the store with this secret; see ``Storage.join``.

    Without ``autocommit`` the driver begins a transaction at the first statement, which may be one of usercore's.

    Raises:
        TypeError: it is no connection of psycopg, or one for asyncio.
        ValueError: no transaction is open and the connection is in autocommit mode, it is another store, text does not
            arrive as UTF-8, or it is in pipeline mode.
        LostRace: the transaction has lost a race already.
        StorageError: the connection is closed or broken, or a statement of the transaction has failed.
    """
    if not isinstance(connection, psycopg.Connection):
        msg = f"a psycopg.Connection is needed, not {type(connection).__name__}"
        raise TypeError(msg)
    host: psycopg.Connection[Any] = connection

    def check() -> None:
        if host.closed:
            raise Unavailable("the connection is closed")
        if host.pgconn.pipeline_status != PipelineStatus.OFF:
            raise ValueError("the connection is in pipeline mode, in which rows come later: leave it first")
        if host.info.encoding != "utf-8":
            raise ValueError("the connection's client_encoding must be UTF8")
        if host.info.transaction_status == TransactionStatus.INERROR:
            raise StorageError("a statement of the transaction has failed: nothing runs until it is rolled back")

    def recognise(run: Executor) -> bool:
        return [bytes(found) for (found,) in run(SECRET)] == [secret]

    is_open = lambda: host.info.transaction_status in _OPEN  # noqa: E731 - closes over the connection
    statements, finish = _statements_on(host, profile)
    transaction = HostTransaction(statements, is_open, check, shadows=SHADOWS, finish=finish)
    begins = not host.autocommit and host.info.transaction_status == TransactionStatus.IDLE
    transaction.check_store(recognise, begin="SELECT 1" if begins else None)
    return transaction


def _statements_on(host: psycopg.Connection[Any], profile: ServerProfile) -> tuple[Executor, Callable[[], None] | None]:
    """Return the statements on the host's connection, and what ends each unit on a cluster."""
    statements = HostStatements(host, profile)
    if not profile.commits_by_shard:
        return statements, None
    noting = NotingExecutor(statements)
    return noting, noting.finish
