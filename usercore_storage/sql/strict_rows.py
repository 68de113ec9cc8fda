"""Reading rows the slow way: nothing is taken on trust, each value must be what its field would be kept as.

A newcomer would use the tables' own readers. They are made for speed: they run no validators, and read 2 as True.
"""

import typing
from collections.abc import Callable, Sequence
from typing import Any, Final

from usercore.kernel.errors import Corrupt
from usercore.kernel.time import check_instant
from usercore.kernel.values import frozen
from usercore_storage.sql.table import Column, Row, Table
from usercore_storage.sql.tables import ALL, HISTORY

_KINDS: Final[dict[str, frozenset[type]]] = {
    "integer": frozenset({int}),
    "boolean": frozenset({int, bool}),
    "text": frozenset({str}),
    "tuple": frozenset({str}),
    "blob": frozenset({bytes}),
}
_NONE: Final = frozenset({type(None)})


class Unreadable(Exception):
    """A row does not make its entity. The message is for a finding: it names columns and shows no value."""


@frozen
class Field:
    """One column, and how its value is read, written again and looked at. A plain one is kept as it is."""

    name: str
    kinds: frozenset[type]
    is_plain: bool
    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    check: Callable[[Any], object]

    def value_of(self, kept: Any) -> Any:  # noqa: ANN401 - each field has its own type
        """Give the field's value.

        Raises:
            Unreadable: it could not have been kept so.
        """
        if type(kept) not in self.kinds or (type(kept) is str and not _is_text(kept)):
            raise Unreadable(f"{self.name} has another type")
        if self.is_plain:
            return kept
        try:
            value = self.read(kept)
            self.check(value)
            if self.write(value) == kept:
                return value
        except (ArithmeticError, LookupError, OSError, RecursionError, TypeError, ValueError):
            pass  # what they say may show the value
        raise Unreadable(f"{self.name} cannot be read")


class RowReader:
    """Reads the rows of one table; each has the extra columns first."""

    def __init__(self, table: Table[Any]) -> None:
        """Read this table's rows."""
        hints = typing.get_type_hints(table.entity)
        self._table = table
        self._extra = [_field_of(table, column, None) for column in table.extra]
        self._fields = [_field_of(table, column, hints[column.name]) for column in table.columns]
        self._by_name = {field.name: field for field in (*self._extra, *self._fields)}
        self._key = [[*self._by_name].index(name) for name in table.key]

    def key_of(self, row: Row) -> Row:
        """Give the values of the key."""
        return tuple(row[place] for place in self._key)

    def name_of(self, row: Row) -> str:
        """Name a row by its key."""
        values = (value.hex() if isinstance(value, bytes) else value for value in self.key_of(row))
        return " ".join(f"{name}={value}" for name, value in zip(self._table.key, values, strict=True))

    def extra_of(self, row: Row) -> Row:
        """Give the values beside the entity."""
        return row[: len(self._extra)]

    def read_some(self, names: Sequence[str], row: Row) -> dict[str, Any]:
        """Give the values of these fields, of a row that has their columns and no others.

        Raises:
            Unreadable: one of them could not have been kept so.
        """
        return {name: self._by_name[name].value_of(kept) for name, kept in zip(names, row, strict=True)}

    def read(self, row: Row) -> Any:  # noqa: ANN401 - each table has its own entity
        """Give the entity, by its public constructor.

        Raises:
            Unreadable: the row makes none.
        """
        for field, kept in zip(self._extra, row, strict=False):
            field.value_of(kept)
        kept_by = zip(self._fields, row[len(self._extra) :], strict=True)
        values = {field.name: field.value_of(kept) for field, kept in kept_by}
        try:
            entity = self._table.entity(**values)
            if self._table is HISTORY:
                entity.old, entity.new  # noqa: B018 - raise if they cannot be read
        except (Corrupt, TypeError, ValueError):
            raise Unreadable(f"its values make no {self._table.entity.__name__}") from None
        return entity


def _is_text(kept: str) -> bool:
    """Say whether this is Unicode; what is not comes with lone surrogates."""
    if kept.isascii():
        return True
    try:
        kept.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kinds_of(column: Column) -> frozenset[type]:
    kinds = _KINDS[column.codec.column]
    return kinds | _NONE if column.may_be_null else kinds


def _field_of(table: Table[Any], column: Column, hint: Any) -> Field:  # noqa: ANN401 - a type as typing shows it
    read, write = table.ways_of(column)
    check: Callable[[Any], object] = _nothing
    if column.codec.column == "tuple":
        parts = typing.get_args(hint)
        check = lambda value: _check_parts(value, parts)  # noqa: E731 - closes over the parts
    elif "from_micros" in column.codec.read:
        check = lambda value: value is None or check_instant(value, name=column.name)  # noqa: E731 - closes over the name
    is_plain = column.codec.read == "{0}" and column.none_as is None
    return Field(column.name, _kinds_of(column), is_plain, read, write, check)


def _nothing(_: object) -> None:
    """Look at nothing."""


def _check_parts(values: tuple[object, ...], parts: tuple[Any, ...]) -> None:
    for value, part in zip(values, parts, strict=True):
        if not isinstance(value, part):
            raise TypeError


READERS: Final = {table.name: RowReader(table) for table in ALL}
