"""The text of files of records: their encoding, and their lines. Overlong lines are not held in memory."""

import codecs
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from usercore.kernel.errors import FieldError, Invalid

RECORD_LIMIT: Final = 1 << 20
"""Most characters of a record; a note may have 262,144 bytes, and JSON may escape each with six characters."""

CHUNK: Final = 1 << 14
"""Bytes that are read at once."""

_UTF_32: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, b"\0\0\0")
_MARKS: Final = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def open_text(file: BinaryIO) -> Iterator[str]:
    """Iterate over the text of a file in UTF-8 or UTF-16. Undecodable bytes become surrogates, which no field accepts.

    Raises:
        Invalid: the encoding is another one, as far as its first bytes tell.
    """
    read = getattr(file, "read1", file.read)
    start = b""
    while len(start) < len(codecs.BOM_UTF32_LE) and (more := read(CHUNK)):
        start += more
    mark, encoding = _encoding_of(start)
    return _decoded(start.removeprefix(mark), iter(lambda: read(CHUNK), b""), encoding)


def _encoding_of(start: bytes) -> tuple[bytes, str]:
    """Return the BOM and the encoding; without a BOM UTF-16 is recognised by the zero in its first character."""
    if start.startswith(_UTF_32) or (start[1:4] == b"\0\0\0"):
        error = Invalid((FieldError("encoding", "unknown"),))
        error.add_note("found what looks like UTF-32; expected UTF-8 or UTF-16")
        raise error
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            return mark, encoding
    zeros = start[:1] == b"\0", start[1:2] == b"\0"
    return b"", {(True, False): "utf-16-be", (False, True): "utf-16-le"}.get(zeros, "utf-8")


def _decoded(start: bytes, rest: Iterable[bytes], encoding: str) -> Iterator[str]:
    errors = "surrogateescape" if encoding == "utf-8" else "surrogatepass"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    yield decoder.decode(start)
    yield from map(decoder.decode, rest)
    try:
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError:  # half a character of UTF-16
        yield "\udcff"


class Lines:
    """The lines of a text, with their ends; None for one that is longer than ``RECORD_LIMIT``.

    The first end decides: where it is a CR, lines end so; else they end with LF, before which a CR may stand.
    """

    def __init__(self, chunks: Iterable[str]) -> None:
        """Read the lines of a text in chunks."""
        self._chunks = iter(chunks)

    def __iter__(self) -> Iterator[str | None]:
        """Iterate over the lines."""
        rest, is_long, end = "", False, ""
        for chunk in self._chunks:
            rest += chunk
            end = end or _end_of(rest)
            if end:
                *whole, rest = rest.split(end)
                for line in whole:
                    yield None if is_long or len(line) >= RECORD_LIMIT else line + end
                    is_long = False
            if len(rest) > RECORD_LIMIT:
                is_long, rest = True, rest[-1:]  # the last character may be the CR that decides
        if is_long or len(rest) > RECORD_LIMIT:
            yield None
        elif rest:
            yield rest


def _end_of(text: str) -> str:
    """Return what ends lines, or "" while that is undecided."""
    cr, lf = text.find("\r"), text.find("\n")
    if lf >= 0 and not 0 <= cr < lf - 1:
        return "\n"
    return "\r" if 0 <= cr < len(text) - 1 else ""
