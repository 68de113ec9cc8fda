"""How a user's own fields enter, and which moves between states there are. Pure."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from usercore.kernel.entity import evolve
from usercore.kernel.preferences import clean_date_format, clean_language, clean_offset
from usercore.kernel.text import check_text, check_type, clean_optional
from usercore.users.errors import ExternalIdLinked, WrongState
from usercore.users.keys import email_key
from usercore.users.model import User, UserState

NAME_LIMIT: Final = 255
REFERER_LIMIT: Final = 2000
"""Characters of names, labels and referers. Source: REMP CRM's columns."""

NOTE_LIMIT: Final = 65_536
"""Characters of a note. Source: as meta values, spec M1."""


def clean_source(value: object) -> str:
    """Give the label of where somebody came from; ``unknown`` if none.

    Raises:
        TypeError: it is neither text nor None.
        Invalid: it is too long or has forbidden characters.
    """
    return clean_optional(value, field="source", most=NAME_LIMIT) or "unknown"


def clean_note(value: object) -> str | None:
    """Give a note, which may have several lines, or None for None and "".

    Raises:
        TypeError: it is neither text nor None.
        Invalid: it is too long or has forbidden characters.
    """
    return None if value is None else check_text(value, field="note", most=NOTE_LIMIT, several_lines=True) or None


def _line(field: str, most: int = NAME_LIMIT) -> Callable[[object], object]:
    return partial(clean_optional, field=field, most=most)


CLEAN: Final[Mapping[str, Callable[[object], object]]] = {
    "first_name": _line("first_name"),
    "last_name": _line("last_name"),
    "given_public_name": _line("public_name"),
    "language": clean_language,
    "date_format": clean_date_format,
    "timestamp_offset_minutes": lambda value: clean_offset(value, field="timestamp_offset_minutes"),
    "data_offset_minutes": lambda value: clean_offset(value, field="data_offset_minutes"),
    "source": clean_source,
    "referer": _line("referer", REFERER_LIMIT),
    "registration_channel": _line("registration_channel"),
    "note": clean_note,
    "is_institution": lambda value: check_type(value, bool, name="is_institution"),
    "institution_name": _line("institution_name"),
}
"""How each of a user's own fields enters."""


def without_email_as_name(user: User) -> User:
    """Return the user without a public name that spells their email: it reads as the email and follows it."""
    copies = is_spelling_of(user.given_public_name, user.email)
    return evolve(user, given_public_name=None) if copies else user


def is_spelling_of(text: str | None, email: str | None) -> bool:
    """Return whether a text is this email, perhaps in another spelling of the same key."""
    if text is None or email is None or "@" not in text:
        return False
    try:
        return email_key(text) == email_key(email)
    except ValueError:  # the text has no domain
        return False


def check_linkable(user: User, external_id: str) -> bool:
    """Say whether the external id is to be linked; False if the user has this very one.

    Raises:
        ExternalIdLinked: the user has another one.
    """
    if user.external_id not in (None, external_id):
        raise ExternalIdLinked
    return user.external_id is None


def check_movable(user: User, to: UserState) -> bool:
    """Say whether the user is to be moved to this state; False if already there.

    Raises:
        WrongState: only an active user is deactivated, and only a deactivated one activated.
    """
    if user.state is to:
        return False
    if {user.state, to} != {UserState.ACTIVE, UserState.DEACTIVATED}:
        raise WrongState(str(user.state))
    return True
