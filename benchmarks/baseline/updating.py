"""W9 by hand: change a field of a user."""

from typing import Final

from benchmarks.baseline.store import TENANT, ByHand, line, micros_of, to_json
from benchmarks.baseline.users import COLUMNS, user_of
from benchmarks.baseline.words import ADD, HAD, REMOVE, words_of
from usercore.kernel.errors import UserNotFound
from usercore.users.model import User

_OLD: Final = f"SELECT first_name FROM usercore_users WHERE id = ? AND tenant_id = {TENANT} AND state <> 'erased'"
_CHANGE: Final = (
    "UPDATE usercore_users SET first_name = ?, modified_at = ?, modified_by = 'host', version = version + 1,"
    f" change_no = change_no + 1 WHERE id = ? RETURNING {COLUMNS}"
)
_LEAVE: Final = f"UPDATE usercore_users SET change_no = change_no + 1 WHERE id = ? RETURNING {COLUMNS}"
_RECORD: Final = (
    "INSERT INTO usercore_history (subject_id, subject, change_no, position, tenant_id, kind, at, actor, old_text,"
    f" new_text) VALUES (?, 'user', ?, 0, {TENANT}, 'user.updated', ?, 'host', ?, ?)"
)


class Updating(ByHand):
    """Changes the first name, with the history that usercore stores, too."""

    def update(self, user_id: int, first_name: str) -> User:
        """Change the first name and return the user.

        Raises:
            UserNotFound: no user has this id.
        """
        return self.store.write(self._update, user_id, line(first_name))

    def _update(self, user_id: int, first_name: str) -> User:
        execute, at = self.execute, micros_of(self.clock())
        found = execute(_OLD, (user_id,)).fetchone()  # no other writer can come in between
        if found is None:
            raise UserNotFound
        (old,) = found
        if old == first_name:
            return user_of(execute(_LEAVE, (user_id,)).fetchone())
        user = user_of(execute(_CHANGE, (first_name, at, user_id)).fetchone())
        self._replace_words(user)
        texts = to_json({"first_name": old}), to_json({"first_name": first_name})
        execute(_RECORD, (user_id, user.change_no, at, *texts))
        return user

    def _replace_words(self, user: User) -> None:
        had = {word for (word,) in self.execute(HAD, (user.id,)).fetchall()}
        has = set(words_of(user.email or "", user.first_name, user.last_name))
        self.many(REMOVE, [(user.id, word) for word in had - has])
        self.many(ADD, [(user.id, word) for word in has - had])
