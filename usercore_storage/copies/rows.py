"""The rows of a table as plain values, which both engines store alike: read, written and removed by their keys."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final

from usercore.kernel.errors import Corrupt
from usercore_storage.sql.checking import PAGES, least_key
from usercore_storage.sql.executor import SIZES, Executor, in_sizes, marks
from usercore_storage.sql.table import Column, Row, Table
from usercore_storage.sql.tables import ALL

PAGE: Final = 2000
"""Rows of one page. Source: usercore: larger pages are not faster, and a page holds no lock for long."""


_KEYS_AT_ONCE: Final = 64
"""Keys of one look-up. Both engines use the index for each alternative; of too many, PostgreSQL reads the table."""


_WRITE: Final[Mapping[str, Callable[[Any], str]]] = {
    "integer": str,
    "text": lambda value: value.encode().hex(),
    "blob": bytes.hex,
}
_READ: Final[Mapping[str, Callable[[str], Any]]] = {
    "integer": int,
    "text": lambda part: bytes.fromhex(part).decode(),
    "blob": bytes.fromhex,
}


class CopiedTable:
    """One table: its statements, and how its values are made alike."""

    def __init__(self, table: Table[Any]) -> None:
        """Copy this table."""
        columns = (*table.extra, *table.columns)
        names, key = [column.name for column in columns], ", ".join(table.key)
        self.name, self.key, self.first = table.name, table.key, least_key(table)
        self.has_unique_index = any(one.startswith("UNIQUE") for one in table.indexes.values())
        self._key = [names.index(name) for name in table.key]
        self._kinds = [_kind_of(columns, name) for name in table.key]
        self._booleans = [place for place, column in enumerate(columns) if column.codec.column == "boolean"]
        self.page = PAGES[table.name]
        select = f"SELECT {', '.join(names)} FROM {table.name}"
        after, until = (_compared(table.key, sign) for sign in (">", "<="))
        self.between = f"{select} WHERE {after} AND {until} ORDER BY {key}"
        self.insert = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks(len(names))})"
        same = " AND ".join(f"{name} = ?" for name in table.key)
        self._select = {
            size: f"{select} WHERE {' OR '.join([f'({same})'] * size)}" for size in SIZES if size <= _KEYS_AT_ONCE
        }
        self._delete = f"DELETE FROM {table.name} WHERE {same}"

    def key_of(self, row: Row) -> Row:
        """Return the values of the key."""
        return tuple(row[place] for place in self._key)

    def alike(self, rows: Iterable[Row]) -> list[Row]:
        """Return rows whose booleans are booleans: SQLite stores them as numbers."""
        if not self._booleans:
            return list(rows)
        return [self._with_booleans(row) for row in rows]

    def _with_booleans(self, row: Row) -> Row:
        values = list(row)
        for place in self._booleans:
            values[place] = None if values[place] is None else bool(values[place])
        return tuple(values)

    def written(self, key: Row) -> str:
        """Return a key as the log of changes has it: parts with blanks between; text and bytes are hexadecimal."""
        return " ".join(_WRITE[kind](value) for kind, value in zip(self._kinds, key, strict=True))

    def parsed(self, text: str) -> Row:
        """Return the key that a text stands for."""
        return tuple(_READ[kind](part) for kind, part in zip(self._kinds, text.split(" "), strict=True))

    def with_keys(self, run: Executor, keys: Sequence[Row]) -> list[Row]:
        """Return the rows with these keys."""
        found = list[Row]()
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            for some in in_sizes(keys[start : start + _KEYS_AT_ONCE]):
                found += run(self._select[len(some)], list(chain.from_iterable(some)))
        return self.alike(found)

    def replace(self, run: Executor, keys: Sequence[Row], rows: Sequence[Row]) -> None:
        """Remove the rows with these keys, insert others, and compare what is there with what was inserted.

        Raises:
            Corrupt: the rows read are not the rows written.
        """
        run.many(self._delete, keys)
        self.add(run, rows)
        if sorted(self.with_keys(run, keys), key=self.key_of) != sorted(rows, key=self.key_of):
            raise Corrupt(f"{self.name}: rows read from the copy differ from those that were written")

    def add(self, run: Executor, rows: Sequence[Row]) -> None:
        """Insert rows.

        Raises:
            Corrupt: a text of the source is not UTF-8.
        """
        try:
            run.many(self.insert, rows)
        except UnicodeEncodeError as error:
            raise Corrupt(f"{self.name}: a text is not UTF-8") from error


def _kind_of(columns: Sequence[Column], name: str) -> str:
    (kind,) = (column.codec.column for column in columns if column.name == name)
    return kind


def parts_of_key(table: Table[Any], written: Mapping[str, str]) -> str:
    """Return the SQL that writes a key as the log has it, from an engine's expressions by the kind of a column."""
    columns = (*table.extra, *table.columns)
    return " || ' ' || ".join(written[_kind_of(columns, name)].format(name) for name in table.key)


def _compared(key: Sequence[str], sign: str) -> str:
    return f"({', '.join(key)}) {sign} ({marks(len(key))})" if len(key) > 1 else f"{key[0]} {sign} ?"


COPIED: Final = {table.name: CopiedTable(table) for table in ALL}
