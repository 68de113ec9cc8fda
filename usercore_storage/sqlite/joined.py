"""Joining a transaction that the host has open on a connection of ``sqlite3``."""

import sqlite3

from usercore_storage.sql.joined import HostTransaction
from usercore_storage.sqlite.connections import Statements


def joined(connection: object, *, secret: bytes) -> HostTransaction:
    """Work in the transaction that is open on this connection to the store with this secret; see ``Storage.join``.

    Raises:
        TypeError: it is no connection of ``sqlite3``.
        ValueError: no transaction is open, it is another store, or text comes back as something else.
        Unavailable: the connection is closed, or belongs to another thread.
    """
    if not isinstance(connection, sqlite3.Connection):
        msg = f"a sqlite3.Connection is needed, not {type(connection).__name__}"
        raise TypeError(msg)
    if connection.text_factory is not str:
        msg = "the connection's text_factory must be str"
        raise ValueError(msg)
    run = Statements(connection)  # first of all: it fails if the connection is closed
    return HostTransaction(run, lambda: connection.in_transaction, secret=secret)
