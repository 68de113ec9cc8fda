"""Copy the rows of one store into another, step by step; each can be interrupted and goes on where it was.

Changes of the source are found by its triggers, which log the keys of the rows that were inserted, updated or deleted,
by any writer. Logged rows are copied again as they are then: a key that has no row any more is removed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from time import monotonic
from typing import Final

from usercore.kernel.errors import Corrupt, Indeterminate, ReadOnly, StorageError, TargetNotEmpty
from usercore.kernel.randomness import system_randomness
from usercore.kernel.values import frozen
from usercore_storage.copies.model import CopyProgress, CopyReport, CopyStep, Progress
from usercore_storage.copies.rows import COPIED, PAGE, CopiedTable
from usercore_storage.copies.side import CHANGES, PROGRESS, STATE, CopyState, Phase, Side
from usercore_storage.sql.checking import VERSION_ROWS
from usercore_storage.sql.executor import Executor, in_sizes, marks
from usercore_storage.sql.table import Row

BATCH: Final = 10_000
"""Changes that are copied in one transaction."""

FEW: Final = 1000
"""Changes that the last step may begin with. Source: usercore: copying them takes less than a second."""

_UNIQUE: Final = [table.name for table in COPIED.values() if table.has_unique_index]

_ADD_PROGRESS: Final = (
    f"INSERT INTO {PROGRESS} (name, after_key, count, is_done) VALUES (?, ?, ?, ?) ON CONFLICT (name)"
    " DO UPDATE SET after_key = excluded.after_key, count = excluded.count, is_done = excluded.is_done"
)
_CHANGES: Final = f"SELECT no, name, key FROM {CHANGES} ORDER BY no LIMIT ?"
_UNIQUE_CHANGES: Final = f"SELECT no, name, key FROM {CHANGES} WHERE name IN ({marks(len(_UNIQUE))})"
_LOGGED: Final = f"SELECT key FROM {CHANGES} WHERE name = ?"


@frozen
class _Change:
    """The rows of one table with the keys that were logged, as they are now."""

    table: CopiedTable
    keys: Sequence[Row]
    rows: Sequence[Row]


class Copier:
    """A copy from one store into another."""

    def __init__(self, source: Side, target: Side, on_progress: Progress | None) -> None:
        """Copy from ``source`` to ``target``."""
        self._source, self._target = source, target
        self._tell = on_progress or (lambda _: None)
        self._rows = self._compared = self._changes = 0

    def run(self, *, finish: bool, close: bool) -> CopyReport:
        """Run all steps that are not done yet.

        Raises:
            ValueError: both are the same store.
            TargetNotEmpty: the target has rows, or is another copy.
            ReadOnly: the source was copied already, and is closed for writes.
            Corrupt: a row cannot be read, or is not in the target what it is in the source.
            StorageError: one of the stores cannot be used; its subclasses say why.
        """
        phase = self._begin()
        if phase is Phase.FILLING:
            self._copy_rows()
            self._catch_up()
            self._make_indexes()
            self._compare()
            self._set_phase(self._target, Phase.COMPARED)
        if phase is not Phase.DONE:
            self._catch_up()
            if not finish:
                return self._report(is_finished=False)
            return self._finish(close=close)
        self._tidy(close=close)
        return self._report(is_finished=True)

    def _report(self, *, is_finished: bool) -> CopyReport:
        return CopyReport(is_finished=is_finished, rows=self._rows, compared=self._compared, changes=self._changes)

    def _begin(self) -> Phase:
        """Mark both stores, or find out where an earlier run ended; return the state of the target."""
        here, there = self._source.state(), self._target.state()
        secrets = [_versions_of(side) for side in (self._source, self._target)]
        if there is not None and there.phase is Phase.DONE and secrets[0] == secrets[1]:
            return Phase.DONE
        if here is not None and here.phase is Phase.MOVED:
            raise ReadOnly("the store was copied already, and is closed for writes; usercore reopen undoes this")
        if there is not None and here is not None and there.id == here.id:
            return there.phase
        if there is not None:
            raise TargetNotEmpty("the target is an unfinished copy: of another store, or its source was opened again")
        if secrets[0] == secrets[1]:
            raise ValueError("both URLs are of the same store, or one store is a backup of the other")
        self._check_empty()
        self._start(CopyState(system_randomness(16).hex(), Phase.OPEN), is_closed=_is_closed(here))
        return Phase.FILLING

    def _check_empty(self) -> None:
        for table in COPIED.values():
            if self._target.read(lambda run, table=table: run(table.page, (*table.first, 1))):  # type: ignore[misc]  # the default binds it
                raise TargetNotEmpty(f"the target has rows in {table.name}; a copy needs a new or an empty store")

    def _start(self, state: CopyState, *, is_closed: bool) -> None:
        phase = Phase.CLOSED if is_closed else state.phase
        self._source.script([*_marked(CopyState(state.id, phase)), *self._source.statements.log_changes], alone=True)
        columns = "name text PRIMARY KEY, after_key text NOT NULL, count bigint NOT NULL, is_done bigint NOT NULL"
        self._target.script(
            [
                *_marked(CopyState(state.id, Phase.FILLING)),
                f"CREATE TABLE {PROGRESS} ({columns})",
                "DELETE FROM usercore_schema",  # from now on nothing opens it
                *self._target.statements.drop_indexes,
            ]
        )

    def _copy_rows(self) -> None:
        counts = self._source.read(lambda run: {name: run(f"SELECT count(*) FROM {name}")[0][0] for name in COPIED})
        progress = self._target.read(lambda run: run(f"SELECT name, after_key, count, is_done FROM {PROGRESS}"))
        copied = {name: (after, count, is_done) for name, after, count, is_done in progress}
        done, total = sum(count for _, count, _ in copied.values()), sum(counts.values())
        for table in COPIED.values():
            after, count, is_done = copied.get(table.name, (table.written(table.first), 0, 0))
            key = table.parsed(after)
            while not is_done:
                rows = self._page_of(table, key)
                key, count, is_done = table.key_of(rows[-1]) if rows else key, count + len(rows), len(rows) < PAGE
                self._target.write(_adding(table, rows, (table.name, table.written(key), count, int(is_done))))
                done, self._rows = done + len(rows), self._rows + len(rows)
                self._tell(CopyProgress(step=CopyStep.COPY, done=done, total=max(done, total)))

    def _page_of(self, table: CopiedTable, after: Row) -> list[Row]:
        return table.alike(self._source.read(lambda run: run(table.page, (*after, PAGE))))

    def _make_indexes(self) -> None:
        statements = self._target.statements.make_indexes
        for number, statement in enumerate(statements, 1):
            self._target.script([statement])
            self._tell(CopyProgress(step=CopyStep.INDEX, done=number, total=len(statements)))

    def _compare(self) -> None:
        """Compare all rows. A row may differ if its key is in the log: it will be copied again."""
        total = self._target.read(lambda run: run(f"SELECT sum(count) FROM {PROGRESS}")[0][0] or 0)
        for table in COPIED.values():
            key: Row | None = table.first
            while key is not None:
                key = self._compare_page(table, key)
                self._tell(CopyProgress(step=CopyStep.COMPARE, done=self._compared, total=max(self._compared, total)))

    def _compare_page(self, table: CopiedTable, after: Row) -> Row | None:
        found, logged = self._source.read(
            lambda run: (run(table.page, (*after, PAGE)), {table.parsed(key) for (key,) in run(_LOGGED, (table.name,))})
        )
        rows = table.alike(found)
        last = table.key_of(rows[-1]) if len(rows) == PAGE else None  # later rows are logged
        statement, values = (table.page, (*after, PAGE)) if last is None else (table.between, (*after, *last))
        copied = table.alike(self._target.read(lambda run: run(statement, values)))
        differing = {table.key_of(row) for row in set(rows) ^ set(copied)} - logged
        if differing:
            raise Corrupt(
                f"{table.name}: {len(differing)} rows are not what they are in the source, nor logged as changed"
            )
        self._compared += len(rows)
        return last

    def _catch_up(self) -> None:
        """Copy changes until few are left, or no fewer than before: then the source changes as fast as it is copied."""
        left, before = self._count_changes(), None
        while left > FEW and (before is None or left < before):
            self._copy_changes(CopyStep.CATCH_UP, left)
            left, before = self._count_changes(), left

    def _count_changes(self) -> int:
        return int(self._source.read(lambda run: run(f"SELECT count(*) FROM {CHANGES}")[0][0]))

    def _copy_changes(self, step: CopyStep, total: int) -> int:
        """Copy so many logged changes, or somewhat more, and remove them from the log; return their number."""
        done = 0
        while done < total:
            numbers, changes = self._source.read(_logged_changes)
            if not numbers:
                break
            self._target.write(lambda run, changes=changes: _apply(run, changes))  # type: ignore[misc]  # the default binds it
            self._source.write(lambda run, numbers=numbers: _forget(run, numbers))  # type: ignore[misc]  # as above
            done += len(numbers)
            self._tell(CopyProgress(step=step, done=done, total=max(done, total)))
        self._changes += done
        return done

    def _finish(self, *, close: bool) -> CopyReport:
        start = monotonic()
        if not _is_closed(self._source.state()):
            self._source.script([*self._source.statements.close, _phase(Phase.CLOSED)], alone=True)
        closed = monotonic()
        try:
            self._tell(CopyProgress(step=CopyStep.LAST, done=0, total=self._count_changes()))
            last_changes = self._copy_changes(CopyStep.LAST, self._count_changes())
            self._complete()
        except Indeterminate:
            raise  # the target may be complete: running again finds out
        except BaseException:
            with suppress(StorageError):
                self._source.script([*self._source.statements.reopen, _phase(Phase.OPEN)])
            raise
        done = monotonic()
        self._tidy(close=close)
        return CopyReport(
            is_finished=True,
            rows=self._rows,
            compared=self._compared,
            changes=self._changes,
            last_changes=last_changes,
            waited=timedelta(seconds=closed - start),
            closed=timedelta(seconds=done - closed),
        )

    def _complete(self) -> None:
        """Store the version and the secret in the target, with which it can be opened."""
        ((version, secret),) = self._source.read(lambda run: run(VERSION_ROWS))

        def complete(run: Executor) -> None:
            run("INSERT INTO usercore_schema (version, secret) VALUES (?, ?)", (version, secret))
            run(_phase(Phase.DONE))
            run(f"DROP TABLE {PROGRESS}")

        self._target.write(complete)

    def _tidy(self, *, close: bool) -> None:
        """Leave the source closed for writes, or as it was before; then remove the target's mark."""
        state = self._source.state()
        if state is not None and close:
            self._set_phase(self._source, Phase.MOVED)
        elif state is not None:
            reopen(self._source)
        self._target.script([f"DROP TABLE {STATE}"])

    def _set_phase(self, side: Side, phase: Phase) -> None:
        side.script([_phase(phase)])


def reopen(source: Side) -> None:
    """Remove all that a copy left in its source."""
    source.script([*source.statements.reopen, *source.statements.stop_logging, f"DROP TABLE IF EXISTS {STATE}"])


def _marked(state: CopyState) -> Iterator[str]:
    yield f"DROP TABLE IF EXISTS {STATE}"
    yield f"CREATE TABLE {STATE} (id text NOT NULL, phase text NOT NULL)"
    yield f"INSERT INTO {STATE} VALUES ('{state.id}', '{state.phase}')"


def _phase(phase: Phase) -> str:
    return f"UPDATE {STATE} SET phase = '{phase}'"


def _is_closed(state: CopyState | None) -> bool:
    return state is not None and state.phase is Phase.CLOSED


def _versions_of(side: Side) -> list[Row]:
    return side.read(lambda run: run(VERSION_ROWS))


def _adding(table: CopiedTable, rows: list[Row], progress: Row) -> Callable[[Executor], None]:
    def add(run: Executor) -> None:
        table.add(run, rows)
        run(_ADD_PROGRESS, progress)

    return add


def _logged_changes(run: Executor) -> tuple[Sequence[int], Sequence[_Change]]:
    """Return the numbers of the oldest changes, and their rows.

    Those of a table with a unique index are all returned, and copied in one transaction: of two rows that exchanged a
    name, one would clash with the other.
    """
    logged = {no: (name, key) for no, name, key in run(_CHANGES, (BATCH,))}
    logged |= {no: (name, key) for no, name, key in run(_UNIQUE_CHANGES, _UNIQUE)}
    changes = []
    for table in COPIED.values():
        keys = list(dict.fromkeys(table.parsed(key) for name, key in logged.values() if name == table.name))
        if keys:
            changes.append(_Change(table, keys, table.with_keys(run, keys)))
    return list(logged), changes


def _apply(run: Executor, changes: Iterable[_Change]) -> None:
    for change in changes:
        change.table.replace(run, change.keys, change.rows)


def _forget(run: Executor, numbers: Sequence[int]) -> None:
    for some in in_sizes(numbers):
        run(f"DELETE FROM {CHANGES} WHERE no IN ({marks(len(some))})", some)
