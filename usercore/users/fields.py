"""A user's own fields: each is declared here once, with its rule, the calls that accept it and who may read it.

``users.update``, the calls that register users, imports, history and the reference of fields are derived from this.
Identifiers are not own fields: they have claims and rules of their own.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Final, Protocol, TypedDict, get_args

from usercore.kernel.preferences import clean_date_format, clean_language, clean_offset
from usercore.kernel.text import FieldErrors, check_text, check_type, clean_optional
from usercore.kernel.unset import UNSET, Unset
from usercore.kernel.values import frozen

NAME_LIMIT: Final = 255
REFERER_LIMIT: Final = 2000
"""The most characters of a name, label or referer. Source: REMP CRM's columns."""

NOTE_LIMIT: Final = 65_536
"""The most characters of a note. Source: as meta values, spec M1."""


class Cleaner(Protocol):
    """Checks the value of a field and returns it as it is stored; the field is named in errors."""

    def __call__(self, value: object, *, field: str) -> object:
        """Return the value to store.

        Raises:
            TypeError: the value has the wrong type.
            Invalid: the value breaks the rule of the field.
        """


@frozen(kw_only=True)
class FieldSpec:
    """The properties of a field besides its name and type.

    ``meaning`` is for the reference of fields. ``attribute`` is the attribute of ``User`` if it differs from the name.
    ``personal`` fields are blanked by an erasure. ``operator_only`` fields appear in no event, and in no history and no
    form for users.
    """

    meaning: str
    clean: Cleaner
    attribute: str | None = None
    personal: bool = False
    operator_only: bool = False


def clean_source(value: object, *, field: str = "source") -> str:
    """Return the label of the source of a user; ``unknown`` for None and "".

    Raises:
        TypeError: it is neither text nor None.
        Invalid: it is too long or has forbidden characters.
    """
    return clean_optional(value, field=field, most=NAME_LIMIT) or "unknown"


def clean_note(value: object, *, field: str = "note") -> str | None:
    """Return a note, which may have several lines, or None for None and "".

    Raises:
        TypeError: it is neither text nor None.
        Invalid: it is too long or has forbidden characters.
    """
    return None if value is None else check_text(value, field=field, most=NOTE_LIMIT, several_lines=True) or None


def clean_flag(value: object, *, field: str) -> bool:
    """Return a bool.

    Raises:
        TypeError: it is not a bool.
    """
    return check_type(value, bool, name=field)


_line: Final = partial(clean_optional, most=NAME_LIMIT)

_Text = str | None | Unset
_Number = int | None | Unset
_Flag = bool | Unset


class ExternalRegistrationFields(TypedDict, total=False):
    """The own fields of a user that ``registration.register_external`` takes."""

    first_name: Annotated[_Text, FieldSpec(meaning="first name", clean=_line, personal=True)]
    language: Annotated[_Text, FieldSpec(meaning="language tag, BCP 47, such as `sk-SK`", clean=clean_language)]
    source: Annotated[_Text, FieldSpec(meaning="label of where the user came from", clean=clean_source)]


class RegistrationFields(ExternalRegistrationFields, total=False):
    """The own fields of a user that ``registration.register`` takes."""

    last_name: Annotated[_Text, FieldSpec(meaning="last name", clean=_line, personal=True)]
    public_name: Annotated[
        _Text,
        FieldSpec(
            meaning="name shown to others; reads as the email if there is none",
            clean=_line,
            attribute="chosen_public_name",
            personal=True,
        ),
    ]
    referer: Annotated[
        _Text,
        FieldSpec(meaning="page the user came from", clean=partial(clean_optional, most=REFERER_LIMIT), personal=True),
    ]
    registration_channel: Annotated[_Text, FieldSpec(meaning="label of where the user registered", clean=_line)]
    note: Annotated[
        _Text,
        FieldSpec(meaning="note of operators, several lines", clean=clean_note, personal=True, operator_only=True),
    ]


class UserFields(RegistrationFields, total=False):
    """The own fields of a user that ``users.update`` and imports take.

    A field that is omitted or ``UNSET`` stays unchanged; None and "" clear a field.
    """

    date_format: Annotated[
        _Text, FieldSpec(meaning="`MM/DD/YYYY`, `DD/MM/YYYY` or `YYYY/MM/DD`", clean=clean_date_format)
    ]
    timestamp_offset_minutes: Annotated[
        _Number, FieldSpec(meaning="minutes east of UTC, quarter hours from -840 to 840", clean=clean_offset)
    ]
    data_offset_minutes: Annotated[
        _Number, FieldSpec(meaning="minutes east of UTC, quarter hours from -840 to 840", clean=clean_offset)
    ]
    is_institution: Annotated[_Flag, FieldSpec(meaning="whether the user is an institution", clean=clean_flag)]
    institution_name: Annotated[_Text, FieldSpec(meaning="name of the institution", clean=_line, personal=True)]


FIELDS: Final[Mapping[str, FieldSpec]] = {
    name: hint.__metadata__[0] for name, hint in UserFields.__annotations__.items()
}
"""The specification of each own field, by the name that callers use."""

ATTRIBUTES: Final[Mapping[str, str]] = {name: spec.attribute or name for name, spec in FIELDS.items()}
"""The attribute of ``User`` for each own field."""

CLEAN: Final[Mapping[str, Callable[[object], object]]] = {
    name: partial(spec.clean, field=name) for name, spec in FIELDS.items()
}
"""The cleaner of each own field: it checks a value and returns it as it is stored."""


def types_of(name: str) -> tuple[type, ...]:
    """Return the types that a field accepts."""
    return get_args(get_args(UserFields.__annotations__[name])[0])


def check_names(given: Mapping[str, object], taken: type, *, call: str) -> None:
    """Refuse keyword arguments that a call does not accept, since only type checkers read ``Unpack`` annotations.

    Args:
        given: the keyword arguments.
        taken: the class of those that the call accepts, such as ``UserFields``.
        call: the name of the call.

    Raises:
        TypeError: a name is not a field that the call accepts.
    """
    unknown = given.keys() - taken.__annotations__.keys()
    if unknown:
        msg = f"{call}() got unexpected keyword arguments: {', '.join(map(repr, sorted(unknown)))}"
        raise TypeError(msg)


def clean_own_fields(given: Mapping[str, object], errors: FieldErrors) -> dict[str, Any]:
    """Return the fields to store, by attribute of ``User``, without those that are ``UNSET``; collect errors.

    Raises:
        TypeError: a value has the wrong type.
    """
    return {ATTRIBUTES[name]: errors.take(CLEAN[name], value) for name, value in given.items() if value is not UNSET}
