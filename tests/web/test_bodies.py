"""Bodies of requests."""

import json
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore_web import BodyMalformed, BodyTooLarge, MediaTypeUnsupported, read_form, read_json

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(value=VALUES)
def test_json_is_read_as_it_was_written(value: Any) -> None:
    assert read_json(json.dumps(value).encode(), "application/json; charset=utf-8") == value
    assert read_json(json.dumps(value).encode(), "application/merge-patch+json") == value


@given(fields=st.dictionaries(st.text(max_size=10), st.text(max_size=10), max_size=5))
def test_a_form_is_read_as_it_was_written(fields: dict[str, str]) -> None:
    assert read_form(urlencode(fields, errors="surrogatepass").encode(), FORM) == fields


@given(body=st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for read, media_type in ((read_json, JSON), (read_form, FORM)):
        with suppress(BodyMalformed):
            read(body, media_type)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"\xef\xbb\xbf{}", b'{"a": 1, "a": 2}', b"NaN", b"-Infinity", b"1e999", b"[" * 100_000]
)
def test_a_body_that_is_not_one_value_of_json_is_refused(body: bytes) -> None:
    with pytest.raises(BodyMalformed):
        read_json(body, JSON, max_bytes=1_000_000)


@pytest.mark.parametrize("body", [b"a=1&a=2", b"a=%ff", b"\xff=1", b"&".join([b"a=1"] * 2000)])
def test_a_form_that_cannot_be_meant_is_refused(body: bytes) -> None:
    with pytest.raises(BodyMalformed):
        read_form(body, FORM)


@pytest.mark.parametrize(
    "media_type",
    [None, "", "text/plain", FORM, "multipart/form-data; boundary=x", "text/json", "text/x+json", "application/jsonp"],
)
def test_json_of_another_media_type_is_refused(media_type: str | None) -> None:
    with pytest.raises(MediaTypeUnsupported) as refusal:
        read_json(b"{}", media_type)
    assert refusal.value.expected == JSON


def test_a_form_of_another_media_type_is_refused() -> None:
    with pytest.raises(MediaTypeUnsupported):
        read_form(b"a=1", JSON)


@given(size=st.integers(0, 40))
def test_a_body_has_at_most_as_many_bytes_as_allowed(size: int) -> None:
    body = json.dumps("x" * size).encode()
    assert read_json(body, JSON, max_bytes=len(body)) == "x" * size
    with pytest.raises(BodyTooLarge) as refusal:
        read_json(body, JSON, max_bytes=len(body) - 1)
    assert refusal.value.max_bytes == len(body) - 1
