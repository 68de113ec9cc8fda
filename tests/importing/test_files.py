"""Files are read line by line, and a malformed line does not affect the next."""

import io
import json
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from usercore import FieldError, ImportLine, Invalid
from usercore.importing.files import Columns, read_csv, read_json_lines
from usercore.importing.text_lines import CHUNK, RECORD_LIMIT

pytestmark = pytest.mark.rule("R7")

HUGE = b"x" * RECORD_LIMIT


def bad(number: int, reason: str) -> ImportLine:
    return ImportLine(number, errors=(FieldError("record", reason),))


def from_csv(*lines: bytes) -> list[ImportLine]:
    return list(read_csv(io.BytesIO(b"\n".join(lines))))


def from_json(*lines: bytes) -> list[ImportLine]:
    return list(read_json_lines(io.BytesIO(b"\n".join(lines))))


def test_the_header_names_the_cells_and_an_empty_cell_is_left_out() -> None:
    assert from_csv(b"email,note,external_id", b'a@b.eu,"x, ""y""",', b",,7") == [
        ImportLine(2, {"email": "a@b.eu", "note": 'x, "y"'}),
        ImportLine(3, {"external_id": "7"}),
    ]


def test_cells_of_numbers_and_flags_are_read_and_others_stay_text() -> None:
    (good, wrong) = from_csv(b"id,email_verified,data_offset_minutes,first_name", b"7,tRUE,-60,7", b"7.0,yes,1e2,true")
    assert good.values == {"id": 7, "email_verified": True, "data_offset_minutes": -60, "first_name": "7"}
    assert wrong.values == {"id": "7.0", "email_verified": "yes", "data_offset_minutes": "1e2", "first_name": "true"}


def test_lines_have_the_numbers_of_an_editor() -> None:
    lines = from_csv(b"\xef\xbb\xbfemail,note\r", b'a,"two', b'lines"\r', b"", b"b,")
    assert [line.number for line in lines] == [2, 5]
    assert lines[0].values == {"email": "a", "note": "two\nlines"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"a", "too_few_columns"),
        (b"a,b,c", "too_many_columns"),
        (b"a,b,,c", "too_many_columns"),
        (b'a,"b"c', "malformed"),
        (b"a,b\rc", "malformed"),
        (b"a," + b"x" * 140_000, "too_long"),
        (b"a," + HUGE + HUGE, "too_long"),
    ],
)
def test_a_line_that_is_not_a_record_does_not_affect_the_others(line: bytes, reason: str) -> None:
    assert from_csv(b"email,note", b"a,", line, b"c,") == [
        ImportLine(2, {"email": "a"}),
        bad(3, reason),
        ImportLine(4, {"email": "c"}),
    ]


@pytest.mark.parametrize("cell", [b"J\xfcrgen", b"Ren\xc3", b"\xff"])
def test_undecodable_bytes_affect_only_their_cell(cell: bytes) -> None:
    (line, good) = from_csv(b"email,first_name", b"a," + cell, b"b,B")
    assert str(line.values["first_name"]).encode("utf-8", "surrogateescape") == cell
    assert good.values == {"email": "b", "first_name": "B"}


def test_a_quote_that_is_never_closed_ends_with_a_line_that_is_too_long_or_with_the_file() -> None:
    assert from_csv(b"email,note", b'a,"open', HUGE, b"c,") == [bad(2, "too_long"), ImportLine(4, {"email": "c"})]
    assert from_csv(b"email,note", b'a,"open', b"b,") == [bad(2, "malformed")]


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        (b"", FieldError("header", "missing")),
        (b" , ", FieldError("header", "missing")),
        (b"email,shoe_size", FieldError("shoe_size", "unknown_field")),
        (b"email,ann@example.com", FieldError("column 2", "unknown_field")),
        (b"shoe_size,ann@example.com", FieldError("header", "no_known_field")),
        (b"email,Email", FieldError("Email", "unknown_field")),
        (b"email,access_ids", FieldError("access_ids", "unknown_field")),
        (b"email,note,email", FieldError("email", "repeated")),
        (b'"email', FieldError("header", "missing")),
        ("email,note".encode("utf-32"), FieldError("encoding", "unknown")),
        ("email,note".encode("utf-32-be"), FieldError("encoding", "unknown")),
        ("email,note".encode("utf-32-le"), FieldError("encoding", "unknown")),
    ],
)
def test_a_wrong_header_is_refused_before_any_record(header: bytes, fault: FieldError) -> None:
    with pytest.raises(Invalid) as refused:
        read_csv(io.BytesIO(header + b"\na@b.eu,b\n"))
    assert fault in refused.value.errors
    assert all("expected" in note and "a@b.eu" not in note for note in refused.value.__notes__)


def test_each_line_of_json_is_an_object_and_blank_ones_are_skipped() -> None:
    lines = from_json(b'\xef\xbb\xbf{"email": "a@b.eu", "access_ids": [1, null]}\r', b"", b"  ", b'{"note": "\\u0000"}')
    assert lines == [ImportLine(1, {"email": "a@b.eu", "access_ids": [1, None]}), ImportLine(4, {"note": "\0"})]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'["email"]', "not_an_object"),
        (b"null", "not_an_object"),
        (b"{'email': 1}", "malformed"),
        (b'{"email": "a"} {}', "malformed"),
        (b'{"email": "a",}', "malformed"),
        (b'{"id": NaN}', "malformed"),
        (b'{"id": -Infinity}', "malformed"),
        (b'{"id": ' + b"9" * 5000 + b"}", "malformed"),
        (b'{"email": "a", "email": "b"}', "malformed"),
        (b'{"access_ids": {"1": "a", "1": "b"}}', "malformed"),
        (b'{"note": "a\tb"}', "malformed"),
        (b"[" * 100_000, "malformed"),
        (b'{"email": "\xff"}', "not_unicode"),
        (b'{"note": "' + HUGE + b'"}', "too_long"),
    ],
)
def test_a_line_of_malformed_json_does_not_affect_the_others(line: bytes, reason: str) -> None:
    good = b'{"email": "a"}'
    assert from_json(good, line, good) == [ImportLine(1, {"email": "a"}), bad(2, reason), ImportLine(3, {"email": "a"})]


class Repeated(io.RawIOBase):
    """A long file: a start, and then the same bytes again and again."""

    def __init__(self, start: bytes, piece: bytes) -> None:
        self.left, self.start, self.piece = 8 * RECORD_LIMIT, start, piece * (CHUNK // len(piece))

    def read(self, size: int = -1, /) -> bytes:
        assert size == CHUNK
        start, self.start = self.start, b""
        self.left -= CHUNK
        return start or (self.piece if self.left > 0 else b"")


def max_memory(work: Callable[[], object]) -> int:
    """Return how many bytes were in use at once during a call."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("read", "start", "piece"),
    [
        (read_json_lines, b"{", b"x"),
        (read_json_lines, b"[", b"x"),
        (read_json_lines, b"[", b'{"note": "' + b"x" * 1000 + b'"}, '),
        (read_json_lines, b'["', b"x" * 100 + b"\n"),
        (read_json_lines, b" ", b" "),
        (read_csv, b"email\n", b"x"),
        (read_csv, b"email\n", b'"' + b"x" * 100 + b'\n",'),
        (read_csv, b'email\na"b"\n', b'"a' + b"x" * 1000 + b"\n"),
    ],
)
def test_memory_use_is_constant_for_every_kind_of_long_file(
    read: Callable[[Any], Iterator[ImportLine]], start: bytes, piece: bytes
) -> None:
    found: Counter[str] = Counter()

    def count() -> None:
        for line in read(Repeated(start, piece)):
            found.update(fault.reason for fault in line.errors)

    assert max_memory(count) < 7 * RECORD_LIMIT
    assert found.keys() <= {"too_long", "malformed", "too_many_columns"}


def test_a_record_of_many_lines_is_one_bad_record_and_the_next_line_is_read() -> None:
    lines = [b'"', *[b"x" * 1000 + b'","'] * (RECORD_LIMIT // 1000), b'",', b"c,"]
    found = from_csv(b"email,note", *lines)
    assert found[0] == bad(2, "too_long")
    assert {line.number for line in found} <= {2, *range(len(lines) - 5, len(lines) + 2)}


def test_a_header_without_an_end_is_refused() -> None:
    with pytest.raises(Invalid):
        read_csv(io.BytesIO(HUGE + HUGE))


TABLE = "email,first_name\nann@b.eu,Ann\nbo@b.eu,J\u00fcrgen \U0001f600\n"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", list(",;\t|"))
@pytest.mark.parametrize("last", ["", "\n"])
def test_encoding_line_end_and_delimiter_are_detected(end: str, encoding: str, delimiter: str, last: str) -> None:
    text = (TABLE.rstrip("\n") + last).replace(",", delimiter).replace("\n", end)
    assert list(read_csv(io.BytesIO(text.encode(encoding)))) == [
        ImportLine(2, {"email": "ann@b.eu", "first_name": "Ann"}),
        ImportLine(3, {"email": "bo@b.eu", "first_name": "J\u00fcrgen \U0001f600"}),
    ]


@given(st.integers(1, 7), st.sampled_from(["utf-8", "utf-16-le"]), st.sampled_from(["\n", "\r\n", "\r"]))
def test_a_file_is_read_identically_in_chunks_of_any_size(size: int, encoding: str, end: str) -> None:
    class Pieces(io.BytesIO):
        def read1(self, _: int | None = -1, /) -> bytes:
            return super().read(size)

    lines = [f'{{"note": "\u00e9 \\\\\\" [,]", "id": {number}}}' for number in (1, 2)]
    found = [{"note": '\u00e9 \\" [,]', "id": number} for number in (1, 2)]
    written = end.join(lines), f"[{end}{f',{end}'.join(lines)}{end}]{end}"
    for text in written:
        assert [line.values for line in read_json_lines(Pieces(text.encode(encoding)))] == found


def test_a_delimiter_that_is_passed_is_used_and_must_be_one_character() -> None:
    (line,) = read_csv(io.BytesIO(b"email#note\na@b.eu#x,y"), delimiter="#")
    assert line.values == {"email": "a@b.eu", "note": "x,y"}
    with pytest.raises(ValueError, match="one character"):
        read_csv(io.BytesIO(), delimiter=",;")


def test_cells_and_names_are_trimmed_and_rows_without_any_value_are_skipped() -> None:
    assert from_csv(b" email , note", b" a@b.eu ,", b",", b" , ", b"", b",,,", b'" b ",c') == [
        ImportLine(2, {"email": "a@b.eu"}),
        ImportLine(7, {"email": "b", "note": "c"}),
    ]


@pytest.mark.rule("U4")
def test_ids_of_the_host_are_not_trimmed() -> None:
    assert from_csv(b"external_id,access_id_1,email", b" 1,2 , a ", b" , ,b") == [
        ImportLine(2, {"external_id": " 1", "access_id_1": "2 ", "email": "a"}),
        ImportLine(3, {"email": "b"}),
    ]


def test_columns_without_a_name_may_be_empty_only() -> None:
    assert from_csv(b"email,,note,,", b"a,,b,,", b"a,x,b,,", b"a,,b,,x", b"a,,b") == [
        ImportLine(2, {"email": "a", "note": "b"}),
        bad(3, "too_many_columns"),
        bad(4, "too_many_columns"),
        bad(5, "too_few_columns"),
    ]


def test_names_are_mapped_to_fields() -> None:
    columns = Columns(names={"E-Mail": "email", "memo": "note"})
    (line,) = read_csv(io.BytesIO(b"E-Mail;memo\na@b.eu;x"), columns)
    assert line.values == {"email": "a@b.eu", "note": "x"}
    lines = read_json_lines(io.BytesIO(b'{"E-Mail": "a", "id": 7}\n{"E-Mail": "a", "email": "b"}'), columns)
    assert list(lines) == [ImportLine(1, {"email": "a", "id": 7}), bad(2, "repeated")]


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        ({"a": "mail"}, FieldError("mail", "unknown_field")),
        ({"a": "ann@b.eu"}, FieldError("map", "unknown_field")),
        ({"a": "note", "b": "note"}, FieldError("note", "repeated")),
        ({"memo": "note"}, FieldError("note", "mapped_but_missing")),
    ],
)
def test_a_map_to_unknown_or_repeated_fields_is_refused(names: dict[str, str], fault: FieldError) -> None:
    with pytest.raises(Invalid) as refused:
        read_csv(io.BytesIO(b"email,source\na,b"), Columns(names=names))
    assert fault in refused.value.errors


def test_an_instant_without_a_zone_is_read_in_the_default_zone() -> None:
    columns = Columns(zone=ZoneInfo("Europe/Berlin"))
    rows = b"created_at,email\n2024-05-01 10:00,a\n2024-05-01 10:00:00+00,b\nnever,c\n"
    berlin, utc, other = read_csv(io.BytesIO(rows), columns)
    assert berlin.values["created_at"] == datetime(2024, 5, 1, 8, tzinfo=UTC)
    assert (utc.values["created_at"], other.values["created_at"]) == ("2024-05-01 10:00:00+00", "never")
    (line,) = read_json_lines(io.BytesIO(b'{"created_at": "2024-01-01T10:00:00.5"}'), columns)
    assert line.values["created_at"] == datetime(2024, 1, 1, 9, 0, 0, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"[]", []),
        (b" \n[ ]\n", []),
        (b'[\n{"id": 1},\n\n{"id":\r\n2}]', [ImportLine(2, {"id": 1}), ImportLine(4, {"id": 2})]),
        (b'[{"note": "],[\\"{"}]', [ImportLine(1, {"note": '],["{'})]),
        (b'[{"access_ids": ["a", [{}]]}, 7]', [ImportLine(1, {"access_ids": ["a", [{}]]}), bad(1, "not_an_object")]),
        (b'[{"id": 1},]', [ImportLine(1, {"id": 1}), bad(1, "malformed")]),
        (b'[{"note": "a\nb"},\n{"id": 2}]', [bad(1, "malformed"), ImportLine(3, {"id": 2})]),
        (b'[{"id": 1} {"id": 2}, }, {"id": 3}]', [bad(1, "malformed"), bad(1, "malformed"), ImportLine(1, {"id": 3})]),
        (b'[{"id": 1}]\n{"id": 2}', [ImportLine(1, {"id": 1}), bad(2, "malformed")]),
        (b'[{"id": 1},\n{"id"', [ImportLine(1, {"id": 1}), bad(2, "malformed")]),
        (b'[{"id": 1}', [bad(1, "malformed")]),
        (b"[", [bad(2, "malformed")]),
        (b'["' + HUGE + b'", {"id": 2}]', [bad(1, "too_long"), ImportLine(1, {"id": 2})]),
    ],
)
def test_the_objects_of_an_array_are_records(text: bytes, found: list[ImportLine]) -> None:
    assert list(read_json_lines(io.BytesIO(text))) == found


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    records=st.lists(st.dictionaries(st.text(), VALUES, max_size=3)),
    indent=st.sampled_from([None, 1]),
    plain=st.booleans(),
)
def test_every_written_json_array_is_read_back(
    records: list[dict[str, Any]], indent: int | None, *, plain: bool
) -> None:
    text = json.dumps(records, indent=indent, ensure_ascii=plain).encode()
    assert [line.values for line in read_json_lines(io.BytesIO(text))] == records


@given(st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")), max_size=8))
@example([b'"', b"", b'",'])
def test_each_line_of_any_file_is_reported_at_most_once(lines: list[bytes]) -> None:
    assume(b"\0\0" not in b"\n".join(lines)[:4])  # what looks like UTF-32 is refused as a whole

    def numbers(read: Iterator[ImportLine]) -> list[int]:
        return [line.number for line in read]

    for found in (numbers(iter(from_json(*lines))), numbers(iter(from_csv(b"email,note", *lines)))):
        assert found == sorted(set(found))
        assert all(1 <= number <= len(lines) + 1 for number in found)


RECORDS = st.lists(st.dictionaries(st.sampled_from(["email", "note", "username"]), st.text(min_size=1), min_size=1))


@given(RECORDS)
def test_all_written_json_lines_are_read_back(records: list[dict[str, str]]) -> None:
    lines = [json.dumps(record).encode() for record in records]
    assert [line.values for line in from_json(*lines)] == records
