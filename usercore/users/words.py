"""Words: what users are found by, and how a query is split into the words to find. Pure."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from operator import attrgetter
from typing import Final

from usercore.kernel.errors import Invalid
from usercore.kernel.ids import UserId
from usercore.kernel.references import user_id_of
from usercore.kernel.text import check_text, refuse, unique_key
from usercore.kernel.unicode14 import are_assigned, is_assigned
from usercore.users.characters import is_letter_or_digit
from usercore.users.keys import email_key
from usercore.users.model import User, UserState

SHORTEST: Final = 3
"""The fewest characters of a word. Source: spec U11."""

QUERY_LIMIT: Final = 512
"""The most characters of a query. Source: usercore: an email of 254 characters and two names fit in."""

STORED_CHARACTERS: Final = 64
"""The characters of a word that storages index. Source: usercore: few words are longer, and an index stays small."""

MAX_WORDS: Final = 64
"""The most words by which a user is found. Source: usercore: more would be the work of someone who fills the store."""

_SOURCES: Final = attrgetter(
    "state", "email", "username", "first_name", "last_name", "chosen_public_name", "institution_name"
)

AFTER_ALL: Final = "\U0010ffff"
"""A noncharacter, which no word contains and every other character precedes."""


def fold(text: str) -> str:
    """Return text without case and width; characters that Unicode 14 does not assign become blanks.

    So every Python version folds alike, and what one process stored is found by another.
    """
    if text.isascii():
        return text.lower()
    if not are_assigned(text):
        text = "".join(character if is_assigned(character) else " " for character in text)
    return unique_key(text)


def words_of(user: User) -> tuple[str, ...]:
    """Return the words whose beginnings find a user, folded, each once, at most 64; an erased user has none.

    They are the email, the username, and the words of each name. A word of a name reaches to the next blank, and one
    begins after a hyphen or another mark, too: ``Anna-Maria`` has the words ``anna-maria`` and ``maria``.
    """
    if user.state is UserState.ERASED:
        return ()
    words = [word for word in dict.fromkeys(_words(user)) if len(word) >= SHORTEST]
    return tuple(words[:MAX_WORDS])


def _words(user: User) -> list[str]:
    words: list[str] = []
    if user.email is not None:
        words.append(fold(user.email))
        with suppress(ValueError):  # text that is no email, which usercore itself never stores
            words.append(fold(email_key(user.email)))
    if user.username is not None:
        words.append(fold(user.username))
    for name in (user.first_name, user.last_name, user.chosen_public_name, user.institution_name):
        if name is not None:
            for token in fold(name).split():
                words.append(token)
                if not token.isalnum():
                    words += _beginnings(token)
    return words


def _beginnings(token: str) -> Iterator[str]:
    """Iterate over the parts of a token that begin after a hyphen or another mark and reach to its end."""
    for place in range(1, len(token)):
        if is_letter_or_digit(token[place]) and not is_letter_or_digit(token[place - 1]):
            yield token[place:]


def stored_words(user: User) -> list[str]:
    """Return what a storage indexes for a user, in order: the first 64 characters of each of the user's words.

    A word with which another one begins is left out: whatever finds it finds the other.
    """
    starts = sorted({word[:STORED_CHARACTERS] for word in words_of(user)})
    return [word for word, following in zip(starts, [*starts[1:], ""], strict=False) if not following.startswith(word)]


def may_differ(old: User, new: User) -> bool:
    """Return whether the words of two states of a user may differ: a field that they are made of does."""
    return _SOURCES(old) != _SOURCES(new)


def words_of_query(text: object, *, most: int) -> list[str]:
    """Return the words of a query, folded, each once: each has three characters or more, or is a whole id.

    Raises:
        TypeError: it is not text.
        Invalid: ``empty``, ``count`` (more than ``most`` words), ``too_short``, or a reason of ``check_text``.
    """
    words = list(dict.fromkeys(fold(check_text(text, field="query", most=QUERY_LIMIT, several_lines=True)).split()))
    if not words:
        refuse("query", "empty")
    if len(words) > most:
        refuse("query", "count")
    if any(len(word) < SHORTEST and id_in(word) is None for word in words):
        refuse("query", "too_short")
    return words


def id_in(word: str) -> UserId | None:
    """Return the id of a user that a word represents, or None."""
    try:
        return user_id_of(word)
    except Invalid:
        return None


def is_found_by(user: User, words: Iterable[str]) -> bool:
    """Return whether each of the folded words is the user's id or the beginning of one of the user's words."""
    own = words_of(user)
    return all(word == str(user.id) or any(one.startswith(word) for one in own) for word in words)
