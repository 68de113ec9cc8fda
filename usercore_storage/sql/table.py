"""Tables described by their entities: DDL, INSERT, UPDATE, row writers and row readers follow from the fields' types.

A table also declares the tenant of its rows and its derived columns; their user is declared with the entity. Row
writers and the checks of rows follow from that.

Every other statement is written by hand. Readers fill the entity's draft and switch its class; that is why they are
compiled from source, which consists of attribute names and fixed templates only.
"""

import json
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC
from enum import StrEnum
from functools import cached_property
from operator import itemgetter
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import attrs

from usercore.kernel.time import EPOCH, to_micros
from usercore.kernel.values import frozen
from usercore.storage import ROWS
from usercore_storage.sql.declarations import BySubject, Derived, StoredOnce
from usercore_storage.sql.diagnosis import UNREADABLE, diagnosis_of

T = TypeVar("T")
Row = tuple[Any, ...]


@frozen
class Codec:
    """How a type of value is stored: its column type, and templates that write ``{0}`` and read ``{0}``."""

    column: str
    write: str = "{0}"
    read: str = "{0}"


CODECS: Final[Mapping[type, Codec]] = {
    bool: Codec("boolean", "{0}", "bool({0})"),
    int: Codec("integer"),
    str: Codec("text"),
    bytes: Codec("blob"),
    # As ``from_micros``: a call of it for each value takes 3 % more instructions in P7.
    type(EPOCH): Codec("integer", "to_micros({0})", "instant({0} / 1e6, UTC)"),
    type(EPOCH.date()): Codec("text", "{0}.isoformat()", "date({0})"),
    UUID: Codec("text", "str({0})", "UUID({0})"),
}

FEW: Final = 10
"""Rows below which an INSERT names all columns. Source: usercore: from 10 rows on, omitting empty columns saves more
than the additional statement text costs."""

_HELPERS: Final[dict[str, Any]] = {
    "to_micros": to_micros,
    "instant": type(EPOCH).fromtimestamp,
    "UTC": UTC,
    "UUID": UUID,
    "date": type(EPOCH.date()).fromisoformat,
    "dumps": json.JSONEncoder(
        ensure_ascii=False
    ).encode,  # once, because ``json.dumps`` would create an encoder for each call
    "loads": json.loads,
}


@frozen
class Column:
    """One column: its field, its codec, whether it may be NULL, and the column whose negative stands for None in a key.

    So rows without a user have keys of their own, and live on as many shards as other rows do.
    """

    name: str
    codec: Codec
    optional: bool
    none_as: str | None = None
    once: StoredOnce | None = None

    def select(self, table: str, prefix: str) -> str:
        """Return the expression that selects the field's value from the table, or from its alias in the prefix."""
        return f"{prefix}{self.name}" if self.once is None else self.once.select(f"{prefix or f'{table}.'}{self.name}")

    @property
    def may_be_null(self) -> bool:
        """Whether the column accepts NULL, which also represents an empty tuple and one of Nones."""
        return self.optional or self.codec.column == "tuple"

    def write(self, source: str) -> str:
        """Return the expression that converts a field's value to the column's; it may use the entity ``e``, too."""
        written = self.codec.write.format(source)
        if self.none_as is not None:
            return f"({source} or -e.{self.none_as})"
        if not self.optional or written == source:
            return written
        return f"(None if {source} is None else {written})"

    def read(self, source: str) -> str:
        """Return the expression that converts a column's value to the field's."""
        read = self.codec.read.format(source)
        if self.none_as is not None:
            return f"({source} if {source} > 0 else None)"
        if not self.optional or read == source:
            return read
        return f"(None if {source} is None else {read})"


def _once_column(name: str, once: StoredOnce, helpers: dict[str, Any]) -> Column:
    helpers[f"digest_{name}"] = once.digest_of
    return Column(name, Codec("blob", f"digest_{name}({{0}})"), optional=True, once=once)


def _column_of(name: str, kind: Any, *, key: Sequence[str], helpers: dict[str, Any]) -> Column:  # noqa: ANN401 - a type as typing shows it
    kind = getattr(kind, "__supertype__", kind)
    optional = isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union
    if optional:
        (kind,) = (part for part in typing.get_args(kind) if part is not type(None))
        kind = getattr(kind, "__supertype__", kind)
    if typing.get_origin(kind) is tuple:
        return Column(name, _tuple_codec(typing.get_args(kind)), optional=False)
    if issubclass(kind, StrEnum):
        helpers[kind.__name__] = {member.value: member for member in kind}
        return Column(name, Codec("text", "{0}._value_", f"{kind.__name__}[{{0}}]"), optional)
    none_as = key[-1] if optional and name in key else None
    return Column(name, _codec_of(kind), optional and name not in key, none_as)


def _codec_of(kind: type) -> Codec:
    """Return the codec of a type or of its nearest base: tools that freeze time put subclasses into type hints."""
    return next(CODECS[base] for base in kind.__mro__ if base in CODECS)


def _tuple_codec(parts: tuple[Any, ...]) -> Codec:
    nothing = "()" if Ellipsis in parts else str((None,) * len(parts))
    write = f"(None if {{0}} == {nothing} else dumps({{0}}))"
    return Codec("tuple", write, f"({nothing} if {{0}} is None else tuple(loads({{0}})))")


class Table(Generic[T]):
    """A table that stores one entity per row.

    ``user`` and ``tenant`` are the columns that name the owner of a row, or None; ``by_subject`` are those that name
    either. ``refers`` are the columns that name rows of other tables, of the same tenant, with those tables' names.
    ``extra`` columns are derived from the entity and stand first; ``once`` are texts of which the table has the digests
    only, under their fields' names. ``shard`` is the column that decides where a row lives; it is part of every key.
    ``user``, and the personal columns of the key, which no report may show, are those that the entity's ``Rows``
    declare.
    """

    def __init__(
        self,
        name: str,
        entity: type[T],
        *,
        key: Sequence[str],
        shard: str,
        tenant: str | None,
        by_subject: BySubject | None = None,
        refers: Mapping[str, str] | None = None,
        extra: Mapping[str, Derived] | None = None,
        once: Mapping[str, StoredOnce] | None = None,
        indexes: Mapping[str, str] | None = None,
    ) -> None:
        """Read the columns from the entity's type hints."""
        self.name, self.key, self.shard, self.entity = name, tuple(key), shard, entity
        self.tenant, self.by_subject = tenant, by_subject
        declared = ROWS.get(entity)  # none for a projection, of which no row is stored
        self.user = None if declared is None else declared.user
        self.personal_key = () if declared is None else tuple(name for name in key if name in declared.personal)
        self.fixed = {*key, tenant}
        """The columns that never change. SQLite rewrites the indexes of what an UPDATE sets, even to the same value."""
        self.refers = dict(refers or {})
        self.indexes = dict(indexes or {})
        self.derived = dict(extra or {})
        self.helpers: dict[str, Any] = _HELPERS | {f"derive_{column}": one.of for column, one in self.derived.items()}
        self.extra = [Column(column, CODECS[one.kind], optional=False) for column, one in self.derived.items()]
        hints = typing.get_type_hints(entity)
        names = [field.name for field in attrs.fields(entity)]  # type: ignore[arg-type]  # mypy does not see attrs in @entity
        self.columns = [
            _once_column(column, once[column], self.helpers)
            if once and column in once
            else _column_of(column, hints[column], key=key, helpers=self.helpers)
            for column in names
        ]
        self.select = self.select_as(None)
        self.insert = self._insert([column.name for column in (*self.extra, *self.columns)])

    @cached_property
    def row(self) -> Callable[..., Row]:
        """The function that makes a row from an entity. Compiled on first use, as few processes write every table."""
        return self._writer(self.columns, extra=True)

    @cached_property
    def read(self) -> Callable[[Row], T]:
        """The function that makes an entity from a row. Compiled on first use."""
        return reader(self)

    def select_as(self, alias: str | None, *, texts: bool = True) -> str:
        """Return the entity's columns, in order, for a SELECT or RETURNING.

        Without ``texts``, those that another table stores are NULL, which saves the look-up.
        """
        prefix = f"{alias}." if alias else ""
        return ", ".join(
            column.select(self.name, prefix) if texts or column.once is None else "NULL" for column in self.columns
        )

    def updater(self, *fixed: str) -> tuple[str, Callable[[T], Row]]:
        """Return the UPDATE by key that sets all columns but key, tenant and fixed ones, and its row writer."""
        moving = [column for column in self.columns if column.name not in (*self.fixed, *fixed)]
        keys = [column for column in self.columns if column.name in self.key]
        sets = ", ".join(f"{column.name} = ?" for column in moving)
        where = " AND ".join(f"{column.name} = ?" for column in keys)
        return f"UPDATE {self.name} SET {sets} WHERE {where}", self._writer([*moving, *keys], extra=False)

    def ways_of(self, column: Column) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        """Compile the reader and the writer of one column, for callers that examine rows value by value."""
        read = _compiled(f"def read(v): return {column.read('v')}", "read", self.helpers)
        return read, _compiled(f"def write(v): return {column.write('v')}", "write", self.helpers)

    def ddl(self, types_of: Mapping[str, str], options: Callable[["Table[Any]"], str]) -> list[str]:
        """Return the statements that create the table, with an engine's types and table options."""
        lines = [
            f"{column.name} {types_of[column.codec.column]}{'' if column.may_be_null else ' NOT NULL'}"
            for column in (*self.extra, *self.columns)
        ]
        lines.append(f"PRIMARY KEY ({', '.join(self.key)})")
        body = ",\n    ".join(lines)
        create = f"CREATE TABLE {self.name} (\n    {body}\n){options(self)}"
        return [create, *(f"CREATE {what}" for what in self._indexes())]

    def insert_many(self, rows: Sequence[Row]) -> tuple[str, Iterable[Row]]:
        """Return the INSERT for these rows, and the rows, without the columns that are NULL in all of them.

        Drivers search an adapter for each NULL that they bind: with these columns, an import takes 9 % more
        instructions (W4).
        """
        if len(rows) < FEW:  # there would be many texts, and the statement cache is small
            return self.insert, rows
        names = [column.name for column in (*self.extra, *self.columns)]
        used = [index for index, values in enumerate(zip(*rows, strict=True)) if values.count(None) < len(rows)]
        if not used:
            return self.insert, rows
        return self._insert([names[index] for index in used]), map(itemgetter(*used), rows)

    def _indexes(self) -> Iterable[str]:
        for name, definition in self.indexes.items():
            unique = "UNIQUE INDEX" if definition.startswith("UNIQUE ") else "INDEX"
            yield f"{unique} {self.name}_{name} ON {self.name} {definition.removeprefix('UNIQUE ')}"

    def _insert(self, names: Sequence[str]) -> str:
        once = {column.name: column.once.insert for column in self.columns if column.once is not None}
        values = ", ".join(once.get(name, "?") for name in names)
        return f"INSERT INTO {self.name} ({', '.join(names)}) VALUES ({values})"

    def _writer(self, columns: Sequence[Column], *, extra: bool) -> Callable[..., Row]:
        values = [_derivation_of(column) for column in self.extra] if extra else []
        values += [column.write(f"e.{column.name}") for column in columns]
        return _compiled(f"def row(e): return ({', '.join(values)},)", "row", self.helpers)


def _derivation_of(column: Column) -> str:
    """Return the expression of a derived column; a digest becomes a ``bytearray``: it needs no adapter."""
    derivation = f"derive_{column.name}(e)"
    return f"bytearray({derivation})" if column.codec.column == "blob" else derivation


def reader(*tables: Table[Any], rest: bool = False) -> Callable[[Row], Any]:
    """Compile a reader of rows that hold the columns of these tables one after another.

    The reader returns the entity of one table or a tuple of several; with ``rest``, the remaining columns come last. It
    raises ``Corrupt`` for an unreadable value, which costs nothing while all are readable.
    """
    helpers: dict[str, Any] = {"corrupt": diagnosis_of(tables), "UNREADABLE": UNREADABLE}
    drafts: list[str] = []
    targets: list[str] = []
    conversions: list[str] = []
    classes: list[str] = []
    for number, table in enumerate(tables):
        entity: Any = table.entity
        helpers |= table.helpers | {f"Draft{number}": entity.__draft__, f"Entity{number}": entity}
        drafts.append(f"    e{number} = Draft{number}()")
        for column in table.columns:
            value, attribute = f"v{len(targets)}", f"e{number}.{column.name}"
            if column.read(value) == value:
                targets.append(attribute)
            else:
                targets.append(value)
                conversions.append(f"    {attribute} = {column.read(value)}")
        classes.append(f"    e{number}.__class__ = Entity{number}")
    names = [f"e{number}" for number in range(len(tables))] + (["rest"] if rest else [])
    lines = [
        "def read(r):",
        "  try:",
        *drafts,
        f"    {', '.join([*targets, *(['*rest'] if rest else [])])}, = r",
        *conversions,
        *classes,
        "  except UNREADABLE:",
        "    raise corrupt(r) from None",  # the original message may show the value
        f"  return {', '.join(names)}",
    ]
    return _compiled("\n".join(lines), "read", helpers)


def _compiled(source: str, name: str, helpers: dict[str, Any]) -> Callable[..., Any]:
    space = dict(helpers)
    exec(source, space)  # noqa: S102 - made of attribute names and fixed templates; 0.6x of the time of plain setters
    made: Callable[..., Any] = space[name]
    return made
