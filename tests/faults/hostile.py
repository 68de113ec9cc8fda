"""Values of wrong types, and texts that cannot be stored."""

from typing import Any, Final

TEXTS: Final = {
    "NUL": "a\0b@example.com",
    "a bell": "a\x07b@example.com",
    "a C1 control": "a\x9bb@example.com",
    "a line separator": "a\u2028b@example.com",
    "a lone surrogate": "a\ud800b@example.com",
    "surrogates that would make a pair": "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16") + "\udfff",
    "an override of direction": "\u202eb@example.com",
    "an isolate of direction": "a\u2066b@example.com",
    "10 MB": "a" * 10_000_000,
    "10 MB of two bytes": "ß" * 5_000_000,
    "10 MB in parts": "a-" * 5_000_000,
    "10 MB like a public id": "uca-" + "z" * 10_000_000 + "-a",
    "10 MB of digits": "9" * 10_000_000,
    "400,000 combining marks": "e" + "\u0301" * 400_000,
    "400,000 marks out of order": "e" + "\u0301\u0316" * 200_000,
}

WRONG: Final[dict[str, Any]] = {
    "a list": [],
    "a list of text": ["text"],
    "a dict": {},
    "bytes": b"bytes",
    "an int": 7,
    "True": True,
    "None": None,
    "a float": 1.5,
    "not a number": float("nan"),
    "an object": object(),
    "a text": "text",
    "a type": str,
}


class Hostile:
    """Equals everything, and cannot be converted to text."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __len__(self) -> int:
        return 1

    def __str__(self) -> str:
        raise AssertionError("it was shown")

    __repr__ = __str__


NO_TEXT: Final = [name for name, value in WRONG.items() if not isinstance(value, str)]
