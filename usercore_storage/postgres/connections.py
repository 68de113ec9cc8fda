"""Connections: their settings, and how statements run on them.

Each statement has its own cursor on each connection and is prepared once. For that its parameters must always have the
same types, so every int is sent as a bigint, which is the type of all integer columns. NULL has no type, so a statement
is prepared once for each combination of NULL parameters; those are few. The dumpers are the driver's own: subclasses
would run in Python, which takes three times as long.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import suppress
from itertools import chain, count
from typing import Any, Final, Self, TypeVar

import psycopg
from psycopg import capabilities, generators
from psycopg.adapt import AdaptersMap
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg.types.bool import BoolBinaryDumper
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.types.string import BytesBinaryDumper

from usercore.kernel.errors import Busy, Indeterminate, ReadOnly, StorageError, Unavailable
from usercore_storage.postgres.copy_in import LEAST, copy_for, with_rows
from usercore_storage.postgres.deadlines import Overdue, begin_read_of, bounded, patience_of
from usercore_storage.postgres.errors import (
    SERIALIZABLE_ON_A_STANDBY,
    UNKNOWN_OUTCOMES,
    Lost,
    translate_error,
)
from usercore_storage.postgres.location import StoreLocation
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.lazy_transaction import LazyTransaction
from usercore_storage.sql.table import Row, Rows
from usercore_storage.sql.unit import SqlUnit

STATEMENTS: Final = 1024
"""Prepared statements cached per connection; more than there are."""

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
    """Seconds that a statement may take before ``Overdue`` is raised; None for no limit."""

    @classmethod
    def connect(  # type: ignore[override]  # the driver's options are passed through
        cls,
        conninfo: str = "",
        *,
        report: Callable[[psycopg.Error | None], object] | None = None,
        **given: Any,  # noqa: ANN401 - as above
    ) -> Self:
        """Connect as the driver does, and ``report`` the error, or None."""
        try:
            raw = super().connect(conninfo, **given)
        except psycopg.Error as error:
            if report is not None:
                report(error)
            raise
        if report is not None:
            report(None)
        return raw

    def wait(self, gen: Generator[Any, Any, T], *given: Any, **named: Any) -> T:  # noqa: ANN401 - passed through
        """Wait for the server as the driver does, but no longer than ``patience``."""
        return super().wait(gen if self.patience is None else bounded(gen, self.patience), *given, **named)


def settings_of(location: StoreLocation) -> dict[str, Any]:
    """Return the driver's arguments besides the address. usercore begins and ends transactions itself."""
    return {"autocommit": True, "prepare_threshold": 0 if location.prepare else None}


def set_up(raw: Raw, location: StoreLocation) -> None:
    """Configure a connection of the driver and add our wrapper to it."""
    raw.cursor_factory = psycopg.RawCursor
    raw.prepared_max = STATEMENTS
    raw.patience = patience_of(location)
    adapt(raw.adapters)
    raw.ours = Connection(raw, begin_read_of(location), raw.patience)


def adapt(adapters: AdaptersMap) -> None:
    """Send each kind of value as one type, in binary."""
    for kind, dumper in _DUMPERS:
        adapters.register_dumper(kind, dumper)


def numbered(statement: str) -> bytes:
    """Replace question marks by numbers; ours stand for values and for nothing else."""
    first, *rest = statement.split("?")
    return "".join([first, *(f"${number}{part}" for number, part in zip(count(1), rest, strict=False))]).encode()


class Statements(Executor):
    """Statements on a connection of usercore's or the host's, by cursors of their own."""

    def __init__(self, raw: psycopg.Connection[Any]) -> None:
        """Use this connection."""
        self._raw = raw
        self._commands = self._cursor(binary=False)  # not binary: one message may have several commands
        self._cursors: dict[str, tuple[bytes, psycopg.Cursor[TupleRow]]] = {}
        self._is_abandoned = False

    def __call__(self, statement: str, values: Sequence[object] = (), /) -> Rows:
        text, cursor = self._cursors.get(statement) or self._cursor_of(statement)
        try:
            cursor.execute(text, values)
            return [] if cursor.rownumber is None else cursor.fetchall()
        except psycopg.Error as error:
            raise self._translated(error) from error

    def many(self, statement: str, rows: Iterable[Row], /) -> None:
        several = list(rows)
        if len(several) == 1:
            self(statement, several[0])
            return
        copy = copy_for(statement)
        if copy is not None and 0 < len(several) < LEAST:
            self(with_rows(statement, len(several)), list(chain.from_iterable(several)))
            return
        self._check_process()
        try:
            if copy is not None:
                copy.run(self._commands, several)
            else:
                text, cursor = self._cursors.get(statement) or self._cursor_of(statement)
                cursor.executemany(text, several)
        except psycopg.Error as error:
            raise self._translated(error) from error

    def _cursor_of(self, statement: str) -> tuple[bytes, psycopg.Cursor[TupleRow]]:
        self._check_process()
        self._cursors[statement] = made = numbered(statement), self._cursor(binary=True)
        return made

    def _cursor(self, *, binary: bool) -> psycopg.Cursor[TupleRow]:
        return self._raw.cursor(binary=binary)

    def command(self, text: str) -> None:
        """Run commands that have no values and return no rows."""
        self._check_process()
        try:
            self._commands.execute(text.encode(), prepare=False)
        except psycopg.Error as error:
            raise self._translated(error) from error

    def _check_process(self) -> None:
        if self._is_abandoned:
            raise Unavailable("the connection belongs to the parent of this process")

    def _translated(self, error: psycopg.Error) -> Exception:
        if self._raw.closed:
            return Lost()
        is_standby = self._raw.pgconn.parameter_status(b"in_hot_standby") == b"on"
        if is_standby and error.sqlstate == SERIALIZABLE_ON_A_STANDBY:
            return ReadOnly()
        return translate_error(error)


class Connection(Statements):
    """A connection of usercore's with its units."""

    def __init__(self, raw: Raw, begin_read: str, patience: float) -> None:
        """Use a connection that is configured."""
        super().__init__(raw)
        self._patience = patience
        self.raw = raw
        self.unit = SqlUnit(self)
        self.lazy = LazyTransaction(self, lambda: self.command(begin_read))

    def allow_long_statements(self) -> None:
        """Remove the limit on a statement's duration: for reading or changing whole tables."""
        self.raw.patience = None

    def commit(self) -> None:
        """Commit the transaction.

        Raises:
            Indeterminate: the connection broke during the commit.
            Unavailable: it was broken before; nothing was committed.
            RunAgain: it would contradict another transaction.
            StorageError: it could not be committed.
        """
        self._check_process()
        if self.raw.pgconn.transaction_status == TransactionStatus.INERROR:
            reason = "a statement of the unit has failed"  # the server would roll back and report success
            raise StorageError(reason)
        self._check_session()
        try:
            self._commands.execute(b"COMMIT", prepare=False)
        except psycopg.Error as error:
            if isinstance(error, Overdue):
                self.raw.close()  # not cancelled: a commit that waits for a standby would be acknowledged without it
            if self.raw.closed or error.sqlstate in UNKNOWN_OUTCOMES:
                raise Indeterminate("the connection broke, or the server did not answer, during the commit") from error
            raise translate_error(error) from error

    def _translated(self, error: psycopg.Error) -> Exception:
        return self._give_up() if isinstance(error, Overdue) else super()._translated(error)

    def _give_up(self) -> StorageError:
        """Ask the server to cancel the overdue statement, and close the connection."""
        try:
            if not capabilities.has_cancel_safe():
                return Unavailable("the server did not answer in time")  # a libpq before 17 would wait for it
            self.raw.cancel_safe(timeout=CANCELLATION)
        except psycopg.Error:
            return Unavailable("the server did not answer in time")
        else:
            return Busy("a statement, or the lock that it waited for, took too long")
        finally:
            self.raw.close()

    def _check_session(self) -> None:
        """Check that the server has not ended the session, because what is not sent is not in doubt."""
        try:
            for _ in ("its last words", "the end"):
                self.raw.pgconn.consume_input()  # does not block
        except psycopg.Error as error:
            raise Lost from error

    def roll_back(self) -> None:
        """Roll back what is open; close the connection if that fails."""
        status = self.raw.pgconn.transaction_status
        if status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            status = self._status_after_rollback()
        if status != TransactionStatus.IDLE:
            self.raw.close()

    def _status_after_rollback(self) -> TransactionStatus:
        """Roll back, but not by the driver's method.

        It would forget all prepared statements, because the unit might have created tables.
        """
        pgconn = self.raw.pgconn
        with suppress(psycopg.Error):  # whatever it is, the connection is closed
            pgconn.send_query(b"ROLLBACK")
            self.raw.wait(bounded(generators.execute(pgconn), self._patience))
        return TransactionStatus(pgconn.transaction_status)

    def abandon(self) -> None:
        """Refuse to work in a forked child: the server would take it for the parent."""
        self._is_abandoned = True
        self._cursors.clear()
