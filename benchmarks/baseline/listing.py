"""W7 by hand: a thousand users by their ids, and a thousand after an id."""

from collections.abc import Sequence
from typing import Any, Final

from benchmarks.baseline.store import TENANT, ByHand
from benchmarks.baseline.users import COLUMNS, user_of
from usercore.users.model import User

MANY: Final = 1000

_BY_IDS: Final = (
    f"SELECT {COLUMNS} FROM usercore_users WHERE id IN ({', '.join('?' * MANY)}) AND +tenant_id = {TENANT}"
    " AND state = 'active' ORDER BY id"
)
"""By the primary key: the sign keeps SQLite from using the index by state."""

_AFTER: Final = (
    f"SELECT {COLUMNS} FROM usercore_users WHERE tenant_id = {TENANT} AND state = 'active' AND id > ? ORDER BY id"
    f" LIMIT {MANY + 1}"
)


class Listing(ByHand):
    """Lists active users."""

    def by_ids(self, ids: Sequence[int]) -> list[User]:
        """Return the users with a thousand ids, by id."""
        return self._users(_BY_IDS, tuple(ids))

    def after(self, user_id: int) -> list[User]:
        """Return a thousand users that follow an id, and one more if there is one."""
        return self._users(_AFTER, (user_id,))

    def _users(self, statement: str, values: Sequence[Any]) -> list[User]:
        return list(map(user_of, self.execute(statement, values).fetchall()))
