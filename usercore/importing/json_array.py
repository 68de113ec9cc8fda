"""The elements of a JSON array, one after the other, so that at most one of them is in memory."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from usercore.importing.text_lines import RECORD_LIMIT

MALFORMED: Final = "?"
"""The text for an element that is missing or has no end; it is not valid JSON."""

_STRUCTURE: Final = re.compile(r'[\[\]{},"]|\r\n?|\n')
_IN_STRING: Final = re.compile(r'\\(?:\r\n?|.|\Z)|"|\r\n?|\n', re.DOTALL)

Found = tuple[int, str | None]
"""The line in which an element starts, and its text; None for one that is longer than ``RECORD_LIMIT``."""


def elements(chunks: Iterable[str]) -> Iterator[Found]:
    """Iterate over the elements of an array, whose text is passed in chunks."""
    array = _Array()
    for chunk in chain(chunks, "\n"):
        yield from array.feed(chunk)
    yield from array.end()


class _Array:
    """The state of reading an array."""

    def __init__(self) -> None:
        self._rest = ""
        self._line = 1
        self._depth = 0
        self._in_string = False
        self._is_first = True
        self._is_over = False
        self._clear()

    def _clear(self) -> None:
        self._number: int | None = None
        self._size = 0
        self._parts: list[str] = []

    def feed(self, chunk: str) -> Iterator[Found]:
        """Iterate over the elements that this chunk completes."""
        text = self._rest + chunk
        start = place = 0
        while match := (_IN_STRING if self._in_string else _STRUCTURE).search(text, place):
            if match.end() == len(text) and match[0] in {"\r", "\\", "\\\r"}:
                break  # the next chunk decides what it is
            place = match.end()
            if self._ends_element(match[0]):
                self._add(text[start : match.start()])
                if not (self._is_first and match[0] == "]" and self._number is None):
                    yield from self._element()
                self._is_first = False
                start = place
            elif not self._in_string and (match[0][-1] in "\r\n" or self._opens(match[0])):
                self._add(text[start:place] if self._depth or self._is_over else "")
                start = place
            self._move(match[0])
        held = match.start() if match else len(text)
        self._add(text[start:held])
        self._rest = text[held:]

    def _opens(self, mark: str) -> bool:
        return mark == "[" and not self._depth and not self._is_over

    def _ends_element(self, mark: str) -> bool:
        return self._depth == 1 and not self._in_string and mark in {",", "]"}

    def _move(self, mark: str) -> None:
        """Update the state for a structural character."""
        if mark[-1] in "\r\n":
            self._line += 1
        elif mark == '"':
            self._number = self._number or self._line
            self._in_string = not self._in_string
        elif self._in_string or self._is_over:
            return
        elif mark in {"[", "{"}:
            self._depth += 1
        elif mark == "]" or (mark == "}" and self._depth > 1):
            self._depth -= 1
            self._is_over = not self._depth

    def _add(self, text: str) -> None:
        if self._number is None and text.strip():
            self._number = self._line
        self._size += len(text)
        if self._size > RECORD_LIMIT:
            self._parts.clear()
        else:
            self._parts.append(text)

    def _element(self, *, is_whole: bool = True) -> Iterator[Found]:
        number, is_empty = self._number or self._line, self._number is None
        text = None if self._size > RECORD_LIMIT else "".join(self._parts) if is_whole and not is_empty else MALFORMED
        self._clear()
        yield number, text

    def end(self) -> Iterator[Found]:
        """Iterate over the rest: an element without an end, or text after the array."""
        if self._number is not None or not self._is_over:
            yield from self._element(is_whole=False)
