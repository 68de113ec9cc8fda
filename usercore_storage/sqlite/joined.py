"""Joining a transaction that the host has open on a connection of ``sqlite3``."""

import sqlite3
from collections.abc import Callable
from typing import Final

from usercore_storage.sql.executor import Executor
from usercore_storage.sql.joined import HostTransaction
from usercore_storage.sqlite.connections import Statements
from usercore_storage.sqlite.errors import translate_error

SHADOWS: Final = "SELECT name FROM sqlite_temp_schema WHERE lower(name) GLOB 'usercore_*'"
"""Table names, compared without regard to case as SQLite does."""

_BY_ISOLATION_LEVEL: Final = -1
"""The mode of connections in which ``isolation_level`` decides, as it always does before Python 3.12: the driver begins
a transaction before the first statement that writes, unless the level is None.
Source: ``sqlite3.LEGACY_TRANSACTION_CONTROL``."""

KNOWN: Final = (
    "SELECT s.secret, s.version, t.key FROM main.usercore_schema AS s JOIN main.usercore_tenants AS t ON t.id = 1"
)
"""A value of each type, in the main file: an attached file is not committed atomically with it in a power cut."""


def joined(connection: object, *, secret: bytes, check_file: Callable[[], None]) -> HostTransaction:
    """Return the open transaction of this connection to the store with this secret; see ``Storage.join``.

    ``check_file`` raises ``StoreMoved``, before each unit, if the store's file is not at its path any more. If the
    driver would begin a transaction before the host writes, one that may write is begun.

    Raises:
        TypeError: it is no connection of ``sqlite3``.
        ValueError: no transaction is open and the driver begins none, it is another store, or values do not come back
            as they are stored.
        StoreMoved: the store's file is not at its path any more.
        Unavailable: the connection is closed, or belongs to another thread.
    """
    if not isinstance(connection, sqlite3.Connection):
        msg = f"a sqlite3.Connection is needed, not {type(connection).__name__}"
        raise TypeError(msg)

    def check() -> None:
        try:
            connection.in_transaction  # noqa: B018 - raises if the connection was closed
        except sqlite3.Error as error:
            raise translate_error(error) from error
        if connection.text_factory is not str:
            raise ValueError("the connection's text_factory must be str")
        check_file()

    def recognise(run: Executor) -> bool:
        ((found, version, tenant),) = run(KNOWN)
        if type(found) is not bytes or type(version) is not int or tenant != "system":
            raise ValueError("the connection converts values (detect_types)")
        return found == secret

    run = Statements(connection)  # first, because it fails if the connection is closed
    transaction = HostTransaction(run, lambda: connection.in_transaction, check, shadows=SHADOWS)
    check()
    transaction.check_store(recognise, begin="BEGIN IMMEDIATE" if _begins(connection) else None)
    return transaction


def _begins(connection: sqlite3.Connection) -> bool:
    """Return whether no transaction is open and the driver would begin one before a statement that writes."""
    mode = getattr(connection, "autocommit", _BY_ISOLATION_LEVEL)  # new in Python 3.12
    return mode == _BY_ISOLATION_LEVEL and connection.isolation_level is not None and not connection.in_transaction
