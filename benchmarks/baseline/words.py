"""Words of users by hand: the table by whose index users are searched."""

from collections.abc import Iterator
from typing import Final
from unicodedata import normalize

from benchmarks.baseline.store import TENANT

ADD: Final = f"INSERT INTO usercore_user_words (user_id, word, tenant_id) VALUES (?, ?, {TENANT})"
REMOVE: Final = "DELETE FROM usercore_user_words WHERE user_id = ? AND word = ?"
HAD: Final = "SELECT word FROM usercore_user_words WHERE user_id = ?"

_LEAST: Final = 3
_MOST: Final = 64


def words_of(email: str, *names: str | None) -> Iterator[str]:
    """Yield the words by which a user is found: the email and the words of names, which have no marks here."""
    words = {word[:_MOST] for text in (email, *names) if text for word in _fold(text).split() if len(word) >= _LEAST}
    before = ""
    for word in sorted(words, reverse=True):  # one with which another begins comes right after that one
        if not before.startswith(word):
            yield word
        before = word


def _fold(text: str) -> str:
    return text.lower() if text.isascii() else normalize("NFKC", normalize("NFKC", text).casefold())
