"""Reading files of records: CSV with a header, and JSON lines.

A newcomer would open the file as text, and one broken byte would end the reading. Here a line is bytes until it is
looked at: what is wrong with one is that line's fault, however long it is, and the next one is read as if nothing were.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import BinaryIO, Final

from usercore.importing.model import ImportLine
from usercore.importing.records import FIELDS
from usercore.kernel.context import printable_prefix
from usercore.kernel.errors import FieldError, Invalid

_COLUMNS: Final = FIELDS - {"access_ids"}
"""What a cell can hold: several ids stand in several columns."""

_NAME_BYTES: Final = 64
"""What is told of the name of a field that there is not."""

LINE_LIMIT: Final = 1 << 20
"""Bytes of a line that are looked at; a note may have 262,144, and JSON may write each character with six."""

_BOM: Final = b"\xef\xbb\xbf"

_INTEGER: Final = re.compile(r"-?[0-9]{1,16}")
_FLAGS: Final = {"true": True, "false": False}


def _integer(text: str) -> object:
    return int(text) if _INTEGER.fullmatch(text) else text


def _flag(text: str) -> object:
    return _FLAGS.get(text, text)


_TYPED: Final[Mapping[str, Callable[[str], object]]] = {
    "id": _integer,
    "timestamp_offset_minutes": _integer,
    "data_offset_minutes": _integer,
    "email_verified": _flag,
    "is_institution": _flag,
}
"""The columns whose cells are no text. A cell that cannot be read stays text, which is refused as ``wrong_type``."""


def read_json_lines(file: BinaryIO) -> Iterator[ImportLine]:
    """Give the records of a file that has a JSON object on each line; lines without anything are passed over."""
    for number, line in enumerate(_lines(file), start=1):
        if line is None or line.strip():
            yield _json_line(number, line)


def _json_line(number: int, line: bytes | None) -> ImportLine:
    if line is None:
        return _bad(number, "too_long")
    try:
        values = json.loads(line.decode(), object_pairs_hook=_object, parse_constant=_no_constant)
    except UnicodeDecodeError:
        return _bad(number, "not_unicode")
    except (ValueError, RecursionError):
        return _bad(number, "malformed")
    return ImportLine(number, values) if isinstance(values, dict) else _bad(number, "not_an_object")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        msg = "a name is repeated"
        raise ValueError(msg)
    return values


def _no_constant(name: str) -> object:
    msg = f"{name} is no JSON"
    raise ValueError(msg)


def read_csv(file: BinaryIO) -> Iterator[ImportLine]:
    """Give the records of a CSV file whose first line names the fields. An empty cell says nothing of its field.

    Raises:
        Invalid: the header is missing, or names a field twice, or one that there is not.
    """
    reader = csv.reader(map(_text, _lines(file)), strict=True)
    columns = _columns(reader)
    typed = [name for name in columns if name in _TYPED]

    def read() -> Iterator[ImportLine]:
        while True:
            number = reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error:  # the reader goes on with the next line
                yield _bad(number, "malformed")
            else:
                if row:
                    yield _csv_line(number, row, columns, typed)

    return read()


def _columns(reader: Iterator[list[str]]) -> Sequence[str]:
    try:
        columns = next(reader, [])
    except csv.Error:
        columns = []
    errors = [
        FieldError(printable_prefix(name, _NAME_BYTES), "unknown_field") for name in columns if name not in _COLUMNS
    ]
    errors += [FieldError(name, "repeated") for name in sorted(_COLUMNS) if columns.count(name) > 1]
    if errors or not columns:
        raise Invalid(tuple(errors) or (FieldError("header", "missing"),))
    return columns


def _csv_line(number: int, row: Sequence[str], columns: Sequence[str], typed: Sequence[str]) -> ImportLine:
    if len(row) != len(columns):
        return _bad(number, "too_few_columns" if len(row) < len(columns) else "too_many_columns")
    values: dict[str, object] = {name: cell for name, cell in zip(columns, row, strict=True) if cell}
    for name in typed:
        if name in values:
            values[name] = _TYPED[name](str(values[name]))
    return ImportLine(number, values)


def _text(line: bytes | None) -> str:
    """Give a line as the CSV reader wants it. Broken bytes become lone surrogates, which no field takes."""
    if line is None:
        return "x" * (csv.field_size_limit() + 1)  # refused wherever it stands, also inside of quotes
    return line.decode("utf-8", "surrogateescape")


def _lines(file: BinaryIO) -> Iterator[bytes | None]:
    """Give the lines; None for one that is too long, of which no more than the limit is held."""
    start = _BOM
    while line := file.readline(LINE_LIMIT):
        is_whole = len(line) < LINE_LIMIT or line.endswith(b"\n")
        yield line.removeprefix(start) if is_whole else None
        start = b""
        while not is_whole:
            rest = file.readline(LINE_LIMIT)
            is_whole = not rest or rest.endswith(b"\n")


def _bad(number: int, reason: str) -> ImportLine:
    return ImportLine(number, errors=(FieldError("record", reason),))
