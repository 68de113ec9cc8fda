"""Fields of a body of ``multipart/form-data``, as programs send forms. Files are refused."""

import re
from typing import Final

from usercore_web.errors import BodyMalformed

MEDIA_TYPE: Final = "multipart/form-data"

_BOUNDARY: Final = re.compile(r';\s*boundary=(?:"([^"]{1,70})"|([^\s";,]{1,70}))\s*(?:;|$)', re.IGNORECASE)
"""Source: RFC 2046, 5.1.1: at most 70 characters."""

_DISPOSITION: Final = re.compile(rb'content-disposition: *form-data; *name="([^"\r\n]*)"', re.IGNORECASE)
"""The only header by which a field is told from a file, which names its file as well. Source: RFC 7578, 4.2."""

_ESCAPED: Final = {"%22": '"', "%0D": "\r", "%0A": "\n"}
"""What cannot be in a name, and how it is written. Source: WHATWG HTML, 4.10.21.8."""

_DESCRIBED: Final = re.compile(rb"content-type: *text/plain *(; *charset *= *\"?utf-8\"?)?", re.IGNORECASE)


def read_parts(body: bytes, content_type: str) -> list[tuple[str, str]]:
    """Return the names and values of the parts of a body, in their order.

    Names are as browsers write them: a quote and line breaks as ``%22``, ``%0D`` and ``%0A``.

    Raises:
        BodyMalformed: the boundary is missing, the body does not follow it, a part is no field of text in UTF-8.
    """
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise BodyMalformed
    delimiter = b"--" + (found[1] or found[2]).encode("latin-1")
    first, *parts = (b"\r\n" + body).split(b"\r\n" + delimiter)
    if first.strip() or not parts or not parts[-1].startswith(b"--") or parts[-1][2:].strip():
        raise BodyMalformed
    return [_read_part(part) for part in parts[:-1]]


def _read_part(part: bytes) -> tuple[str, str]:
    head, separator, value = part.partition(b"\r\n\r\n")
    padding, *headers = head.split(b"\r\n")
    names = [match for header in headers if (match := _DISPOSITION.fullmatch(header))]
    others = [header for header in headers if not _DISPOSITION.fullmatch(header) and not _DESCRIBED.fullmatch(header)]
    if not separator or padding.strip(b" \t") or len(names) != 1 or others:
        raise BodyMalformed
    try:
        name = names[0][1].decode("utf-8")
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        raise BodyMalformed from None
    for escaped, character in _ESCAPED.items():
        name = name.replace(escaped, character)
    return name, text
