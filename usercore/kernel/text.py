"""Validation of text: type, length, forbidden characters, normalisation, length again; one function for each kind.

The length is checked first because normalising is quadratic on combining marks: 400,000 of them would occupy a core for
minutes. A wrong type is a programming error (``TypeError``), a wrong content is the user's (``Invalid``, by field).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NoReturn, ParamSpec, TypeVar, cast
from unicodedata import category, combining, normalize

from usercore.kernel.errors import FieldError, Invalid
from usercore.kernel.unicode14 import are_assigned
from usercore.kernel.unset import UNSET

P = ParamSpec("P")
T = TypeVar("T")

DIRECTION_MARKS: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that make a text look like another one. Source: Unicode, property Bidi_Control."""

_BREAKS: Final = frozenset({"Cc", "Zl", "Zp"})
_SPREAD: Final = 4
"""NFC never shortens a text to less than a quarter; a text longer than this many times the limit is refused at once."""

_PLAIN: Final[Mapping[type, Callable[[Any], object]]] = {str: str.__str__, int: int.__int__}
"""Functions that return the plain value of a subclass instance without calling the subclass's methods."""

_MARKS: Final = 30
"""Most combining marks in a row; more are slow to normalise in long notes. Source: UAX 15, Stream-Safe Text Format."""


def refuse(field: str, reason: str) -> NoReturn:
    """Raise the error that names one field.

    Raises:
        Invalid: always.
    """
    raise Invalid((FieldError(field, reason),))


def check_type(value: object, kind: type[T], *, name: str) -> T:
    """Return ``value`` if it is of this type; a bool is not an int. A subclass of str or int becomes plain.

    Raises:
        TypeError: it is not.
    """
    if type(value) is kind:
        return value
    if isinstance(value, kind) and not isinstance(value, bool):
        plain = _PLAIN.get(kind)
        return value if plain is None else cast("T", plain(value))
    msg = f"{name} must be {kind.__name__}, not {type(value).__name__}"
    raise TypeError(msg)


def check_text(value: object, *, field: str, most: int, several_lines: bool = False, trim: bool = False) -> str:
    """Return ``value`` in NFC if it is text of at most ``most`` characters that can be shown.

    NUL, controls, lone surrogates and direction marks are refused; ``several_lines`` allows line ends and tabs.
    ``trim`` removes white space at the ends first, line ends included.

    Raises:
        TypeError: it is not text.
        Invalid: ``too_long``, ``control_character``, ``direction_mark``, ``not_unicode`` or ``too_many_marks``.
    """
    text = value if type(value) is str else check_type(value, str, name=field)
    if len(text) > most * _SPREAD:
        refuse(field, "too_long")
    if trim:
        text = text.strip()
    if len(text) <= most and text.isascii() and text.isprintable():
        return text  # the common case: there is nothing to check or to normalise
    if not text.isprintable():  # a fast check that is too strict, so inspect what fails it
        _check_characters(text, field, allowed="\n\r\t" if several_lines else "")
    if len(text) > _MARKS and not text.isascii():
        _check_marks(text, field)
    text = normalize("NFC", text)
    if len(text) > most:
        refuse(field, "too_long")
    return text


def _plain_text(value: object, field: str) -> str:
    # An instance of a subclass of str is copied, so that none of the subclass's own methods are called.
    return value if type(value) is str else str.__str__(check_type(value, str, name=field))


def _check_characters(text: str, field: str, *, allowed: str) -> None:
    for character in text:
        kind = category(character)
        if kind == "Cs":
            refuse(field, "not_unicode")
        if kind in _BREAKS and character not in allowed:
            refuse(field, "control_character")
        if character in DIRECTION_MARKS:
            refuse(field, "direction_mark")


def _check_marks(text: str, field: str) -> None:
    marks = 0
    for character in text:
        marks = marks + 1 if combining(character) else 0
        if marks > _MARKS:
            refuse(field, "too_many_marks")


def is_blank(value: object) -> bool:
    """Return whether a value clears a field: None and "" do; a value that merely compares equal to them does not."""
    return value is None or (isinstance(value, str) and not value)


def clean_line(value: object, *, field: str, most: int, empty: bool = True) -> str:
    """Return one line of text without white space at its ends, of at most ``most`` characters.

    Raises:
        TypeError: it is not text.
        Invalid: as ``check_text``, or ``empty`` if that is not allowed.
    """
    text = check_text(value, field=field, most=most).strip()
    if not text and not empty:
        refuse(field, "empty")
    return text


def clean_name(value: object, *, field: str, most: int) -> str:
    """Return a name that is unique ignoring case and width: one line that is not empty.

    Raises:
        TypeError: it is not text.
        Invalid: as ``clean_line``, or ``unassigned``.
    """
    text = clean_line(value, field=field, most=most, empty=False)
    check_assigned(text, field=field)
    return text


def clean_optional(value: object, *, field: str, most: int) -> str | None:
    """Return one line of text, or None for None and for empty or blank text.

    Raises:
        TypeError: it is neither text nor None.
        Invalid: as ``check_text``.
    """
    return None if value is None else check_text(value, field=field, most=most).strip() or None


def clean_exact(value: object, *, field: str, most: int) -> str:
    """Return one of the host's identifiers: one line, unchanged but for NFC, no white space at its ends.

    Raises:
        TypeError: it is not text.
        Invalid: as ``check_text``, or ``empty``, ``white_space`` or ``unassigned``.
    """
    plain = _plain_text(value, field)
    trimmed = plain.strip()
    if not trimmed:
        refuse(field, "empty")
    if len(trimmed) < len(plain):  # checked first: a line end is white space and a control character
        refuse(field, "white_space")
    text = check_text(plain, field=field, most=most)
    check_assigned(text, field=field)
    return text


def check_assigned(text: str, *, field: str) -> None:
    """Refuse characters that Unicode 14 does not assign, so that Python versions agree on identifiers.

    Raises:
        Invalid: ``unassigned``.
    """
    if not text.isascii() and not are_assigned(text):
        refuse(field, "unassigned")


class FieldErrors:
    """Collects the errors of several fields, so that one exception reports all of them."""

    def __init__(self, faults: Iterable[FieldError] = ()) -> None:
        """Create a collection of these errors."""
        self._faults: list[FieldError] = [*faults]

    def __iter__(self) -> Iterator[FieldError]:
        """Iterate over the errors in the order in which they were found."""
        return iter(self._faults)

    def take(self, clean: Callable[P, T], *values: P.args, **options: P.kwargs) -> T | None:
        """Return the result of ``clean`` for these values, or None after adding the errors that it raised."""
        try:
            return clean(*values, **options)
        except Invalid as refusal:
            self._faults += refusal.errors
            return None

    def add(self, field: str, reason: str) -> None:
        """Add an error."""
        self._faults.append(FieldError(field, reason))

    def check(self) -> None:
        """Raise if there are errors.

        Raises:
            Invalid: with all errors, in the order in which they were found.
        """
        if self._faults:
            raise Invalid(tuple(self._faults))


def clean_fields(
    clean_of: Mapping[str, Callable[[object], object]], given: Mapping[str, object], errors: FieldErrors
) -> dict[str, Any]:
    """Clean each given value by the cleaner of its field, leave out fields that are not given, and collect errors.

    Raises:
        TypeError: a value has the wrong type.
    """
    return {field: errors.take(clean_of[field], value) for field, value in given.items() if value is not UNSET}


def unique_key(text: str) -> str:
    """Return the key of a username or unique name: without case and width."""
    return normalize("NFKC", normalize("NFKC", text).casefold())
