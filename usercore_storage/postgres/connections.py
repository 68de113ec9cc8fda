"""Connections: their settings, and how statements run on them.

Each statement has its own cursor on each connection and is prepared once. For that its parameters must always have the
same types, so every int is sent as a bigint, which is the type of all integer columns. NULL has no type, so a statement
is prepared once for each combination of NULL parameters; those are few. The dumpers are the driver's own: subclasses
would run in Python, which takes three times as long.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from itertools import count
from typing import Any, Final, Self, TypeVar

import psycopg
from psycopg import capabilities, generators
from psycopg.adapt import AdaptersMap
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.rows import TupleRow
from psycopg.types.bool import BoolBinaryDumper
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.types.string import BytesBinaryDumper

from usercore.kernel.errors import Busy, Indeterminate, ReadOnly, StorageError, Unavailable
from usercore_storage.postgres.batches import WriteTransaction
from usercore_storage.postgres.copy_in import as_one, copy_for
from usercore_storage.postgres.deadlines import Overdue, begin_of, begin_read_of, bounded, patience_of
from usercore_storage.postgres.errors import (
    SERIALIZABLE_ON_A_STANDBY,
    UNKNOWN_OUTCOMES,
    Lost,
    reason_of,
    translate_error,
)
from usercore_storage.postgres.location import StoreLocation
from usercore_storage.postgres.pipelines import Batch
from usercore_storage.postgres.profiles import ServerProfile, adapted
from usercore_storage.sql.executor import Executor, Statement
from usercore_storage.sql.lazy_transaction import LazyTransaction
from usercore_storage.sql.table import Row

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

    is_committing = False
    """Whether a commit is under way, which is not cancelled: one that waits for a standby would be acknowledged without
    it."""

    batch: Batch | None = None
    """Statements that are sent together, or None."""

    def wait(self, gen: Generator[Any, Any, T], *given: Any, **named: Any) -> T:  # noqa: ANN401 - passed through
        """Wait for the server as the driver does, but no longer than ``patience``.

        Raises:
            Overdue: the server did not answer in time. The connection is closed: the answer may still come.
        """
        if self.batch is not None:
            if self.batch.is_open:
                self.batch.add(gen)
                return None  # type: ignore[return-value]  # the cursor, which called, does not use it
            gen = self.batch.exchange(self.pgconn, gen)
        if self.patience is None:
            return super().wait(gen, *given, **named)
        try:
            return super().wait(bounded(gen, self.patience), *given, **named)
        except Overdue as overdue:
            overdue.was_cancelled = not self.is_committing and self._is_cancelled()
            self.close()
            with suppress(psycopg.Error):
                gen.close()  # a pipeline reads until its end, which is here now
            raise

    @contextmanager
    def sending_together(self) -> Iterator[None]:
        """Send the statements of a ``with`` together, when it ends."""
        try:
            with self.pipeline() as pipeline:
                self.batch = batch = Batch(pipeline.command_queue)
                try:
                    yield
                finally:
                    batch.is_open = False
            batch.finish()
        finally:
            self.batch = None

    def _is_cancelled(self) -> bool:
        """Ask the server to cancel the statement, and return whether it answered."""
        if not capabilities.has_cancel_safe():
            return False  # a libpq before 17 would wait for it
        try:
            self.cancel_safe(timeout=CANCELLATION)
        except psycopg.Error:
            return False
        return True


def settings_of(location: StoreLocation) -> dict[str, Any]:
    """Return the driver's arguments besides the address. usercore begins and ends transactions itself."""
    return {"autocommit": True, "prepare_threshold": 0 if location.prepare else None}


def set_up(raw: Raw, location: StoreLocation) -> None:
    """Configure a connection of the driver and add our wrapper to it."""
    raw.cursor_factory = psycopg.RawCursor
    raw.prepared_max = STATEMENTS
    raw.patience = patience_of(location)
    adapt(raw.adapters)
    raw.ours = Connection(raw, location)


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

    def __init__(self, raw: psycopg.Connection[Any], profile: ServerProfile) -> None:
        """Use this connection to a server of this kind."""
        self._raw = raw
        self.profile = profile
        self._commands = self._cursor(binary=False)  # not binary: one message may have several commands
        self._cursors: dict[str, tuple[bytes, psycopg.Cursor[TupleRow]]] = {}
        self._is_abandoned = False

    def __call__(self, statement: str, values: Sequence[object] = (), /) -> list[Row]:
        text, cursor = self._cursors.get(statement) or self._cursor_of(statement)
        try:
            cursor.execute(text, values)
            return _rows_of(cursor)
        except psycopg.Error as error:
            raise self._translated(error) from error

    def many(self, statement: str, rows: Iterable[Row], /) -> None:
        several = list(rows)
        one = as_one(statement, several)
        if one is not None:
            self(*one)
            return
        copy = copy_for(statement)
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
        made = numbered(adapted(statement, self.profile)), self._cursor(binary=True)
        self._cursors[statement] = made
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

    def _is_lost(self) -> bool:
        return self._raw.closed

    def _translated(self, error: psycopg.Error) -> Exception:
        if self._is_lost():
            return Unavailable(reason_of(error))
        is_standby = self._raw.pgconn.parameter_status(b"in_hot_standby") == b"on"
        if is_standby and error.sqlstate == SERIALIZABLE_ON_A_STANDBY:
            return ReadOnly()
        return translate_error(error)


def _rows_of(cursor: psycopg.Cursor[TupleRow]) -> list[Row]:
    return [] if cursor.rownumber is None else cursor.fetchall()


class Connection(Statements):
    """A connection of usercore's with its units."""

    def __init__(self, raw: Raw, location: StoreLocation) -> None:
        """Use a connection that is configured."""
        super().__init__(raw, location.profile)
        self.location = location
        self._patience = patience_of(location)
        self.raw = raw
        self.transaction = WriteTransaction(self, begin_of(location), is_on_cluster=location.profile.commits_by_shard)
        self._begin_read: Sequence[Statement] = [(statement, ()) for statement in begin_read_of(location)]
        self.lazy = LazyTransaction(self, self._begin_with)

    def allow_long_statements(self) -> None:
        """Remove the limit on a statement's duration: for reading or changing whole tables."""
        self.raw.patience = None

    def together(self, batch: Sequence[Statement]) -> list[Row]:
        """Run statements in one round trip, and return the rows of the last one."""
        if len(batch) == 1:
            return self(*batch[0])
        self._check_process()
        try:
            with self.raw.sending_together():
                cursors = self._execute(batch)
            return _rows_of(cursors[-1])
        except psycopg.Error as error:
            raise self._translated(error) from error

    def _execute(self, batch: Sequence[Statement]) -> list[psycopg.Cursor[TupleRow]]:
        """Execute statements; a cursor has the rows of the last statement that it was used for."""
        cursors = []
        for statement, values in batch:
            text, cursor = self._cursors.get(statement) or self._cursor_of(statement)
            cursors.append(cursor.execute(text, values))
        return cursors

    def _begin_with(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Begin a read and run the first of its statements in one round trip, and return the rows of each."""
        self._check_process()
        *others, (last, values) = statements
        try:
            with self.raw.sending_together():
                cursors = self._execute([*self._begin_read, *others])[len(self._begin_read) :]
                text, cursor = self._cursors.get(last) or self._cursor_of(last)
                if cursor in cursors:
                    cursor = self._cursor(binary=True)
                cursors.append(cursor.execute(text, values))
            return list(map(_rows_of, cursors))
        except psycopg.Error as error:
            raise self._translated(error) from error

    def commit(self, batch: Sequence[Statement] = ()) -> None:
        """Run these statements and commit the transaction, in one round trip.

        If a statement fails, COMMIT is not run.

        Raises:
            Indeterminate: the connection broke during the commit, or the commit failed on a cluster.
            Unavailable: it was broken before; nothing was committed.
            RunAgain: it would contradict another transaction.
            StorageError: it could not be committed.
        """
        self._check_process()
        if self.raw.pgconn.transaction_status == TransactionStatus.INERROR:
            reason = "a statement of the unit has failed"  # the server would roll back and report success
            raise StorageError(reason)
        self._check_session()
        self.raw.is_committing = True
        try:
            with self.raw.sending_together() if batch else nullcontext():
                self._execute(batch)
                self._commands.execute(b"COMMIT", prepare=False)
        except psycopg.Error as error:
            if self._is_lost() or error.sqlstate in UNKNOWN_OUTCOMES:
                raise Indeterminate("the connection broke, or the server did not answer, during the commit") from error
            if self.profile.commits_by_shard and self._has_tried_to_commit():
                raise Indeterminate("the commit failed, perhaps on one node of the cluster only") from error
            raise translate_error(error) from error
        finally:
            self.raw.is_committing = False

    def _is_lost(self) -> bool:
        """Return whether the session ended, perhaps by a FATAL error whose connection is not closed yet.

        Where the server would be ready for the next batch, libpq still waits for that when the pipeline ends. The
        driver then raises an error of its own, without a code.
        """
        return self.raw.closed or self.raw.pgconn.transaction_status == TransactionStatus.ACTIVE

    def _has_tried_to_commit(self) -> bool:
        """Return whether COMMIT was run: the transaction is over then. A statement before it leaves it open."""
        return self.raw.pgconn.transaction_status != TransactionStatus.INERROR

    def _translated(self, error: psycopg.Error) -> Exception:
        if isinstance(error, Overdue):
            if error.was_cancelled:
                return Busy("a statement, or the lock that it waited for, took too long")
            return Unavailable("the server did not answer in time")
        return Lost(reason_of(error)) if self._is_lost() else super()._translated(error)

    def _check_session(self) -> None:
        """Check that the server has not ended the session, because what is not sent is not in doubt."""
        try:
            for _ in ("its last words", "the end"):
                self.raw.pgconn.consume_input()  # does not block
        except psycopg.Error as error:
            raise Lost(reason_of(error)) from error

    def roll_back(self) -> None:
        """Roll back what is open; close the connection if that fails."""
        status = self.raw.pgconn.transaction_status
        if status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            status = self._status_after_rollback()
        if status != TransactionStatus.IDLE or self.raw.pgconn.pipeline_status != PipelineStatus.OFF:
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
