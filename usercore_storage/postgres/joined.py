"""Joining a transaction that the host has open on a connection of psycopg."""

from typing import Any, Final

import psycopg
from psycopg.pq import Format, TransactionStatus
from psycopg.rows import TupleRow, tuple_row
from psycopg.types.bool import BoolBinaryLoader
from psycopg.types.numeric import Int8BinaryLoader
from psycopg.types.string import ByteaBinaryLoader, StrDumperUnknown, TextBinaryLoader

from usercore.kernel.errors import Unavailable
from usercore_storage.postgres.connections import Statements, adapt
from usercore_storage.sql.joined import HostTransaction

_OPEN: Final = frozenset({TransactionStatus.INTRANS, TransactionStatus.INERROR, TransactionStatus.ACTIVE})

_LOADERS: Final = (
    ("int8", Int8BinaryLoader),
    ("bool", BoolBinaryLoader),
    ("text", TextBinaryLoader),
    ("bytea", ByteaBinaryLoader),
)


class HostStatements(Statements):
    """Statements on the host's connection, by cursors that know nothing of how the host reads its own rows."""

    def _cursor(self, *, binary: bool) -> psycopg.Cursor[TupleRow]:
        cursor = psycopg.RawCursor(self._raw, row_factory=tuple_row)
        cursor.format = Format.BINARY if binary else Format.TEXT
        cursor.adapters.register_dumper(str, StrDumperUnknown)
        for name, loader in _LOADERS:
            cursor.adapters.register_loader(name, loader)
        adapt(cursor.adapters)
        return cursor


def joined(connection: object, *, secret: bytes) -> HostTransaction:
    """Work in the transaction that is open on this connection to the store with this secret; see ``Storage.join``.

    Raises:
        TypeError: it is no connection of psycopg, or one for asyncio.
        ValueError: no transaction is open, it is another store, or text does not come as UTF-8.
        Unavailable: the connection is closed.
    """
    if not isinstance(connection, psycopg.Connection):
        msg = f"a psycopg.Connection is needed, not {type(connection).__name__}"
        raise TypeError(msg)
    host: psycopg.Connection[Any] = connection
    if host.closed:
        raise Unavailable
    if host.info.encoding != "utf-8":
        msg = "the connection's client_encoding must be UTF8"
        raise ValueError(msg)
    return HostTransaction(HostStatements(host), lambda: host.info.transaction_status in _OPEN, secret=secret)
