"""Credentials in memory."""

from collections.abc import Sequence
from heapq import nsmallest

from usercore.kernel.ids import UserId
from usercore.passwords.model import Credential
from usercore.passwords.ports import CredentialRepository
from usercore.storage.recording import RecordingUnit
from usercore.users.model import User
from usercore_storage.memory.undo_dict import UndoDict, UndoLog


class MemoryCredentials(CredentialRepository):
    """Stores one credential for each user."""

    def __init__(self, undo: UndoLog, unit: RecordingUnit) -> None:
        self._credentials = UndoDict[UserId, Credential](undo)
        self._unit = unit

    def get(self, user_id: UserId) -> Credential | None:
        return self._credentials.get(user_id)

    def get_many(self, user_ids: Sequence[UserId]) -> list[Credential]:
        return [found for found in map(self._credentials.get, dict.fromkeys(user_ids)) if found is not None]

    def add_many(self, credentials: Sequence[Credential]) -> None:
        for credential in credentials:
            self._credentials.add(credential.user_id, credential)

    def list_from(self, after: UserId, *, limit: int) -> list[Credential]:
        of_tenant = (one for one in self._credentials.values() if self._unit.users.get(one.user_id) is not None)
        return nsmallest(limit, (one for one in of_tenant if one.user_id > after), key=lambda one: one.user_id)

    def put(self, credential: Credential) -> None:
        self._credentials.put(credential.user_id, credential)

    def rows_of(self, user_id: UserId) -> list[Credential]:
        """Return the user's credential."""
        found = self._credentials.get(user_id)
        return [] if found is None else [found]

    def remove_user(self, user: User) -> None:
        """Remove the user's credential."""
        self._credentials.remove(user.id)
