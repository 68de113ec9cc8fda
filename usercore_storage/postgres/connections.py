"""Connections: how they are set up, and how statements run on them.

Each statement has a cursor of its own on each connection, prepared once. For that its parameters must always have the
same types: so every int is sent as a bigint, which all our integers are, and not by its size. What is NULL has no type,
so a statement is prepared once for each mixture of ints and digests that are there and that are not; those are few.
The dumpers are the driver's own: classes made of them would run in Python, which takes three times as long.
"""

from collections.abc import Generator, Iterable, Sequence
from itertools import chain, count
from typing import Any, Final, TypeVar

import psycopg
from psycopg.adapt import AdaptersMap
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg.types.bool import BoolBinaryDumper
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.types.string import BytesBinaryDumper

from usercore.kernel.errors import Busy, Indeterminate, StorageError, Unavailable
from usercore_storage.postgres.copy_in import LEAST, copy_for, with_rows
from usercore_storage.postgres.deadlines import Overdue, begin_read_of, bounded, patience_of
from usercore_storage.postgres.errors import Lost, translate_error
from usercore_storage.postgres.location import StoreLocation
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.lazy_transaction import LazyTransaction
from usercore_storage.sql.table import Row, Rows
from usercore_storage.sql.unit import SqlUnit

STATEMENTS: Final = 512
"""Prepared statements kept a connection; more than there are."""

T = TypeVar("T")

CANCELLATION: Final = 1.0
"""Seconds that the server has to accept a request to cancel a statement."""

_DUMPERS: Final = (
    (int, Int8BinaryDumper),
    (bool, BoolBinaryDumper),
    (bytes, BytesBinaryDumper),
)


class Raw(psycopg.Connection[TupleRow]):
    """A connection as the driver and its pool see it."""

    ours: "Connection"

    patience: float | None = None
    """Seconds that a statement may take, until ``Overdue`` is raised; None for as long as it takes."""

    def wait(self, gen: Generator[Any, Any, T], *given: Any, **named: Any) -> T:  # noqa: ANN401 - handed through
        """Wait for the server as the driver does, but no longer than the patience."""
        return super().wait(gen if self.patience is None else bounded(gen, self.patience), *given, **named)


def settings_of(location: StoreLocation) -> dict[str, Any]:
    """Give what the driver connects by, besides the address. We begin and end transactions ourselves."""
    return {"autocommit": True, "prepare_threshold": 0 if location.prepare else None}


def set_up(raw: Raw, location: StoreLocation) -> None:
    """Make a connection of the driver's one of ours."""
    raw.cursor_factory = psycopg.RawCursor
    raw.prepared_max = STATEMENTS
    raw.patience = patience_of(location)
    adapt(raw.adapters)
    raw.ours = Connection(raw, begin_read_of(location))


def adapt(adapters: AdaptersMap) -> None:
    """Send each kind of value as one type, in binary."""
    for kind, dumper in _DUMPERS:
        adapters.register_dumper(kind, dumper)


def numbered(statement: str) -> bytes:
    """Number the question marks; ours stand for values and for nothing else."""
    first, *rest = statement.split("?")
    return "".join([first, *(f"${number}{part}" for number, part in zip(count(1), rest, strict=False))]).encode()


class Statements(Executor):
    """Statements on a connection, ours or the host's, by cursors of their own."""

    def __init__(self, raw: psycopg.Connection[Any]) -> None:
        """Work over this connection."""
        self._raw = raw
        self._commands = self._cursor(binary=False)  # in one message there may be several
        self._cursors: dict[str, tuple[bytes, psycopg.Cursor[TupleRow]]] = {}
        self._is_left_behind = False

    def __call__(self, statement: str, values: Sequence[object] = (), /) -> Rows:
        text, cursor = self._cursors.get(statement) or self._cursor_of(statement)
        try:
            cursor.execute(text, values)
            return [] if cursor.rownumber is None else cursor.fetchall()
        except psycopg.Error as error:
            raise self._meant(error) from error

    def many(self, statement: str, rows: Iterable[Row], /) -> None:
        several = list(rows)
        if len(several) == 1:
            self(statement, several[0])
            return
        copy = copy_for(statement)
        if copy is not None and 0 < len(several) < LEAST:
            self(with_rows(statement, len(several)), list(chain.from_iterable(several)))
            return
        self._check_here()
        try:
            if copy is not None:
                copy.run(self._commands, several)
            else:
                text, cursor = self._cursors.get(statement) or self._cursor_of(statement)
                cursor.executemany(text, several)
        except psycopg.Error as error:
            raise self._meant(error) from error

    def _cursor_of(self, statement: str) -> tuple[bytes, psycopg.Cursor[TupleRow]]:
        self._check_here()
        self._cursors[statement] = made = numbered(statement), self._cursor(binary=True)
        return made

    def _cursor(self, *, binary: bool) -> psycopg.Cursor[TupleRow]:
        return self._raw.cursor(binary=binary)

    def command(self, text: str) -> None:
        """Run commands that have no values and give no rows."""
        self._check_here()
        try:
            self._commands.execute(text.encode(), prepare=False)
        except psycopg.Error as error:
            raise self._meant(error) from error

    def _check_here(self) -> None:
        if self._is_left_behind:
            raise Unavailable("the connection belongs to the parent of this process")

    def _meant(self, error: psycopg.Error) -> Exception:
        return Lost() if self._raw.closed else translate_error(error)


class Connection(Statements):
    """A connection of ours with its units."""

    def __init__(self, raw: Raw, begin_read: str) -> None:
        """Work over a connection that is set up."""
        super().__init__(raw)
        self.raw = raw
        self.unit = SqlUnit(self)
        self.glance = LazyTransaction(self, lambda: self.command(begin_read))

    def allow_long_statements(self) -> None:
        """Wait from now on as long as the server works: for reading or changing whole tables."""
        self.raw.patience = None

    def commit(self) -> None:
        """Keep what was done since the transaction began.

        Raises:
            Indeterminate: the connection broke while the server was at it.
            Unavailable: it was broken before; nothing was kept.
            RunAgain: it would contradict another transaction.
            StorageError: it could not be kept.
        """
        self._check_here()
        if self.raw.pgconn.transaction_status == TransactionStatus.INERROR:
            reason = "a statement of the unit has failed"  # the server would roll back and report it as a success
            raise StorageError(reason)
        self._check_there()
        try:
            self._commands.execute(b"COMMIT", prepare=False)
        except psycopg.Error as error:
            if isinstance(error, Overdue):
                self.raw.close()  # not cancelled: a commit that waits for a standby would be acknowledged without it
            if self.raw.closed:
                raise Indeterminate("the connection broke, or the server did not answer, during the commit") from error
            raise translate_error(error) from error

    def _meant(self, error: psycopg.Error) -> Exception:
        return self._give_up() if isinstance(error, Overdue) else super()._meant(error)

    def _give_up(self) -> StorageError:
        """Ask the server to end the statement that is overdue, and close the connection."""
        try:
            self.raw.cancel_safe(timeout=CANCELLATION)
        except psycopg.Error:
            return Unavailable("the server did not answer in time")
        else:
            return Busy("a statement, or the lock that it waited for, took too long")
        finally:
            self.raw.close()

    def _check_there(self) -> None:
        """See that the server has not ended the session: what is not sent is not in doubt."""
        try:
            for _ in ("its last words", "the end"):
                self.raw.pgconn.consume_input()  # does not wait
        except psycopg.Error as error:
            raise Lost from error

    def roll_back(self) -> None:
        """Take back whatever is open. What cannot be is given up with the connection."""
        status = self.raw.pgconn.transaction_status
        if status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            # Not by the driver's own means: it would forget all prepared statements, for fear of what the unit created.
            self.raw.pgconn.exec_(b"ROLLBACK")
            status = self.raw.pgconn.transaction_status
        if status != TransactionStatus.IDLE:
            self.raw.close()

    def abandon(self) -> None:
        """Refuse to work in a forked child: the server would take it for the parent."""
        self._is_left_behind = True
        self._cursors.clear()
