"""Attempts to sign in and to register, in memory."""

from collections.abc import Iterator
from datetime import datetime
from typing import Generic, TypeVar

from usercore.attempts.model import Attempt, RegistrationAttempt
from usercore.attempts.ports import AttemptRepository, RegistrationAttemptRepository, UserAgentRepository
from usercore.kernel.entity import evolve
from usercore.kernel.ids import TenantId, UserId
from usercore.storage.recording import RecordingUnit
from usercore.users.keys import login_key
from usercore.users.model import User
from usercore_storage.memory.undo_dict import UndoDict, UndoLog, oldest
from usercore_storage.memory.undo_list import UndoList

T = TypeVar("T", bound=Attempt | RegistrationAttempt)


class _Attempts(Generic[T]):
    """Attempts by tenant and user, each list by id; those without a user have the key None."""

    def __init__(self, undo: UndoLog, unit: RecordingUnit) -> None:
        self._attempts = UndoList[tuple[TenantId, UserId | None], int, T](undo, lambda attempt: attempt.id)
        self._without_user = UndoDict[int, TenantId](undo)  # their ids are unique in all tenants
        self._unit = unit

    def add(self, attempt: T) -> None:
        if attempt.user_id is None:
            self._without_user.add(attempt.id, attempt.tenant_id)
        self._attempts.add((attempt.tenant_id, attempt.user_id), attempt)

    def list_of(self, user_id: UserId | None, *, before: int | None, limit: int) -> list[T]:
        return self._attempts.newest((self._unit.tenant_id, user_id), before=before, limit=limit)

    def instants(self) -> Iterator[datetime]:
        """Iterate over the instants of all attempts, of any tenant."""
        return (attempt.at for _, attempt in self._attempts.everything())

    def remove_of(self, user_id: UserId, *, limit: int) -> int:
        group = self._unit.tenant_id, user_id
        removed = list(self._attempts.of(group)[:limit])
        for attempt in removed:
            self._attempts.remove(group, attempt)
        return len(removed)

    def erase_login(self, login: str, *, keep: UserId | None, limit: int) -> int:
        key, tenant_id = login_key(login), self._unit.tenant_id
        found = [
            (group, attempt)
            for group, attempt in self._attempts.everything()
            if group[0] == tenant_id and attempt.login is not None and login_key(attempt.login) == key
            if keep is None or attempt.user_id != keep
        ][:limit]
        for group, attempt in found:
            self._attempts.remove(group, attempt)
            if attempt.user_id is None:
                self._without_user.remove(attempt.id)
            else:
                self._attempts.add(group, evolve(attempt, login=None))
        return len(found)

    def remove_before(self, before: datetime, *, limit: int) -> int:
        removed = oldest(self._attempts.everything(), lambda pair: pair[1].at, before=before, limit=limit)
        for group, attempt in removed:
            self._attempts.remove(group, attempt)
            if attempt.user_id is None:
                self._without_user.remove(attempt.id)
        return len(removed)

    def rows_of(self, user_id: UserId) -> list[T]:
        """Return the user's attempts."""
        return list(self._attempts.of((self._unit.tenant_id, user_id)))

    def remove_user(self, user: User) -> None:
        """Remove the user's attempts."""
        group = user.tenant_id, user.id
        for attempt in list(self._attempts.of(group)):
            self._attempts.remove(group, attempt)

    def blank_logins(self, before: datetime, *, limit: int) -> int:
        blanked = oldest(self._attempts.everything(), lambda pair: _named_at(pair[1]), before=before, limit=limit)
        for group, attempt in blanked:
            self._attempts.remove(group, attempt)
            self._attempts.add(group, evolve(attempt, login=None))
        return len(blanked)


def _named_at(attempt: Attempt | RegistrationAttempt) -> datetime | None:
    return attempt.at if attempt.user_id is None and attempt.login is not None else None


class MemoryAttempts(_Attempts[Attempt], AttemptRepository):
    """Stores attempts to sign in."""


class MemoryRegistrationAttempts(_Attempts[RegistrationAttempt], RegistrationAttemptRepository):
    """Stores attempts to register."""


class MemoryUserAgents(UserAgentRepository):
    """Attempts and tokens have their user agents themselves; equal texts of one process are often one object."""

    def remove_unused(self, before: datetime, *, limit: int) -> int:  # noqa: ARG002 - as the port has it
        return 0
