"""The same calls by hand on PostgreSQL, by psycopg: each statement prepared, in binary, on a cursor of its own."""

import re
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any, Final, TypeVar

import psycopg
from psycopg.errors import SerializationFailure
from psycopg.rows import TupleRow
from psycopg.types.numeric import Int8BinaryDumper

from benchmarks.baseline.store import SECRET

T = TypeVar("T")

_SETTINGS: Final = "-c lock_timeout=10s -c statement_timeout=10s -c idle_in_transaction_session_timeout=60s"
"""The same as usercore's, for the whole session, so that no unit has to send them."""


class PostgresStore:
    """A connection to a database. One that only ``reads`` needs no transactions."""

    def __init__(self, url: str, *, reads: bool = False) -> None:
        """Connect. All integers are ``bigint``: sent as such, a statement is prepared once for all sizes."""
        self.connection: psycopg.Connection[TupleRow] = psycopg.connect(
            url, autocommit=reads, prepare_threshold=0, cursor_factory=psycopg.RawCursor, options=_SETTINGS
        )
        self.connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        self.connection.adapters.register_dumper(int, Int8BinaryDumper)
        self._prepared: dict[str, tuple[bytes, psycopg.Cursor[TupleRow]]] = {}
        (self.key,) = self.execute(SECRET).fetchone()
        self.connection.commit()

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> Any:  # noqa: ANN401 - a cursor of either driver
        """Run a statement; see ``Store``."""
        text, cursor = self._prepared.get(statement) or self._prepare(statement)
        return cursor.execute(text, values)

    def many(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Run a statement for each row, all sent at once; see ``Store``."""
        text, cursor = self._prepared.get(statement) or self._prepare(statement)
        cursor.executemany(text, rows)

    def _prepare(self, statement: str) -> tuple[bytes, psycopg.Cursor[TupleRow]]:
        stores = count(1)
        text = re.sub(r"\?(\d*)", lambda mark: f"${mark[1] or next(stores)}", statement)
        self._prepared[statement] = made = text.encode(), self.connection.cursor(binary=True)
        return made

    def write(self, work: Callable[..., T], *values: Any) -> T:  # noqa: ANN401 - passed through
        """Run ``work`` in a transaction, again if it lost a race; see ``Store``."""
        while True:
            try:
                result = work(*values)
                self.connection.commit()
            except SerializationFailure:
                self.connection.rollback()
            except BaseException:
                self.connection.rollback()
                raise
            else:
                return result

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()
