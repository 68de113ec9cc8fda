"""UPDATEs of only those columns that change."""

from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from usercore_storage.sql.table import Row, Table

T = TypeVar("T")

MOST_TEXTS: Final = 64
"""Mixtures of columns that an UPDATE is made for. Source: usercore: hosts change few, and it is an eighth of
the statements that drivers keep."""


class Updates(Generic[T]):
    """UPDATEs by key of only those columns that change: half the time of one of all.

    Each mixture of columns has a text of its own, which drivers keep prepared; beyond the first ``MOST_TEXTS`` all
    columns are set.
    """

    def __init__(self, table: Table[T], *fixed: str) -> None:
        """Change this table, but for its key and the fixed columns."""
        self.whole = table.updater(*fixed)
        self._table = table
        self._fixed = {*table.key, *fixed}
        self._made: dict[tuple[str, ...], tuple[str, Callable[[T], Row]]] = {}

    def of(self, names: Sequence[str]) -> tuple[str, Callable[[T], Row]] | None:
        """Give the UPDATE that sets these columns, and its row writer; None if there is nothing to set."""
        key = tuple(names)
        made = self._made.get(key)
        return made or self._make(key)

    def _make(self, names: tuple[str, ...]) -> tuple[str, Callable[[T], Row]] | None:
        moving = [name for name in names if name not in self._fixed]
        if not moving:
            return None
        if len(self._made) >= MOST_TEXTS:
            return self.whole
        return self._made.setdefault(names, self._table.updater_of(moving))
