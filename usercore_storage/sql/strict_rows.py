"""Read rows strictly: each value must be exactly what usercore would store for its field.

The tables' own readers are made for speed: they run no validators, and read 2 as True.
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
    """A row cannot be read as its entity. The message is used in findings: it names columns and shows no value."""


@frozen
class Field:
    """One column, and how its value is read, written again and validated. A plain value is stored as it is."""

    name: str
    kinds: frozenset[type]
    is_plain: bool
    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    check: Callable[[Any], object]

    def value_of(self, stored: Any) -> Any:  # noqa: ANN401 - each field has its own type
        """Return the field's value.

        Raises:
            Unreadable: usercore could not have stored this value.
        """
        if type(stored) not in self.kinds or (type(stored) is str and not _is_text(stored)):
            raise Unreadable(f"{self.name} has another type")
        if self.is_plain:
            return stored
        try:
            value = self.read(stored)
            self.check(value)
            if self.write(value) == stored:
                return value
        except (ArithmeticError, LookupError, OSError, RecursionError, TypeError, ValueError):
            pass  # the message of the error may show the value
        raise Unreadable(f"{self.name} cannot be read")


class RowReader:
    """Reads the rows of one table; the extra columns come first."""

    def __init__(self, table: Table[Any]) -> None:
        """Read rows of this table."""
        hints = typing.get_type_hints(table.entity)
        self._table = table
        self._extra = [_field_of(table, column, None) for column in table.extra]
        self._fields = [_field_of(table, column, hints[column.name]) for column in table.columns]
        self._by_name = {field.name: field for field in (*self._extra, *self._fields)}
        self._key = [[*self._by_name].index(name) for name in table.key]

    def key_of(self, row: Row) -> Row:
        """Return the values of the key."""
        return tuple(row[index] for index in self._key)

    def name_of(self, row: Row) -> str:
        """Return the key of a row as text, without its personal columns."""
        values = (value.hex() if isinstance(value, bytes) else value for value in self.key_of(row))
        named = zip(self._table.key, values, strict=True)
        return " ".join(f"{name}={value}" for name, value in named if name not in self._table.personal_key)

    def extra_of(self, row: Row) -> Row:
        """Return the values of the extra columns."""
        return row[: len(self._extra)]

    def read_some(self, names: Sequence[str], row: Row) -> dict[str, Any]:
        """Return the values of these fields from a row that has only their columns.

        Raises:
            Unreadable: usercore could not have stored one of the values.
        """
        return {name: self._by_name[name].value_of(stored) for name, stored in zip(names, row, strict=True)}

    def read(self, row: Row) -> Any:  # noqa: ANN401 - each table has its own entity
        """Return the entity, made by its public constructor.

        Raises:
            Unreadable: the row has no valid entity.
        """
        for field, stored in zip(self._extra, row, strict=False):
            field.value_of(stored)
        stored_by = zip(self._fields, row[len(self._extra) :], strict=True)
        values = {field.name: field.value_of(stored) for field, stored in stored_by}
        self._restore_none(values)
        try:
            entity = self._table.entity(**values)
            if self._table is HISTORY:
                entity.old, entity.new  # noqa: B018 - raise if they cannot be read
        except (Corrupt, TypeError, ValueError):
            raise Unreadable(f"its values make no {self._table.entity.__name__}") from None
        return entity

    def _restore_none(self, values: dict[str, Any]) -> None:
        for column in self._table.columns:
            if column.none_as is not None and values[column.name] <= 0:
                if values[column.name] != -values[column.none_as]:
                    raise Unreadable(f"{column.name} cannot be read")
                values[column.name] = None


def _is_text(stored: str) -> bool:
    """Return whether the text is valid Unicode; undecodable bytes appear as lone surrogates."""
    if stored.isascii():
        return True
    try:
        stored.encode()
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
    elif "instant(" in column.codec.read:
        check = lambda value: value is None or check_instant(value, name=column.name)  # noqa: E731 - closes over the name
    is_plain = column.codec.read == "{0}"
    return Field(column.name, _kinds_of(column), is_plain, read, write, check)


def _nothing(_: object) -> None:
    """Accept any value."""


def _check_parts(values: tuple[object, ...], parts: tuple[Any, ...]) -> None:
    kinds = parts[:1] * len(values) if Ellipsis in parts else parts
    for value, part in zip(values, kinds, strict=True):
        if not isinstance(value, part):
            raise TypeError


READERS: Final = {table.name: RowReader(table) for table in ALL}
