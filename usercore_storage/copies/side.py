"""What a copy asks of an engine: one store, its transactions, and the statements that the engines write differently.

Two tables mark a store: ``usercore_copy`` has one row with the id of the copy and its state, and
``usercore_copy_changes`` in a source has the keys of rows that changed. A target has no version and no secret until it
is complete, so that nothing opens it before.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar

from usercore.kernel.values import frozen
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.schema import OF_COPIES
from usercore_storage.sql.table import Table
from usercore_storage.sql.tables import ALL

T = TypeVar("T")

STATE: Final = OF_COPIES
CHANGES: Final = f"{OF_COPIES}_changes"
PROGRESS: Final = f"{OF_COPIES}_progress"

NOTE: Final = f"{OF_COPIES}_note"
"""The name of the triggers that log changes; SQLite adds the table and the event."""

CLOSE: Final = f"{OF_COPIES}_close"
"""The name of the triggers that refuse writes."""

CLOSED: Final = "the store is closed for writes: it was copied, or is about to be; usercore reopen undoes this"
"""The reason that writers are given."""


class Phase(StrEnum):
    """The state of a store in a copy."""

    OPEN = "open"
    """A source whose changes are logged."""

    CLOSED = "closed"
    """A source that refuses writes while the last changes are copied."""

    MOVED = "moved"
    """A source that was copied, and refuses writes."""

    FILLING = "filling"
    """A target that lacks rows."""

    COMPARED = "compared"
    """A target whose rows were all compared with their source, and which lacks later changes."""

    DONE = "done"
    """A target that is complete."""


@frozen
class CopyState:
    """The mark of a store: the id of the copy, and what the store is in it."""

    id: str
    phase: Phase


@frozen(kw_only=True)
class CopyStatements:
    """What the engines write differently.

    ``log_changes`` creates the log and its triggers, and replaces those of an earlier copy; ``close`` creates the
    triggers that refuse writes, beside those of the log. ``make_indexes`` has a statement for each index, which does
    nothing if the index exists; the last ones may tell the engine how large the tables are.
    """

    log_changes: Sequence[str]
    stop_logging: Sequence[str]
    close: Sequence[str]
    reopen: Sequence[str]
    make_indexes: Sequence[str]
    drop_indexes: Sequence[str] = tuple(
        f"DROP INDEX IF EXISTS {table.name}_{name}" for table in ALL for name in table.indexes
    )


def indexes_of(types: Mapping[str, str], options: Callable[[Table[Any]], str]) -> list[str]:
    """Return the statements that make all indexes which are missing."""
    made = (statement for table in ALL for statement in table.ddl(types, options)[1:])
    return [statement.replace("INDEX", "INDEX IF NOT EXISTS", 1) for statement in made]


class Side(Protocol):
    """A store that is copied, or filled by a copy. For one thread."""

    statements: CopyStatements

    @abstractmethod
    def read(self, query: Callable[[Executor], T], /) -> T:
        """Run a function on one snapshot. It may run again.

        Raises:
            StorageError: the store could not be read.
        """

    @abstractmethod
    def write(self, work: Callable[[Executor], T], /) -> T:
        """Run a function in one transaction, which is durable when this returns. It may run again.

        Raises:
            StorageError: the store could not be written.
        """

    @abstractmethod
    def script(self, statements: Sequence[str], /, *, alone: bool = False) -> None:
        """Run statements without values in one transaction; ``alone`` waits for all running writers before them.

        Raises:
            Busy: writers did not end in time; the reason says which, if the engine knows.
            StorageError: the store could not be written.
        """

    @abstractmethod
    def has_mark(self) -> bool:
        """Return whether a copy has marked the store.

        Raises:
            StorageError: the store could not be read.
        """

    def state(self) -> CopyState | None:
        """Return the mark of a copy, if there is one.

        Raises:
            StorageError: the store could not be read.
        """
        if not self.has_mark():
            return None
        ((copy_id, phase),) = self.read(lambda run: run(f"SELECT id, phase FROM {STATE}"))
        return CopyState(copy_id, Phase(phase))
