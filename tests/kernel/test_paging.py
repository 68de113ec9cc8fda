"""A cursor contains the position at which its page ended, and no other text is accepted as one."""

import base64
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import fault_of
from usercore.kernel.errors import FieldError, Invalid
from usercore.kernel.paging import PAGE_LIMIT, NumberedPage, Page, check_limit, page_of, read_cursor, write_cursor
from usercore.kernel.text import unique_key
from usercore.testing.strategies import hostile_text, storable_text

PLACES = st.lists(st.one_of(st.integers(-(2**63) + 1, 2**63 - 1), storable_text()), max_size=5).map(tuple)


def encode(text: str) -> str:
    """Encode any text like a cursor."""
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode()


def check_refused(cursor: str, *kinds: type) -> None:
    """Expect the one error of a malformed cursor."""
    assert fault_of(lambda: read_cursor(cursor, *kinds)) == FieldError("cursor", "malformed")


@pytest.mark.rule("T3", "X2")
@given(PLACES)
def test_a_cursor_is_decoded_to_its_position(place: tuple[int | str, ...]) -> None:
    cursor = write_cursor(place)
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=")
    assert read_cursor(cursor, *map(type, place)) == place


@pytest.mark.rule("T3")
@pytest.mark.parametrize("character", ["a", "é", "漢", "😀", "ﷺ", "\u0390"], ids=ascii)
def test_the_longest_name_fits_into_a_cursor(character: str) -> None:
    place = (unique_key(character * 256),)
    assert read_cursor(write_cursor(place), str) == place


@pytest.mark.rule("T3")
def test_none_is_the_start() -> None:
    assert read_cursor(None, int) is None


MALFORMED = {
    "nothing": "",
    "no base64": "*",
    "no ASCII": "é",
    "not Unicode": "\ud800",
    "bad padding": encode("[1]")[:-1],
    "a line end": encode("[1]") + "\n",
    "no JSON": encode("x"),
    "half": encode("[1"),
    "no UTF-8": base64.urlsafe_b64encode(b'["\xff"]').decode(),
    "a number": encode("1"),
    "a text": encode('"1"'),
    "an object": encode('{"0": 1}'),
    "null": encode("[null]"),
    "a bool": encode("[true]"),
    "a float": encode("[1.0]"),
    "no number": encode("[NaN]"),
    "a list": encode("[[1]]"),
    "another type": encode('["1"]'),
    "too few": encode("[]"),
    "too many": encode("[1, 2]"),
    "too big": encode(f"[{2**63}]"),
    "too small": encode(f"[-{2**63}]"),
    "huge": encode(f"[{'9' * 10_000}]"),
    "deep": encode("[" * 10_000),
    "blown up": encode("[1]" + " " * 100_000),
    "ten megabytes": "x" * 10_000_000,
}


@pytest.mark.rule("T3")
@pytest.mark.parametrize("cursor", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_cursor_is_refused(cursor: str) -> None:
    check_refused(cursor, int)


@pytest.mark.rule("T3")
@pytest.mark.parametrize("text", ["\\u0000", "\\ud800", "a\\udfffb"])
def test_a_cursor_with_a_text_that_cannot_be_stored_is_refused(text: str) -> None:
    check_refused(encode(f'["{text}"]'), str)


@pytest.mark.rule("T3")
@given(
    st.one_of(
        hostile_text(),
        hostile_text().map(encode),
        st.recursive(st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text()), st.lists)
        .map(json.dumps)
        .map(encode),
    )
)
def test_any_text_is_a_valid_cursor_or_refused(cursor: str) -> None:
    with suppress(Invalid):
        place = read_cursor(cursor, int, str)
        assert place is not None
        assert list(map(type, place)) == [int, str]


@pytest.mark.parametrize("cursor", [1, b"", ["x"], True], ids=repr)
def test_a_cursor_that_is_not_a_string_raises_type_error(cursor: str) -> None:
    with pytest.raises(TypeError, match="cursor must be str"):
        read_cursor(cursor, int)


@pytest.mark.rule("T3", "U10")
@given(st.lists(st.integers()), st.integers(1, 10))
def test_a_page_ends_with_a_cursor_only_if_there_is_more(rows: list[int], limit: int) -> None:
    page = page_of(rows[: limit + 1], limit, lambda row: (row,))
    assert page.rows == tuple(rows[:limit])
    assert page.cursor == (write_cursor((rows[limit - 1],)) if len(rows) > limit else None)


def test_a_page_without_rows_is_empty() -> None:
    assert page_of([], 1, lambda row: (row,)) == Page((), None)


@pytest.mark.rule("T3", "U10")
@pytest.mark.parametrize("limit", [1, 2, PAGE_LIMIT])
def test_a_limit_in_range_is_accepted(limit: int) -> None:
    assert check_limit(limit) == limit


@pytest.mark.rule("T3", "U10")
@pytest.mark.parametrize("limit", [0, -1, PAGE_LIMIT + 1, 10**100])
def test_a_limit_out_of_range_is_refused(limit: int) -> None:
    assert fault_of(lambda: check_limit(limit)) == FieldError("limit", "out_of_range")


@pytest.mark.parametrize("limit", [None, "10", 10.0, True], ids=repr)
def test_a_limit_that_is_not_an_integer_raises_type_error(limit: int) -> None:
    with pytest.raises(TypeError, match="limit must be int"):
        check_limit(limit)


def test_iterating_over_a_page_yields_its_rows() -> None:
    page = Page(("a", "b"), None)
    assert list(page) == [*page] == ["a", "b"]


def test_a_page_is_as_long_as_its_rows_and_false_without_any() -> None:
    assert len(Page(("a", "b"), "cursor")) == 2
    assert not Page((), None)
    assert len(NumberedPage(rows=("a", "b"), page=1, total_count=9)) == 2
    assert not NumberedPage(rows=(), page=1, total_count=0)
