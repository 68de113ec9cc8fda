"""The size of the WAL: it is truncated when it has grown beyond a limit.

SQLite moves the pages of the WAL to the file at commits, but starts the WAL anew only if no reader uses it at that
moment. Beside readers without a pause that moment never comes, and the WAL grows without bound. A truncation excludes
writers for a moment: readers that begin then read the file alone, and those that read the WAL end.
"""

from contextlib import suppress
from typing import Final

from usercore.kernel.errors import StorageError
from usercore_storage.sql.executor import Executor
from usercore_storage.sqlite.connections import WAL_LIMIT
from usercore_storage.sqlite.identity import StoreFile, status_of
from usercore_storage.sqlite.wal_owner import wal_of

TRUNCATE_TIMEOUT_MS: Final = 100
"""How long a truncation waits for readers, while writers wait for it. Source: usercore: reads take milliseconds, and
backups longer than anyone waits."""


class WalBound:
    """Truncates the WAL of a store between two groups of units."""

    def __init__(self, file: StoreFile, *, limit: int = WAL_LIMIT) -> None:
        """Bound the WAL of this file to so many bytes, and what one group and open readers need."""
        self._file = file
        self._name = str(wal_of(file.path))
        self._limit = self._truncates_from = limit

    def enforce(self) -> None:
        """Truncate a WAL that is too large. If a reader prevents it, try again when the WAL has grown by the limit.

        The size is that of the comparison after the last commit.
        """
        size = self._file.sizes.get(self._name, 0)
        if size <= self._limit:
            self._truncates_from = self._limit
        elif size > self._truncates_from:
            self._truncates_from = size + self._limit
            with suppress(StorageError):  # the units were committed; what is wrong is raised by the next one
                self._truncate()
                self._truncates_from = status_of(self._name).st_size + self._limit

    def _truncate(self) -> None:
        connection = self._file.connect()
        try:
            truncate(connection)
        finally:
            connection.close()


def truncate(run: Executor) -> None:
    """Move the WAL to the file and truncate it, unless a reader needs it for longer than a moment.

    Raises:
        StorageError: the file could not be written.
    """
    run(f"PRAGMA busy_timeout = {TRUNCATE_TIMEOUT_MS}")
    run("PRAGMA wal_checkpoint(TRUNCATE)")
