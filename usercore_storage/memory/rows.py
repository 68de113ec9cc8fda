"""A base for repositories whose rows belong to users: add, get, list, put and remove by key."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from usercore.kernel.ids import UserId
from usercore.users.model import User
from usercore_storage.memory.undo_dict import UndoLog
from usercore_storage.memory.undo_list import UndoList

T = TypeVar("T")


@runtime_checkable
class OfUsers(Protocol):
    """A repository with rows that belong to users or are about them."""

    def rows_of(self, user_id: UserId) -> Sequence[object]:
        """Return the rows of a user of the unit's tenant, in the order of their keys."""

    def remove_user(self, user: User) -> None:
        """Remove the rows of a user who is removed."""


class MemoryRows(Generic[T]):
    """Stores rows by user, those of one user in the order of ``key``, the field that names a row beside its user."""

    def __init__(self, undo: UndoLog, key: str) -> None:
        self._key_of = attrgetter(key)
        self._rows = UndoList[UserId, Any, T](undo, self._key_of)

    def add(self, row: T) -> None:
        self._rows.add(_user_of(row), row)

    def get(self, user_id: UserId, key: Any, /) -> T | None:  # noqa: ANN401 - the key's type is the field's
        return self._rows.find(user_id, key)

    def list_of(self, user_id: UserId) -> list[T]:
        return [*self._rows.of(user_id)]

    def put(self, row: T) -> None:
        self.remove(_user_of(row), self._key_of(row))
        self.add(row)

    def remove(self, user_id: UserId, key: Any, /) -> bool:  # noqa: ANN401 - as above
        row = self._rows.find(user_id, key)
        if row is not None:
            self._rows.remove(user_id, row)
        return row is not None

    def rows_of(self, user_id: UserId) -> list[T]:
        """Return the user's rows."""
        return self.list_of(user_id)

    def remove_user(self, user: User) -> None:
        """Remove the user's rows."""
        for row in self.list_of(user.id):
            self.remove(user.id, self._key_of(row))


def _user_of(row: Any) -> UserId:  # noqa: ANN401 - every row has a user
    user_id: UserId = row.user_id
    return user_id
