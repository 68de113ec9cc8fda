"""Bodies of requests: JSON and forms, bounded."""

import json
import math
from typing import Final, NoReturn, TypeVar
from urllib.parse import parse_qsl

from usercore_web import multipart
from usercore_web.errors import BodyMalformed, BodyTooLarge, MediaTypeUnsupported

MAX_BYTES: Final = 64 * 1024
"""The largest body that is read by default. Source: usercore: more than the longest call with every field needs."""

T = TypeVar("T")

_MAX_FIELDS: Final = 1000
_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"


def read_json(body: bytes, content_type: str | None, *, max_bytes: int = MAX_BYTES) -> object:
    """Return the value of a body of JSON. Other media types are refused: browsers send them without asking first.

    Raises:
        MediaTypeUnsupported: the body is not declared as JSON.
        BodyTooLarge: it has more bytes than allowed.
        BodyMalformed: it is not JSON in UTF-8, an object names a member twice, or a number is not finite.
    """
    _check_type(content_type, _JSON, also="+json")
    _check_size(body, max_bytes)
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        raise BodyMalformed from None


def read_form(body: bytes, content_type: str | None, *, max_bytes: int = MAX_BYTES) -> dict[str, str]:
    """Return the fields of a form, as pages and programs send it: ``application/x-www-form-urlencoded`` or multipart.

    Raises:
        MediaTypeUnsupported: the body is not declared as a form.
        BodyTooLarge: it has more bytes than allowed.
        BodyMalformed: it is not UTF-8, names a field twice, has more than 1000 of them, or a file.
    """
    is_multipart = media_type_of(content_type) == multipart.MEDIA_TYPE
    if not is_multipart:
        _check_type(content_type, _FORM)
    _check_size(body, max_bytes)
    try:
        pairs = multipart.read_parts(body, content_type or "") if is_multipart else _pairs(body)
        return _unique(pairs) if len(pairs) <= _MAX_FIELDS else _refuse("too many fields")
    except ValueError:
        raise BodyMalformed from None


def _pairs(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(
        body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS, separator="&"
    )


def media_type_of(content_type: str | None) -> str:
    """Return the media type in the text of a ``Content-Type`` header, in lower case; "" if there is none."""
    return (content_type or "").partition(";")[0].strip().lower()


def _check_type(content_type: str | None, expected: str, *, also: str | None = None) -> None:
    given = media_type_of(content_type)
    if given != expected and not (also is not None and given.startswith("application/") and given.endswith(also)):
        raise MediaTypeUnsupported(expected)


def _check_size(body: bytes, max_bytes: int) -> None:
    if len(body) > max_bytes:
        raise BodyTooLarge(max_bytes)


def _unique(pairs: list[tuple[str, T]]) -> dict[str, T]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        msg = "a name occurs twice"
        raise ValueError(msg)
    return fields


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        _refuse(number)
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
