"""Readers of files of records: CSV with a header, JSON lines, and an array of JSON.

A record that cannot be read is one bad record, however long it is, and does not affect the next one. At most one record
of a file is in memory, and at most ``RECORD_LIMIT`` characters of it.
"""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO, Final

from usercore.importing.columns import SHOWN_NAME, Columns, listed, refuse_with
from usercore.importing.json_array import elements
from usercore.importing.model import ImportLine
from usercore.importing.records import FIELDS
from usercore.importing.text_lines import RECORD_LIMIT, Lines, open_text
from usercore.kernel.errors import FieldError
from usercore.users.fields import FIELDS as OWN_FIELDS
from usercore.users.fields import types_of

__all__ = ["Columns", "read_csv", "read_json_lines"]

COLUMNS: Final = FIELDS - {"access_ids"}
"""The fields of columns; a cell holds one access id, so each of them has a column."""

DELIMITERS: Final = ",;\t|"
"""The delimiters that are counted in a header if the caller names none; of equal counts the first one wins."""

_EXACT: Final = frozenset({"external_id", "access_id_1", "access_id_2", "access_id_3", "access_id_4"})
"""Ids of the host are exact, so white space at their ends is refused and not trimmed. Source: spec U4."""

_INTEGER: Final = re.compile(r"-?[0-9]{1,16}")
_FLAGS: Final = {"true": True, "false": False}


def _integer(text: str) -> object:
    return int(text) if _INTEGER.fullmatch(text) else text


def _flag(text: str) -> object:
    return _FLAGS.get(text.lower(), text)


_READERS: Final[Mapping[type, Callable[[str], object]]] = {int: _integer, bool: _flag}
_TYPED: Final[Mapping[str, Callable[[str], object]]] = {
    "id": _integer,
    "email_verified": _flag,
    **{name: _READERS[kind] for name in OWN_FIELDS for kind in types_of(name) if kind in _READERS},
}
"""The columns whose cells are not text. A cell that cannot be parsed stays text, which is refused as ``wrong_type``."""


_AS_IT_IS: Final = Columns()


def read_json_lines(file: BinaryIO, columns: Columns = _AS_IT_IS) -> Iterator[ImportLine]:
    """Iterate over the records of a file that has a JSON object on each line, or one array of objects.

    Blank lines are skipped.

    Raises:
        Invalid: the map names fields that do not exist, or the encoding is neither UTF-8 nor UTF-16.
    """
    columns.check()
    chunks = open_text(file)
    start = ""
    for chunk in chunks:
        start += chunk
        if not start.isspace() or len(start) > RECORD_LIMIT:
            break
    text = _chained(start, chunks)
    found = elements(text) if start.lstrip()[:1] == "[" else enumerate(Lines(text), start=1)
    return (_json_record(number, line, columns) for number, line in found if line is None or line.strip())


def _chained(first: str, rest: Iterable[str]) -> Iterator[str]:
    yield first
    yield from rest


def _json_record(number: int, text: str | None, columns: Columns) -> ImportLine:
    if text is None:
        return _bad(number, "too_long")
    try:
        if not text.isascii():
            text.encode()  # broken bytes became lone surrogates
        values = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except UnicodeEncodeError:
        return _bad(number, "not_unicode")
    except (ValueError, RecursionError):
        return _bad(number, "malformed")
    if not isinstance(values, dict):
        return _bad(number, "not_an_object")
    if columns.names:
        named = {columns.name_of(name): value for name, value in values.items()}
        if len(named) < len(values):
            return _bad(number, "repeated")
        values = named
    return ImportLine(number, columns.instants_read(values))


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        msg = "a name is repeated"
        raise ValueError(msg)
    return values


def _no_constant(name: str) -> object:
    msg = f"{name} is no JSON"
    raise ValueError(msg)


def read_csv(file: BinaryIO, columns: Columns = _AS_IT_IS, *, delimiter: str | None = None) -> Iterator[ImportLine]:
    """Iterate over the records of a CSV file whose first line names the fields.

    White space at the ends of a cell is left out, but for external and access ids, which are exact. An empty cell says
    nothing of its field, and rows without any value are skipped. Without ``delimiter`` the one of ``,``, ``;``, tab and
    ``|`` is taken that finds most fields.

    Raises:
        Invalid: the header is missing, names no field, a field twice, or one that does not exist, or lacks a name that
            is mapped; or the encoding is neither UTF-8 nor UTF-16. Notes of the error say what was expected.
        ValueError: the delimiter is not one character.
    """
    if delimiter is not None and len(delimiter) != 1:
        msg = f"a delimiter is one character, not {len(delimiter)}"
        raise ValueError(msg)
    columns.check(COLUMNS)
    lines = _RecordLines(Lines(open_text(file)))
    names, delimiter = _header(next(lines, ""), columns, delimiter or DELIMITERS)
    reader = csv.reader(lines, strict=True, delimiter=delimiter)
    typed = [name for name in names if name in _TYPED]

    def read() -> Iterator[ImportLine]:
        while True:
            lines.size, number = 0, lines.number + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:  # the reader continues with the next line
                yield _bad(number, "too_long" if "limit" in str(error) else "malformed")
            else:
                cells = [cell.strip() for cell in row]
                if any(cells):
                    yield _csv_record(number, (row, cells), names, typed, columns)

    return read()


class _RecordLines:
    """The lines for the CSV reader, with their numbers; a record that has become too long is ended by an error."""

    def __init__(self, lines: Iterable[str | None]) -> None:
        self.number = 0
        self.size = 0
        self._lines = iter(lines)

    def __iter__(self) -> "_RecordLines":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        self.size += RECORD_LIMIT if line is None else len(line)
        if line is None or self.size > RECORD_LIMIT:
            return "x" * (csv.field_size_limit() + 1)  # refused in any position, also inside quotes
        return line


def _header(line: str, columns: Columns, delimiters: str) -> tuple[Sequence[str], str]:
    """Return the fields of the columns, "" for a column without a name, and the delimiter."""
    found = [(_names(line, mark), mark) for mark in delimiters]
    names, delimiter = max(found, key=lambda one: sum(columns.name_of(name) in COLUMNS for name in one[0]))
    _check_header(names, columns)
    return [columns.name_of(name) for name in names], delimiter


def _names(line: str, delimiter: str) -> list[str]:
    try:
        return [name.strip() for name in next(csv.reader([line], strict=True, delimiter=delimiter), [])]
    except csv.Error:
        return []


def _check_header(names: Sequence[str], columns: Columns) -> None:
    expected = f"expected a first line that names fields, of {listed(COLUMNS)}"
    fields = [columns.name_of(name) for name in names]
    if not any(names):
        refuse_with([FieldError("header", "missing")], f"found no names in the first line; {expected}")
    if not any(field in COLUMNS for field in fields):
        refuse_with(
            [FieldError("header", "no_known_field")], f"found {len(names)} columns, none of them a field; {expected}"
        )
    errors = [
        FieldError(name if SHOWN_NAME.fullmatch(name) else f"column {place}", "unknown_field")
        for place, (name, field) in enumerate(zip(names, fields, strict=True), start=1)
        if name and field not in COLUMNS
    ]
    errors += [FieldError(field, "repeated") for field in sorted(COLUMNS) if fields.count(field) > 1]
    errors += [FieldError(field, "mapped_but_missing") for name, field in columns.names.items() if name not in names]
    if errors:
        refuse_with(errors, expected)


def _csv_record(
    number: int, row: tuple[list[str], list[str]], names: Sequence[str], typed: Sequence[str], columns: Columns
) -> ImportLine:
    """Return a record of the cells of a row, given as they are and trimmed."""
    given, cells = row
    if len(cells) < len(names):
        return _bad(number, "too_few_columns")
    values: dict[str, object] = {
        name: exact if name in _EXACT else cell for name, exact, cell in zip(names, given, cells, strict=False) if cell
    }
    if "" in values or any(cells[len(names) :]):  # empty cells behind the last name are what spreadsheets leave
        return _bad(number, "too_many_columns")
    for name in typed:
        if name in values:
            values[name] = _TYPED[name](str(values[name]))
    return ImportLine(number, columns.instants_read(values))


def _bad(number: int, reason: str) -> ImportLine:
    return ImportLine(number, errors=(FieldError("record", reason),))
