"""The strength of a password: cheap bounds first, and the estimator (zxcvbn) only where they do not decide.

The estimator covers a password with patterns: words, keyboard walks, repeats, sequences, dates, arbitrary characters. A
cover of ``n`` patterns costs ``n! * product(guesses of each) + 10_000 ** (n - 1)`` guesses, and ``n`` arbitrary
characters cost ``10 ** n``. Three patterns are thus never below 10^8: a password can be weaker than that only if one
or two patterns cover it. Look-ups decide whether that is possible; the estimator takes up to half a second.
"""

import re
from functools import cache
from itertools import pairwise
from typing import Final

MOST_JUDGED: Final = 72
"""The number of characters that are judged; the estimator accepts no more. Source: spec P1; zxcvbn, ``max_length``."""

PROVEN: Final = 10**8
"""The guesses that the bounds can prove: three patterns or eight arbitrary characters. Source: zxcvbn's ``scoring``."""

_FREE: Final = 7
"""The most arbitrary characters that cost fewer guesses than ``PROVEN``."""

_LETTERS: Final = {
    "a": "4@",
    "b": "8",
    "c": "({[<",
    "e": "3",
    "g": "69",
    "i": "1!|7+lt",
    "o": "0",
    "s": "$5",
    "x": "%",
    "z": "2",
}
_LETTER_OF: Final = str.maketrans({sign: letter for letter, signs in _LETTERS.items() for sign in signs})
"""The letters that the estimator substitutes for signs; ``i``, ``l`` and ``t`` are one, as they share signs."""

_DATE: Final = re.compile(r"[\d\s/\\_.-]{8,10}")


def guesses_of(password: str) -> float:
    """Return the estimator's number of guesses. Slow: up to half a second."""
    if not password:  # the estimator would raise IndexError
        return 1.0
    from zxcvbn import zxcvbn  # noqa: PLC0415 - takes 30 ms and loads large lists, needed only to set a password

    return float(zxcvbn(password[:MOST_JUDGED])["guesses"])


def is_guessable(password: str, min_guesses: int) -> bool | None:
    """Return whether the estimator finds fewer guesses than ``min_guesses``, or None if that takes the estimator."""
    judged = password[:MOST_JUDGED]
    if _max_guesses(judged) < min_guesses:
        return True
    return False if min_guesses <= PROVEN and not may_be_weak(judged) else None


def _max_guesses(text: str) -> float:
    """Return an upper bound of the estimator's guesses: those of one pattern that covers the text."""
    length = len(text)
    if length <= 1 or text == text[0] * length:
        return 12 * length + 1.0
    if _is_sequence(text):
        return 52 * length + 1.0
    rank = min((words[text] for words in _ranked_words() if text in words), default=float("inf"))
    return min(rank, max(10.0**length, 51)) + 1


def may_be_weak(text: str) -> bool:
    """Return False if one or two of the estimator's patterns cannot cover the text below ``PROVEN`` guesses."""
    if len(text.lower()) != len(text):  # the estimator uses positions in the lower-case text
        return True
    return _may_match(text) or any(
        _may_match(text[:middle]) and _may_match(text[middle:]) for middle in range(1, len(text))
    )


def _may_match(part: str) -> bool:
    return (
        len(part) <= _FREE
        or _is_sequence(part)
        or _DATE.fullmatch(part) is not None
        or _is_keyboard_walk(part)
        or _may_be_word(part)
        or _may_be_repeat(part)
    )


def _may_be_word(part: str) -> bool:
    words, longest = _letter_forms()
    if len(part) > longest:
        return False
    form = _letter_form(part.lower())
    return form in words or form[::-1] in words


def _letter_form(text: str) -> str:
    return text.translate(_LETTER_OF)


def _is_sequence(part: str) -> bool:
    step = ord(part[1]) - ord(part[0])
    is_small = 0 < abs(step) <= _LARGEST_STEP
    return is_small and all(ord(second) - ord(first) == step for first, second in pairwise(part))


_LARGEST_STEP: Final = 5
"""Source: zxcvbn's ``MAX_DELTA``."""


def _is_keyboard_walk(part: str) -> bool:
    return any(
        part[:2] in neighbours and all(first + second in neighbours for first, second in pairwise(part))
        for neighbours in _keyboards()
    )


def _may_be_repeat(part: str) -> bool:
    period = (part + part).find(part, 1)
    return period < len(part) and may_be_weak(part[:period])


@cache
def _ranked_words() -> tuple[dict[str, int], ...]:
    from zxcvbn.matching import RANKED_DICTIONARIES  # noqa: PLC0415 - as above

    return tuple(RANKED_DICTIONARIES.values())


@cache
def _letter_forms() -> tuple[frozenset[str], int]:
    """Return the estimator's words of more than ``_FREE`` letters in the form for comparing, and the longest length."""
    words = "\n".join(word for ranked in _ranked_words() for word in ranked if len(word) > _FREE)
    forms = frozenset(_letter_form(words).split("\n"))  # one call for all words takes a tenth of the time
    return forms, max(map(len, forms))


@cache
def _keyboards() -> tuple[frozenset[str], ...]:
    """Return the pairs of characters on neighbouring keys, by keyboard."""
    from zxcvbn.adjacency_graphs import ADJACENCY_GRAPHS  # noqa: PLC0415 - as above

    return tuple(
        frozenset(first + second for first, keys in graph.items() for key in keys if key for second in key)
        for graph in ADJACENCY_GRAPHS.values()
    )
