"""Forms that programs send in parts."""

from contextlib import suppress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from usercore_web import BodyMalformed, read_form

MEDIA_TYPE = "multipart/form-data; boundary=x-y"
FIELD = b'--x-y\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
END = b"\r\n--x-y--\r\n"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def written(fields: dict[str, str]) -> bytes:
    """Write fields as browsers do."""
    parts = []
    for name, value in fields.items():
        escaped = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        parts.append(f'--x-y\r\nContent-Disposition: form-data; name="{escaped}"\r\n\r\n{value}\r\n')
    return "".join([*parts, "--x-y--\r\n"]).encode()


@given(fields=st.dictionaries(TEXTS, TEXTS, max_size=4))
def test_fields_are_read_as_they_were_written(fields: dict[str, str]) -> None:
    assume(not any("%" in name for name in fields))  # browsers do not escape it, so %22 has two meanings
    assert read_form(written(fields), MEDIA_TYPE) == fields
    assert read_form(written(fields), 'Multipart/Form-Data; charset=utf-8; Boundary="x-y"') == fields


@given(body=st.binary(max_size=60) | st.lists(st.sampled_from([FIELD, END, b"--x-y", b"\r\n", b"v"])).map(b"".join))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    with suppress(BodyMalformed):
        read_form(body, MEDIA_TYPE)


def test_a_part_may_say_that_it_is_text() -> None:
    head = b'--x-y\r\ncontent-disposition:form-data;name="a"\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n'
    assert read_form(b"\r\n" + head + b"1" + END, MEDIA_TYPE) == {"a": "1"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"--x-y",
        FIELD + b"1",
        b"preamble\r\n" + FIELD + b"1" + END,
        FIELD + b"1" + END + b"more",
        FIELD + b"1\r\n--x-yz" + END,
        FIELD + b"\xff" + END,
        FIELD.replace(b"a", b"\xff") + b"1" + END,
        FIELD.replace(b'"a"', b'"a"; filename="f"') + b"1" + END,
        FIELD.replace(b"\r\n\r\n", b"\r\nContent-Type: image/png\r\n\r\n") + b"1" + END,
        FIELD.replace(b"\r\n\r\n", b'\r\nContent-Disposition: form-data; name="b"\r\n\r\n') + b"1" + END,
        b"--x-y\r\n\r\n1" + END,
        FIELD.removesuffix(b"\r\n") + b"1" + END,
        FIELD + b"1\r\n" + FIELD + b"2" + END,
        (FIELD + b"1\r\n") * 1001 + END,
    ],
)
def test_a_body_that_cannot_be_meant_is_refused(body: bytes) -> None:
    with pytest.raises(BodyMalformed):
        read_form(body, MEDIA_TYPE, max_bytes=200_000)


@pytest.mark.parametrize(
    "parameters", ["", "; boundary=", f"; boundary={'x' * 71}", "; boundary=\u20ac", "; border=x-y"]
)
def test_a_boundary_is_needed(parameters: str) -> None:
    with pytest.raises(BodyMalformed):
        read_form(written({"a": "1"}), f"multipart/form-data{parameters}")
