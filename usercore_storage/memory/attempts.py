"""Attempts to sign in and to register, in memory."""

from datetime import datetime
from typing import Generic, TypeVar

from usercore.attempts.model import Attempt, RegistrationAttempt
from usercore.attempts.ports import (
    AttemptRepository,
    RegistrationAttemptRepository,
)
from usercore.kernel.ids import TenantId, UserId
from usercore.storage.recording import RecordingUnit
from usercore_storage.memory.undo_dict import UndoDict, UndoLog, oldest
from usercore_storage.memory.undo_list import UndoList

T = TypeVar("T", bound=Attempt | RegistrationAttempt)


class _Attempts(Generic[T]):
    """Tries by tenant and user, each list by id; nobody is a user, too."""

    def __init__(self, undo: UndoLog, unit: RecordingUnit) -> None:
        self._attempts = UndoList[tuple[TenantId, UserId | None], int, T](undo, lambda attempt: attempt.id)
        self._nobodys = UndoDict[int, TenantId](undo)  # nobody is one and the same in all tenants
        self._unit = unit

    def add(self, attempt: T) -> None:
        if attempt.user_id is None:
            self._nobodys.add(attempt.id, attempt.tenant_id)
        self._attempts.add((attempt.tenant_id, attempt.user_id), attempt)

    def list_of(self, user_id: UserId | None, *, before: int | None, limit: int) -> list[T]:
        return self._attempts.newest((self._unit.tenant_id, user_id), before=before, limit=limit)

    def remove_before(self, before: datetime, *, limit: int) -> int:
        removed = oldest(self._attempts.everything(), lambda pair: pair[1].at, before=before, limit=limit)
        for group, attempt in removed:
            self._attempts.remove(group, attempt)
            if attempt.user_id is None:
                self._nobodys.remove(attempt.id)
        return len(removed)


class MemoryAttempts(_Attempts[Attempt], AttemptRepository):
    """Keeps tries to sign in."""


class MemoryRegistrationAttempts(_Attempts[RegistrationAttempt], RegistrationAttemptRepository):
    """Keeps tries to register."""
