"""What the environment of WSGI says about a body."""

import io

import pytest

from usercore_web.wsgi import request_of


@pytest.mark.parametrize(
    ("declared", "read"),
    [
        ("", b""),
        ("0", b""),
        ("3", b"abc"),
        ("4", b"abcd"),
        ("400", b"abcde"),
        ("9" * 5000, b"abcde"),
        ("-1", b""),
        ("+3", b""),
        ("1e1", b""),
    ],
)
def test_of_a_body_at_most_one_byte_more_is_read_than_may_be_there(declared: str, read: bytes) -> None:
    environ = {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": declared, "wsgi.input": io.BytesIO(b"abcdefgh")}
    assert request_of(environ, max_body_bytes=4).body == read
