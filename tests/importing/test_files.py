"""Files are read line by line: what is wrong with one is its own fault, and the next is read as if nothing were."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from usercore import FieldError, ImportLine, Invalid
from usercore.importing.files import LINE_LIMIT, read_csv, read_json_lines

pytestmark = pytest.mark.rule("R7")

HUGE = b"x" * LINE_LIMIT


def bad(number: int, reason: str) -> ImportLine:
    return ImportLine(number, errors=(FieldError("record", reason),))


def from_csv(*lines: bytes) -> list[ImportLine]:
    return list(read_csv(io.BytesIO(b"\n".join(lines))))


def from_json(*lines: bytes) -> list[ImportLine]:
    return list(read_json_lines(io.BytesIO(b"\n".join(lines))))


def test_the_header_names_the_cells_and_an_empty_cell_says_nothing() -> None:
    assert from_csv(b"email,note,external_id", b'a@b.eu,"x, ""y""",', b",,7") == [
        ImportLine(2, {"email": "a@b.eu", "note": 'x, "y"'}),
        ImportLine(3, {"external_id": "7"}),
    ]


def test_cells_of_numbers_and_flags_are_read_and_others_stay_text() -> None:
    (good, wrong) = from_csv(b"id,email_verified,data_offset_minutes,first_name", b"7,true,-60,7", b"7.0,yes,1e2,true")
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
        (b'a,"b"c', "malformed"),
        (b"a,b\rc", "malformed"),
        (b"a," + b"x" * 140_000, "malformed"),
        (b"a," + HUGE + HUGE, "malformed"),
    ],
)
def test_a_line_that_is_no_record_spoils_no_other(line: bytes, reason: str) -> None:
    assert from_csv(b"email,note", b"a,", line, b"c,") == [
        ImportLine(2, {"email": "a"}),
        bad(3, reason),
        ImportLine(4, {"email": "c"}),
    ]


@pytest.mark.parametrize("cell", [b"J\xfcrgen", b"Ren\xc3", b"\xff"])
def test_broken_bytes_stay_in_their_cell(cell: bytes) -> None:
    (line, good) = from_csv(b"email,first_name", b"a," + cell, b"b,B")
    assert str(line.values["first_name"]).encode("utf-8", "surrogateescape") == cell
    assert good.values == {"email": "b", "first_name": "B"}


def test_a_quote_that_is_never_closed_ends_with_a_line_that_is_too_long_or_with_the_file() -> None:
    assert from_csv(b"email,note", b'a,"open', HUGE, b"c,") == [bad(2, "malformed"), ImportLine(4, {"email": "c"})]
    assert from_csv(b"email,note", b'a,"open', b"b,") == [bad(2, "malformed")]


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        (b"", FieldError("header", "missing")),
        (b"email,shoe_size", FieldError("shoe_size", "unknown_field")),
        (b"email,Email", FieldError("Email", "unknown_field")),
        (b"email,access_ids", FieldError("access_ids", "unknown_field")),
        (b"email,", FieldError("", "unknown_field")),
        (b"email,note,email", FieldError("email", "repeated")),
        (b'"email', FieldError("header", "missing")),
        ("email,note".encode("utf-16"), FieldError("??e?m?a?i?l?", "unknown_field")),
    ],
)
def test_a_header_that_is_wrong_is_refused_before_any_record(header: bytes, fault: FieldError) -> None:
    with pytest.raises(Invalid) as refused:
        read_csv(io.BytesIO(header + b"\na@b.eu,b\n"))
    assert fault in refused.value.errors


def test_each_line_of_json_is_an_object_and_empty_ones_are_passed_over() -> None:
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
def test_a_line_of_bad_json_spoils_no_other(line: bytes, reason: str) -> None:
    good = b'{"email": "a"}'
    assert from_json(good, line, good) == [ImportLine(1, {"email": "a"}), bad(2, reason), ImportLine(3, {"email": "a"})]


class Endless(io.RawIOBase):
    """A line without an end; counts what was asked of it at once."""

    def __init__(self) -> None:
        self.left, self.most = 100 * LINE_LIMIT, 0

    def readline(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        self.most = max(self.most, size)
        self.left -= size
        return b"x" * size if self.left > 0 else b""


def test_no_more_of_a_line_is_held_than_the_limit() -> None:
    file: Any = Endless()
    assert list(read_json_lines(file)) == [bad(1, "too_long")]
    with pytest.raises(Invalid):
        read_csv(file)
    assert file.most == LINE_LIMIT


@given(st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")), max_size=8))
@example([b'"', b"", b'",'])
def test_whatever_a_file_holds_each_line_is_told_once_at_most(lines: list[bytes]) -> None:
    def numbers(read: Iterator[ImportLine]) -> list[int]:
        return [line.number for line in read]

    for found in (numbers(iter(from_json(*lines))), numbers(iter(from_csv(b"email,note", *lines)))):
        assert found == sorted(set(found))
        assert all(1 <= number <= len(lines) + 1 for number in found)


RECORDS = st.lists(st.dictionaries(st.sampled_from(["email", "note", "username"]), st.text(min_size=1), min_size=1))


@given(RECORDS)
def test_json_lines_are_read_as_they_were_written(records: list[dict[str, str]]) -> None:
    lines = [json.dumps(record).encode() for record in records]
    assert [line.values for line in from_json(*lines)] == records
